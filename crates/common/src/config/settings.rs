//! The optional sections of the configuration: content, defaults and reading.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::folders;
use super::schema::read_missing_words;
use super::section::Section;
use crate::schema::MissingWords;

/// Section `ingestion`.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestionSettings {
    /// Minimum age in seconds of a file without a final newline before it is read; default 5.
    pub settle_seconds: u64,
    /// Approximate memory for reading and comparing rows, in MiB; default 1024.
    pub memory_limit_mib: u64,
    /// How texts are written.
    pub text: TextSettings,
    /// Words for a missing number.
    pub missing: MissingWords,
    /// False if equal rows of two files without an id are different rows; default true.
    pub deduplicate: bool,
}

/// How input files, test data and the texts of requests are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextSettings {
    /// Byte between two fields. `None` for `auto`, the default: the first records of each text show
    /// whether it is a comma, a semicolon, a tab or a vertical bar.
    pub separator: Option<u8>,
    /// Decimal mark of numbers. `None` for `auto`, the default: a point, or also a comma in texts
    /// whose fields are not separated by commas.
    pub decimal: Option<DecimalMark>,
    /// Encoding of texts without a byte order mark; default UTF-8.
    pub encoding: &'static Encoding,
}

/// Decimal mark of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1234.5`
    Point,
    /// `1234,5`
    Comma,
}

/// Separators that the configuration may name.
const SEPARATORS: [&str; 4] = [",", ";", "\t", "|"];

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            separator: None,
            decimal: None,
            encoding: encoding_rs::UTF_8,
        }
    }
}

impl TextSettings {
    /// Part of a digest: differs for different settings, and is empty for the default ones.
    pub(super) fn digest_text(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => {
                let Self {
                    separator,
                    decimal,
                    encoding,
                } = self;
                let encoding = encoding.name();
                format!("\0text\0{separator:?}\0{decimal:?}\0{encoding}")
            }
        }
    }
}

/// Section `training`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSettings {
    /// Inverse strength of the penalty ‖w‖² / (2C) on the raw coefficients; default 1.
    pub c: f64,
    /// Maximum number of rows of a fit that the independent check examines; default 20,000.
    pub verify_rows: usize,
    /// The rows that a model is fitted to; default `auto`.
    pub window: TrainingWindow,
    /// How the log-odds depend on numbers; default `auto`.
    pub form: TrainingForm,
    /// Memory of training and of a whole run, in MiB; default 4096. If the rows need more, a sample of
    /// the clients is used.
    pub memory_limit_mib: u64,
}

/// How the log-odds of a model depend on its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingForm {
    /// Straight lines for numbers, unless curves, or curves and pairs, predict better.
    Auto,
    /// Straight lines for numbers.
    Linear,
    /// Curves for numbers.
    Curves,
    /// Curves for numbers, and pairs of features where curves are not enough.
    Pairs,
}

/// The rows that a model is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingWindow {
    /// All rows, or the newest ones if a model fitted to them is significantly better.
    Auto,
    /// All rows.
    All,
    /// The rows of this many of the last batches; at least 1.
    Batches(u32),
}

/// Accepts `auto`, `all`, or a number of batches that is at least 1.
impl<'de> Deserialize<'de> for TrainingWindow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "\"auto\", \"all\" or a number of batches from 1 on";
        let refuse = || D::Error::invalid_value(Unexpected::Other("value"), &EXPECTED);
        match Value::deserialize(from)? {
            Value::String(name) if name == "auto" => Ok(Self::Auto),
            Value::String(name) if name == "all" => Ok(Self::All),
            Value::Number(number) => number
                .as_u64()
                .and_then(|batches| u32::try_from(batches).ok())
                .filter(|batches| *batches > 0)
                .map(Self::Batches)
                .ok_or_else(refuse),
            _ => Err(refuse()),
        }
    }
}

/// Section `scoring`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoringSettings {
    /// Where the operating threshold of a model comes from; default `auto`.
    pub threshold: ThresholdRule,
    /// How the bands of the call list are made; default `auto`.
    pub bands: BandRule,
    /// Cost and value of calling a client.
    pub actions: ActionSettings,
}

