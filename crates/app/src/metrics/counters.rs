//! The counters of the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::Method;

use crate::endpoints;
use crate::error::RowErrors;
use crate::kind::Kind;

/// Upper bounds of the histogram's buckets, in microseconds.
pub(super) const BUCKETS: [u64; 16] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// The counted methods; `other` stands for all methods that are not listed.
pub(super) const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "OPTIONS", "other"];

/// Target of a request: its route and method. All unknown addresses share one route index, the one
/// after the last route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(super) route: usize,
    pub(super) method: usize,
}

/// All counters.
pub(crate) struct Metrics {
    pub(super) in_flight: AtomicU64,
    /// Connections that ended before a request could be read.
    pub(super) without_request: AtomicU64,
    /// By route, then method.
    pub(super) durations: Vec<Histogram>,
    pub(super) requests: Mutex<BTreeMap<(Target, u16), u64>>,
    /// Predictions by label.
    pub(super) predictions: [AtomicU64; 2],
    pub(super) rejected: Mutex<BTreeMap<&'static str, u64>>,
    /// Problems by code.
    pub(super) problems: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Default)]
pub(super) struct Histogram {
    /// One bucket for each bound, and a last one for longer durations.
    pub(super) buckets: [AtomicU64; BUCKETS.len() + 1],
    pub(super) microseconds: AtomicU64,
}

/// A request that is being answered; counted until it is dropped.
pub(crate) struct Running<'m>(&'m Metrics);

impl Target {
    /// The target of a request; `endpoint_index` is the index of its endpoint.
    pub(crate) fn of(endpoint_index: Option<usize>, method: &Method) -> Self {
        let known = METHODS.iter().position(|known| *known == method.as_str());
        Self {
            route: endpoint_index.unwrap_or(endpoints::ALL.len()),
            method: known.unwrap_or(METHODS.len() - 1),
        }
    }

    /// The target of a request that could not be read.
    pub(crate) fn unread() -> Self {
        Self {
            route: endpoints::ALL.len(),
            method: METHODS.len() - 1,
        }
    }

    /// Pattern of the route.
    pub(crate) fn route(self) -> &'static str {
        endpoints::ALL
            .get(self.route)
            .map_or("none", |endpoint| endpoint.path)
    }

    /// Method of the request.
    pub(crate) fn method(self) -> &'static str {
        METHODS[self.method]
    }

    pub(super) fn cell(self) -> usize {
        self.route * METHODS.len() + self.method
    }
}

impl Metrics {
    /// All counters at 0.
    pub(crate) fn new() -> Self {
        let cells = (endpoints::ALL.len() + 1) * METHODS.len();
        Self {
            in_flight: AtomicU64::new(0),
            without_request: AtomicU64::new(0),
            durations: (0..cells).map(|_| Histogram::default()).collect(),
            requests: Mutex::default(),
            predictions: Default::default(),
            rejected: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    /// Counts a request that begins.
    pub(crate) fn begin(&self) -> Running<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        Running(self)
    }

    /// Number of requests that are not answered yet.
    pub(crate) fn requests_in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Counts an answered request.
    pub(crate) fn count_request(&self, target: Target, status: u16, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let histogram = &self.durations[target.cell()];
        let bucket = BUCKETS.partition_point(|bound| *bound < microseconds);
        histogram.buckets[bucket].fetch_add(1, Relaxed);
        histogram.microseconds.fetch_add(microseconds, Relaxed);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((target, status)).or_default() += 1;
    }

    /// Counts a connection that ended before a request could be read.
    pub(crate) fn count_connection_without_request(&self) {
        self.without_request.fetch_add(1, Relaxed);
    }

    /// Counts predictions of the negative and of the positive label.
    pub(crate) fn count_predictions(&self, negative: u64, positive: u64) {
        self.predictions[0].fetch_add(negative, Relaxed);
        self.predictions[1].fetch_add(positive, Relaxed);
    }

    /// Counts an answer that reports a problem.
    pub(crate) fn count_problem(&self, kind: &'static Kind) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        *problems.entry(kind.code).or_default() += 1;
    }

    /// Counts rejected rows.
    pub(crate) fn count_rejected(&self, errors: &RowErrors) {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in &errors.by_code {
            *rejected.entry(code).or_default() += count;
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
