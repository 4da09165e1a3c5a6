//! The metrics as text.

use std::fmt::{self, Write};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::counters::{BUCKETS, METHODS, Metrics, Target};
use super::runs::RunMetrics;
use crate::endpoints;
use crate::snapshot::{ModelMetrics, ServedModelMetrics};

/// Metrics that a run writes to a file, for collectors without a server: the live release and the
/// runs.
pub(crate) struct RunPage<'a> {
    pub(crate) served: Option<&'a ServedModelMetrics>,
    pub(crate) runs: &'a RunMetrics,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl fmt::Display for RunPage<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_build(to)?;
        write_served(to, self.served, self.now)?;
        write_runs(to, self.runs)
    }
}

/// All metrics of the server.
pub(crate) struct Page<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) load: Load,
    pub(crate) model: &'a ModelMetrics,
    pub(crate) runs: &'a RunMetrics,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Load of the server at this moment.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Bytes of all requests and answers in memory.
    pub(crate) bytes: u64,
    /// Upper limit of these bytes.
    pub(crate) max_bytes: u64,
    /// Requests that wait for their turn.
    pub(crate) waiting: usize,
    /// Open connections.
    pub(crate) connections: usize,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_requests(to)?;
        self.write_load(to)?;
        self.write_model(to)?;
        self.write_rows(to)?;
        write_runs(to, self.runs)
    }
}

impl Page<'_> {
    fn write_requests(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = self.metrics;
        head(to, "http_requests_total", "counter", "Requests answered")?;
        let requests = metrics
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for ((target, status), count) in &*requests {
            let (method, route) = (target.method(), target.route());
            writeln!(
                to,
                "http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            )?;
        }
        drop(requests);
        let name = "http_problems_total";
        head(to, name, "counter", "Problems answered by code")?;
        let problems = metrics
            .problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (code, count) in &*problems {
            writeln!(to, "{name}{{code=\"{code}\"}} {count}")?;
        }
        drop(problems);
        let name = "http_request_duration_seconds";
        head(to, name, "histogram", "Time until the answer began")?;
        for route in 0..=endpoints::ALL.len() {
            for method in 0..METHODS.len() {
                self.write_histogram(to, name, Target { route, method })?;
            }
        }
        head(
            to,
            "http_requests_in_flight",
            "gauge",
            "Requests being answered",
        )?;
        let in_flight = metrics.in_flight.load(Relaxed);
        writeln!(to, "http_requests_in_flight {in_flight}")?;
        let name = "http_connections_without_request_total";
        head(
            to,
            name,
            "counter",
            "Connections ended before a request could be read",
        )?;
        writeln!(to, "{name} {}", metrics.without_request.load(Relaxed))
    }

    fn write_load(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = &self.load;
        for (name, help, value) in [
            (
                "http_in_flight_bytes",
                "Memory of all requests and answers",
                load.bytes,
            ),
            (
                "http_in_flight_bytes_limit",
                "Limit of that memory",
                load.max_bytes,
            ),
            (
                "http_requests_waiting",
                "Long requests that wait for their turn",
                load.waiting as u64,
            ),
            (
                "http_connections_open",
                "Open connections",
                load.connections as u64,
            ),
        ] {
            head(to, name, "gauge", help)?;
            writeln!(to, "{name} {value}")?;
        }
        Ok(())
    }

    fn write_histogram(
        &self,
        to: &mut fmt::Formatter<'_>,
        name: &str,
        target: Target,
    ) -> fmt::Result {
        let histogram = &self.metrics.durations[target.cell()];
        let counts = histogram
            .buckets
            .each_ref()
            .map(|count| count.load(Relaxed));
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return Ok(());
        }
        let labels = format!(
            "method=\"{}\",route=\"{}\"",
            target.method(),
            target.route()
        );
        let mut so_far = 0;
        for (count, bound) in counts.iter().zip(BUCKETS) {
            so_far += count;
            let bound = seconds(bound);
            writeln!(to, "{name}_bucket{{{labels},le=\"{bound}\"}} {so_far}")?;
        }
        writeln!(to, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}")?;
        let sum = seconds(histogram.microseconds.load(Relaxed));
        writeln!(to, "{name}_sum{{{labels}}} {sum}")?;
        writeln!(to, "{name}_count{{{labels}}} {total}")
    }

    fn write_model(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_build(to)?;
        write_served(to, self.model.served.as_ref(), self.now)?;
        let name = "risk_model_reloads_total";
        head(to, name, "counter", "Releases loaded, or unusable")?;
        writeln!(to, "{name}{{result=\"loaded\"}} {}", self.model.loaded)?;
        writeln!(to, "{name}{{result=\"refused\"}} {}", self.model.unusable)?;
        let name = "risk_model_is_live";
        let help = "Whether the release that is served is the live one";
        head(to, name, "gauge", help)?;
        writeln!(to, "{name} {}", u8::from(self.model.is_live))
    }

    fn write_rows(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = self.metrics;
        head(
            to,
            "risk_predictions_total",
            "counter",
            "Rows predicted by label",
        )?;
        for (label, count) in metrics.predictions.iter().enumerate() {
            let count = count.load(Relaxed);
            writeln!(to, "risk_predictions_total{{label=\"{label}\"}} {count}")?;
        }
        let name = "risk_rows_rejected_total";
        head(to, name, "counter", "Rejected rows of requests")?;
        let rejected = metrics
            .rejected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (code, count) in &*rejected {
            writeln!(to, "{name}{{code=\"{code}\"}} {count}")?;
        }
        Ok(())
    }
}