/// Where the operating threshold of a model comes from: the probability above which the positive
/// label is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThresholdRule {
    /// The threshold with the highest F1 on the training rows.
    Auto,
    /// This probability, above 0 and below 1.
    Fixed(f64),
    /// The probability at which both kinds of wrong predictions have the same expected cost.
    Cost {
        /// Cost of a positive label that is not predicted; above 0.
        false_negative: f64,
        /// Cost of a negative label that is predicted to be positive; above 0.
        false_positive: f64,
    },
    /// The threshold above which this many clients of the training rows lie; at least 1.
    Capacity(u64),
}

/// How the bands of the call list are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BandRule {
    /// `high` above the threshold of the model, `medium` above half of it, `low` below that.
    Auto,
    /// `high` and `medium` at or above these probabilities, `low` below them.
    From {
        /// Lowest probability of the band `high`; at most 1.
        high: f64,
        /// Lowest probability of the band `medium`; above 0 and below `high`.
        medium: f64,
    },
    /// Tenths of the clients by probability: `decile_1` has the highest.
    Decile,
}

/// Section `scoring.actions`: cost and value of calling a client. Costs and values have one unit,
/// such as a currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionSettings {
    /// Number of clients that can be called; `None` for no limit, the default.
    pub capacity: Option<u64>,
    /// How the value of a call is estimated; `None` if the clients are ranked by probability.
    pub value: Option<ValueRule>,
    /// Share of the clients to be called that are held out, to measure the effect of calls; 0 to
    /// one half, default 0.
    pub holdout: f64,
}

/// How the expected value of a call is computed: probability × save rate × value − cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRule {
    /// Cost of a call; default 0.
    pub cost: f64,
    /// Save rate: the share of leavers that a call keeps; above 0 and at most 1, default 1.
    pub save_rate: f64,
    /// Feature that holds the value of a client that stays. `None` if every client has the value 1.
    pub column: Option<String>,
}

/// Upper limit of `alpha`. Without drift, p-values below one half occur in every second run.
const HIGHEST_ALPHA: f64 = 0.5;

/// Section `drift`.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftSettings {
    /// What triggers a retrain; default `evidence`.
    pub trigger: DriftTrigger,
    /// New labelled rows needed for a decision; with fewer, it waits for more rows. Default 20.
    pub min_rows: u64,
    /// New rows of each label needed for a decision; with fewer, it waits for more rows. Default 5.
    pub min_of_each_label: u64,
    /// Significance level of model drift: a p-value below it means drift. Default 0.005.
    pub alpha: f64,
    /// The rows that the deployed model is evaluated on; default `new_rows`.
    pub basis: DriftBasis,
    /// Whether an equal score counts as drift; default `retrain`.
    pub on_tie: OnTie,
}

/// What triggers a retrain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftTrigger {
    /// A score that is not higher than the score at deployment.
    Score,
    /// The score test: model drift in the coefficients.
    Evidence,
}

/// The rows that the deployed model is evaluated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftBasis {
    /// The labelled rows that were never evaluated.
    NewRows,
    /// All labelled rows of finaldata.csv.
    AllRows,
}

/// Meaning of a new score equal to the deployed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTie {
    /// The score is not higher, so the model is retrained.
    Retrain,
    /// The model is kept.
    Keep,
}

/// Section `deployment`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentSettings {
    /// Which candidate replaces the deployed model; default `not_worse`.
    pub gate: GatePolicy,
    /// Number of releases kept; default 10. The live release and its parent are always kept.
    pub keep_releases: usize,
}

/// Which candidate replaces the deployed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatePolicy {
    /// A candidate that passes the gate. The gate compares both models on rows that neither was
    /// fitted to.
    NotWorse,
    /// Every candidate.
    Always,
    /// No candidate automatically: one that passes the gate waits until a person deploys it.
    Ask,
}

