//! The metrics of the server, and their text format (Prometheus 0.0.4).
//!
//! All labels come from fixed sets, such as route patterns and known methods. So no client can
//! create a time series.

mod counters;
mod file;
mod runs;
mod text;

pub(crate) use self::counters::{Metrics, Target};
pub use self::file::run_metrics;
pub(crate) use self::runs::RunMetrics;
pub(crate) use self::text::{Load, Page};