fn write_build(to: &mut fmt::Formatter<'_>) -> fmt::Result {
    head(to, "risk_build_info", "gauge", "The version of the program")?;
    let version = env!("CARGO_PKG_VERSION");
    writeln!(to, "risk_build_info{{version=\"{version}\"}} 1")
}

fn write_served(
    to: &mut fmt::Formatter<'_>,
    served: Option<&ServedModelMetrics>,
    now: i64,
) -> fmt::Result {
    let Some(served) = served else {
        return Ok(());
    };
    head(to, "risk_model_info", "gauge", "The release that is served")?;
    let version = label(&served.release);
    writeln!(to, "risk_model_info{{version=\"{version}\"}} 1")?;
    let name = "risk_model_age_seconds";
    head(to, name, "gauge", "Since the release was made")?;
    let age = (now - served.created_at.as_second()).max(0);
    writeln!(to, "{name} {age}")?;
    let name = "risk_model_f1";
    head(
        to,
        name,
        "gauge",
        "F1 on the test data when it was deployed",
    )?;
    writeln!(to, "{name} {}", served.score)
}

fn write_runs(to: &mut fmt::Formatter<'_>, runs: &RunMetrics) -> fmt::Result {
    if let Some(time) = runs.last_success {
        let name = "risk_run_last_success_timestamp_seconds";
        head(to, name, "gauge", "When a run last ended without failing")?;
        writeln!(to, "{name} {time}")?;
    }
    let name = "risk_run_last_duration_seconds";
    head(to, name, "gauge", "How long each stage took last")?;
    for (stage, seconds) in &runs.stage_seconds {
        writeln!(to, "{name}{{stage=\"{}\"}} {seconds}", label(stage))?;
    }
    let name = "risk_feature_psi";
    head(
        to,
        name,
        "gauge",
        "Stability index of each feature when rows were last evaluated",
    )?;
    for (feature, index) in &runs.stability {
        writeln!(to, "{name}{{feature=\"{}\"}} {index}", label(feature))?;
    }
    head(to, "risk_runs_total", "counter", "Runs by outcome")?;
    for (outcome, count) in &runs.outcomes {
        let outcome = label(outcome);
        writeln!(to, "risk_runs_total{{outcome=\"{outcome}\"}} {count}")?;
    }
    Ok(())
}

fn head(to: &mut fmt::Formatter<'_>, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(to, "# HELP {name} {help}.\n# TYPE {name} {kind}")
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

/// Escapes the value of a label.
fn label(value: &str) -> String {
    let mut label = String::with_capacity(value.len());
    for character in value.chars() {
        let _ = match character {
            '\\' => write!(label, "\\\\"),
            '"' => write!(label, "\\\""),
            '\n' => write!(label, "\\n"),
            other => write!(label, "{other}"),
        };
    }
    label
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::Method;

    use super::*;

    #[test]
    fn counters_are_written_with_their_labels() {
        let metrics = Metrics::new();
        let target = Target::of(endpoints::endpoint_index("/scoring"), &Method::GET);
        metrics.count_request(target, 200, Duration::from_micros(250));
        metrics.count_request(target, 200, Duration::from_micros(251));
        metrics.count_request(target, 503, Duration::from_secs(60));
        let odd = Method::from_bytes(b"BREW").unwrap();
        metrics.count_request(Target::of(None, &odd), 404, Duration::ZERO);
        metrics.count_predictions(3, 4);
        metrics.count_connection_without_request();
        metrics.count_problem(&crate::kind::NO_DATA);
        let _running = metrics.begin();
        let page = Page {
            metrics: &metrics,
            load: Load {
                bytes: 5,
                max_bytes: 6,
                waiting: 7,
                connections: 8,
            },
            model: &ModelMetrics::default(),
            runs: &RunMetrics {
                last_success: Some(7),
                stage_seconds: vec![("training".into(), 0.5)],
                outcomes: [("cold_start".to_owned(), 1)].into(),
                stability: vec![("logins".into(), 0.25)],
            },
            now: 10,
        };
        let text = page.to_string();
        for line in [
            r#"http_requests_total{method="GET",route="/scoring",status="200"} 2"#,
            r#"http_requests_total{method="GET",route="/scoring",status="503"} 1"#,
            r#"http_requests_total{method="other",route="none",status="404"} 1"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/scoring",le="0.00025"} 1"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/scoring",le="0.0005"} 2"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/scoring",le="+Inf"} 3"#,
            r#"http_request_duration_seconds_count{method="GET",route="/scoring"} 3"#,
            "http_requests_in_flight 1",
            r#"http_problems_total{code="no-data"} 1"#,
            "http_in_flight_bytes 5",
            "http_in_flight_bytes_limit 6",
            "http_requests_waiting 7",
            "http_connections_open 8",
            "risk_model_is_live 0",
            r#"risk_predictions_total{label="1"} 4"#,
            "risk_run_last_success_timestamp_seconds 7",
            r#"risk_run_last_duration_seconds{stage="training"} 0.5"#,
            r#"risk_runs_total{outcome="cold_start"} 1"#,
            r#"risk_feature_psi{feature="logins"} 0.25"#,
            "http_connections_without_request_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("risk_model_info"), "{text}");
        assert_eq!(label("a\"\\\n"), "a\\\"\\\\\\n");
    }
}