/// Section `scorecard`: the scale of its points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScorecardSettings {
    /// Points that double the odds of the negative label against the positive one; default 20.
    pub points_to_double_odds: f64,
    /// Score of a client whose odds are `odds`; default 600.
    pub score: f64,
    /// Odds of the negative label at which a client has the score `score`; default 50.
    pub odds: f64,
}

impl Default for ScorecardSettings {
    fn default() -> Self {
        Self {
            points_to_double_odds: 20.0,
            score: 600.0,
            odds: 50.0,
        }
    }
}

/// Limits of `points_to_double_odds`. With fewer points, rounding to hundredths would distort them.
const POINTS_TO_DOUBLE_ODDS: RangeInclusive<f64> = 1.0..=10_000.0;
/// Limits of `score`.
const SCORE: RangeInclusive<f64> = -1e6..=1e6;
/// Limits of `odds`.
const ODDS: RangeInclusive<f64> = 1e-6..=1e6;

/// Section `diagnostics`.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagnosticsSettings {
    /// Age of the last run, in hours, above which it counts as stale; default 24.
    pub stale_after_hours: u32,
    /// True if runs ask the cargo registry index for newer dependencies, once a day. Default true.
    pub check_updates: bool,
}

/// Section `history`.
#[derive(Clone, Debug, PartialEq)]
pub struct HistorySettings {
    /// Number of runs without new input that are kept, newest first; default 1,000. All other runs
    /// are kept.
    pub keep_runs: u32,
}

/// Section `api`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiSettings {
    /// Address that the server listens on; default `127.0.0.1:8000`.
    pub bind: SocketAddr,
    /// Address of a running server that `fullprocess` calls. Without it, `fullprocess` starts a
    /// server of its own.
    pub url: Option<String>,
    /// Time limit of a call in seconds, from the lookup of the host to the last byte read; default 30.
    pub timeout_seconds: u64,
    /// Folders from which a prediction request may name a CSV file; default: the input, output and
    /// test folders. An empty list turns this form of request off.
    pub data_roots: Vec<PathBuf>,
    /// File with the keys of clients; required where other machines can reach the server.
    pub keys_file: Option<PathBuf>,
    /// File with the key for calls to `url`.
    pub key_file: Option<PathBuf>,
    /// Host names that requests may use; default: the loopback names and the listening address.
    /// `*.example.com` stands for all names with that end, `*` for all names.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may read answers in a browser; default none.
    pub allowed_origins: Vec<String>,
    /// Limits of one request.
    pub limits: LimitSettings,
}

/// Section `api.limits`.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSettings {
    /// Bytes of a body as received; default 16 MiB.
    pub body_bytes: u64,
    /// Bytes of a compressed body after decompression; default 64 MiB.
    pub inflated_bytes: u64,
    /// Bytes of a file that a request names; default 256 MiB.
    pub file_bytes: u64,
    /// Rows of a request; default 1,000,000.
    pub rows: u64,
    /// Columns of a request; default 1,024.
    pub columns: u64,
    /// Bytes of one field; default 64 KiB.
    pub field_bytes: u64,
    /// Seconds until a body must be complete; default 30.
    pub body_seconds: u64,
    /// Seconds that a connection without a request is kept open; default 75.
    pub keep_alive_seconds: u64,
    /// Bytes of all requests and answers in memory at once; default 256 MiB. An eighth is reserved
    /// for small requests and answers.
    pub in_flight_bytes: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes: 16 * MIB,
            inflated_bytes: 64 * MIB,
            file_bytes: 256 * MIB,
            rows: 1_000_000,
            columns: 1_024,
            field_bytes: 64 * 1024,
            body_seconds: 30,
            keep_alive_seconds: 75,
            in_flight_bytes: 256 * MIB,
        }
    }
}

const MIB: u64 = 1024 * 1024;

pub(super) fn read_ingestion(mut section: Section<'_>) -> IngestionSettings {
    let settings = IngestionSettings {
        settle_seconds: section.value("settle_seconds", 5),
        memory_limit_mib: section.at_least_one("memory_limit_mib", 1024),
        text: read_text(&mut section),
        missing: read_missing_words(&mut section),
        deduplicate: section.value("deduplicate", true),
    };
    section.finish();
    settings
}

fn read_text(section: &mut Section<'_>) -> TextSettings {
    let mut text = TextSettings::default();
    let separator: String = section.value("separator", "auto".into());
    match SEPARATORS.iter().find(|known| **known == separator) {
        Some(known) => text.separator = known.bytes().next(),
        None if separator == "auto" => {}
        None => section.problem(
            "separator",
            r#"must be "auto", ",", ";", "\t" (a tab) or "|""#,
        ),
    }
    let decimal: String = section.value("decimal", "auto".into());
    match decimal.as_str() {
        "auto" => {}
        "." => text.decimal = Some(DecimalMark::Point),
        "," => text.decimal = Some(DecimalMark::Comma),
        _ => section.problem("decimal", r#"must be "auto", "." or ",""#),
    }
    let encoding: String = section.value("encoding", "utf-8".into());
    match Encoding::for_label_no_replacement(encoding.as_bytes()) {
        Some(known) => text.encoding = known,
        None => section.problem(
            "encoding",
            r#"must name an encoding, such as "utf-8" or "windows-1252""#,
        ),
    }
    text
}

pub(super) fn read_training(mut section: Section<'_>) -> TrainingSettings {
    let settings = TrainingSettings {
        c: section.value("c", 1.0),
        verify_rows: section.value("verify_rows", 20_000),
        window: section.value("window", TrainingWindow::Auto),
        form: section.value("form", TrainingForm::Auto),
        memory_limit_mib: section.at_least_one("memory_limit_mib", 4096),
    };
    if !(settings.c.is_finite() && settings.c > 0.0) {
        section.problem("c", "must be a number above 0");
    }
    section.finish();
    settings
}

pub(super) fn read_drift(mut section: Section<'_>) -> DriftSettings {
    let settings = DriftSettings {
        trigger: section.value("trigger", DriftTrigger::Evidence),
        min_rows: section.value("min_rows", 20),
        min_of_each_label: section.value("min_of_each_label", 5),
        alpha: section.value("alpha", 0.005),
        basis: section.value("basis", DriftBasis::NewRows),
        on_tie: section.value("on_tie", OnTie::Retrain),
    };
    if !(settings.alpha > 0.0 && settings.alpha <= HIGHEST_ALPHA) {
        let text = format!("must be above 0 and at most 0.5, not {}", settings.alpha);
        section.problem("alpha", &text);
    }
    let of_both_labels = settings.min_of_each_label.saturating_mul(2);
    if of_both_labels > settings.min_rows {
        let text = format!(
            "{} of each label are {of_both_labels} rows, more than drift.min_rows ({}): use at most {}",
            settings.min_of_each_label,
            settings.min_rows,
            settings.min_rows / 2
        );
        section.problem("min_of_each_label", &text);
    }
    section.finish();
    settings
}

pub(super) fn read_deployment(mut section: Section<'_>) -> DeploymentSettings {
    let settings = DeploymentSettings {
        gate: section.value("gate", GatePolicy::NotWorse),
        keep_releases: section.at_least_one("keep_releases", 10),
    };
    section.finish();
    settings
}

pub(super) fn read_scorecard(mut section: Section<'_>) -> ScorecardSettings {
    let default = ScorecardSettings::default();
    let mut number = |key: &'static str, default: f64, limits: &RangeInclusive<f64>| {
        let value = section.value(key, default);
        if !limits.contains(&value) {
            let text = format!("must be from {} to {}", limits.start(), limits.end());
            section.problem(key, &text);
        }
        value
    };
    let settings = ScorecardSettings {
        points_to_double_odds: number(
            "points_to_double_odds",
            default.points_to_double_odds,
            &POINTS_TO_DOUBLE_ODDS,
        ),
        score: number("score", default.score, &SCORE),
        odds: number("odds", default.odds, &ODDS),
    };
    section.finish();
    settings
}

pub(super) fn read_diagnostics(mut section: Section<'_>) -> DiagnosticsSettings {
    let settings = DiagnosticsSettings {
        stale_after_hours: section.value("stale_after_hours", 24),
        check_updates: section.value("check_updates", true),
    };
    section.finish();
    settings
}

pub(super) fn read_history(mut section: Section<'_>) -> HistorySettings {
    let settings = HistorySettings {
        keep_runs: section.value("keep_runs", 1_000),
    };
    section.finish();
    settings
}

/// Upper limit of timeouts in seconds: one day.
const MAX_TIMEOUT: u64 = 86_400;

/// The loopback names of this machine, and the listening address.
fn loopback_and(bind: SocketAddr) -> Vec<String> {
    let names = ["localhost", "127.0.0.1", "[::1]"].map(String::from);
    let bound = match bind {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let is_new = !names.contains(&bound);
    names.into_iter().chain(is_new.then_some(bound)).collect()
}

fn read_limits(mut section: Section<'_>) -> LimitSettings {
    let default = LimitSettings::default();
    let mut limit = |key: &'static str, default: u64| section.at_least_one(key, default);
    let limits = LimitSettings {
        body_bytes: limit("body_bytes", default.body_bytes),
        inflated_bytes: limit("inflated_bytes", default.inflated_bytes),
        file_bytes: limit("file_bytes", default.file_bytes),
        rows: limit("rows", default.rows),
        columns: limit("columns", default.columns),
        field_bytes: limit("field_bytes", default.field_bytes),
        body_seconds: limit("body_seconds", default.body_seconds),
        keep_alive_seconds: limit("keep_alive_seconds", default.keep_alive_seconds),
        in_flight_bytes: limit("in_flight_bytes", default.in_flight_bytes),
    };
    for (key, seconds) in [
        ("body_seconds", limits.body_seconds),
        ("keep_alive_seconds", limits.keep_alive_seconds),
    ] {
        if seconds > MAX_TIMEOUT {
            let text = format!("must be from 1 to {MAX_TIMEOUT}");
            section.problem(key, &text);
        }
    }
    section.finish();
    limits
}

/// True for a host name, with or without a port, or for a pattern of names.
fn is_host_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_allowed = |character: char| {
        character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | ':' | '[' | ']')
    };
    text == "*" || (!name.is_empty() && name.chars().all(is_allowed))
}

/// The settings, and whether `data_roots` was given.
pub(super) fn read_api(mut section: Section<'_>, base: &Path) -> (ApiSettings, bool) {
    let data_roots: Option<Vec<String>> = section.value("data_roots", None);
    let file = |path: Option<String>| path.map(|path| folders::absolute(base, &path));
    let bind = section.value("bind", SocketAddr::from(([127, 0, 0, 1], 8000)));
    let settings = ApiSettings {
        bind,
        url: section.value("url", None),
        timeout_seconds: section.value("timeout_seconds", 30),
        data_roots: data_roots
            .iter()
            .flatten()
            .map(|root| folders::absolute(base, root))
            .collect(),
        keys_file: file(section.value("keys_file", None)),
        key_file: file(section.value("key_file", None)),
        allowed_hosts: section.value("allowed_hosts", loopback_and(bind)),
        allowed_origins: section.value("allowed_origins", Vec::new()),
        limits: read_limits(section.section("limits")),
    };
    let mut hosts = settings.allowed_hosts.iter();
    if let Some(position) = hosts.position(|name| !is_host_pattern(name)) {
        let text = format!(
            "item {} is no host name: write risk.example, *.risk.example for all names with that end, or * for all names, without a scheme or a path",
            position + 1
        );
        section.problem("allowed_hosts", &text);
    }
    if let Some(url) = &settings.url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        section.problem("url", "must begin with http:// or https://");
    }
    if !(1..=MAX_TIMEOUT).contains(&settings.timeout_seconds) {
        let text = format!("must be from 1 to {MAX_TIMEOUT}");
        section.problem("timeout_seconds", &text);
    }
    section.finish();
    (settings, data_roots.is_some())
}
