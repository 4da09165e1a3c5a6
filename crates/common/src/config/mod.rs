//! The configuration: read once, checked as a whole, and passed on only after the check.
//!
//! All problems are collected and reported together, each with its key. Relative paths resolve
//! against the folder of the configuration file, never against the working directory.

mod alerts;
mod engine;
mod folders;
mod schema;
mod scoring;
mod section;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::alerts::read_alerts;
pub use self::alerts::{AlertSettings, CommandSettings, WebhookSettings};
pub use self::engine::EngineSettings;
use self::engine::read_engine;
use self::folders::Folders;
pub use self::folders::{ExcludedFolder, InputFolder};
use self::schema::read_schema;
use self::scoring::read_scoring;
use self::section::{Problems, Section};
pub use self::settings::{
    ActionSettings, ApiSettings, BandRule, DecimalMark, DeploymentSettings, DiagnosticsSettings,
    DriftBasis, DriftSettings, DriftTrigger, GatePolicy, HistorySettings, IngestionSettings,
    LimitSettings, OnTie, ScorecardSettings, ScoringSettings, TextSettings, ThresholdRule,
    TrainingForm, TrainingSettings, TrainingWindow, ValueRule,
};
use self::settings::{
    read_api, read_deployment, read_diagnostics, read_drift, read_history, read_ingestion,
    read_scorecard, read_training,
};
use crate::{Failure, Layout, Schema, digest, files, regular};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// SHA-256 of the configuration file, as 64 hexadecimal digits.
    pub digest: String,
    /// Folders where new data arrives, in the order of ingestion.
    pub input_folders: Vec<InputFolder>,
    /// The folder of the test data.
    pub test_folder: InputFolder,
    /// The path of every file that the pipeline keeps.
    pub layout: Layout,
    /// The column roles.
    pub schema: Schema,
    /// Settings of ingestion.
    pub ingestion: IngestionSettings,
    /// The distributed engine that computes the sums over rows; `None` if the program computes them itself.
    pub engine: Option<EngineSettings>,
    /// Settings of training.
    pub training: TrainingSettings,
    /// Settings of scoring.
    pub scoring: ScoringSettings,
    /// Settings of drift detection and of the decision.
    pub drift: DriftSettings,
    /// Settings of the gate and of kept releases.
    pub deployment: DeploymentSettings,
    /// The scale of the scorecard's points.
    pub scorecard: ScorecardSettings,
    /// Settings of the diagnostics.
    pub diagnostics: DiagnosticsSettings,
    /// Settings of the history.
    pub history: HistorySettings,
    /// Settings of the HTTP API.
    pub api: ApiSettings,
    /// Settings of alerts.
    pub alerts: AlertSettings,
}

/// The configuration file if none is named.
const DEFAULT_FILE: &str = "config.json";

/// The folders of a new pipeline, as values of their configuration keys.
pub fn default_folders() -> serde_json::Map<String, serde_json::Value> {
    let folders = FOLDERS.map(|(key, folder)| (key.to_owned(), folder.into()));
    folders.into_iter().collect()
}

/// The folders of a new pipeline, each with its key.
const FOLDERS: [(&str, &str); 6] = [
    ("input_folder_path", "input"),
    ("output_folder_path", "ingested"),
    ("test_data_path", "test"),
    ("output_model_path", "models"),
    ("prod_deployment_path", "production"),
    ("state_folder_path", "state"),
];

/// The environment variable that names the configuration file if `--config` does not.
pub const CONFIG_VARIABLE: &str = "RISK_CONFIG";

impl Config {
    /// Digest of all settings that decide which rows are read from the input files. Data with
    /// another digest must be rebuilt.
    pub fn data_digest(&self) -> String {
        let IngestionSettings {
            text, deduplicate, ..
        } = &self.ingestion;
        let mut settings = text.digest_text();
        if !deduplicate {
            settings.push_str("\0every row");
        }
        let schema = self.schema.digest();
        match settings.as_str() {
            "" => schema,
            _ => digest::of_bytes(format!("{schema}{settings}").as_bytes()),
        }
    }

    /// True if a distributed engine reads the input files, so that no row is on this machine.
    pub fn ingests_on_engine(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.ingestion)
    }

    /// An error if the rows are only on an engine. `what` needs them on this machine.
    pub fn expect_rows_here(&self, what: &str) -> Result<(), Failure> {
        match self.ingests_on_engine() {
            false => Ok(()),
            true => Err(Failure::configuration(format!(
                "{what} needs the rows on this machine, and engine.ingestion leaves them on the engine: only `fullprocess` works on them"
            ))),
        }
    }

    /// Reads the configuration file named by `--config`, else by `RISK_CONFIG`, else
    /// `./config.json`.
    pub fn find_and_load(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let path = named
            .or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        Self::load(&path)
    }

    /// Like [`Self::find_and_load`], but uses [`Self::of_defaults_here`] if no file is named and
    /// `./config.json` is missing.
    pub fn find_or_default(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let is_named = named.is_some() || std::env::var_os(CONFIG_VARIABLE).is_some();
        if is_named || files::exists(Path::new(DEFAULT_FILE))? {
            Self::find_and_load(named)
        } else {
            Self::of_defaults_here()
        }
    }

    /// Like [`Self::of_defaults`], with the working folder as `base`.
    pub fn of_defaults_here() -> anyhow::Result<Self> {
        let base = std::path::absolute(".").context("failed to find the working folder")?;
        Self::of_defaults(&base)
    }

    /// A configuration of defaults: all folders are in `base`, as in [`default_folders`].
    pub fn of_defaults(base: &Path) -> anyhow::Result<Self> {
        let text = serde_json::Value::Object(default_folders()).to_string();
        Self::parse(&base.join("config.json"), &text)
    }

    /// Reads and checks one configuration file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let file = std::path::absolute(path)
            .with_context(|| format!("failed to resolve {}", path.display()))?;
        let text = regular::read_to_string(&file).map_err(|error| {
            Failure::configuration(format!(
                "failed to read the configuration {}: {error} (name it with --config FILE or {CONFIG_VARIABLE})",
                file.display()
            ))
        })?;
        Self::parse(&file, &text)
    }

    /// Checks `text`, the content of the configuration file `file`.
    pub fn parse(file: &Path, text: &str) -> anyhow::Result<Self> {
        let unusable = |problems: &dyn fmt::Display| {
            Failure::configuration(format!("{} is not usable:\n{problems}", file.display()))
        };
        let values = match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(values)) => values,
            Ok(_) => return Err(unusable(&"  it is not a JSON object").into()),
            Err(error) => return Err(unusable(&format!("  {error}")).into()),
        };
        let base = file.parent().unwrap_or(Path::new("/"));
        let problems = Problems::default();
        let digest = digest::of_bytes(text.as_bytes());
        let config = read(base, digest, Section::root(values, &problems), &problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(unusable(&problems).into()),
        }
    }
}

/// Reads all sections; `None` when a required key is missing. The missing key is then in
/// `problems`.
fn read(base: &Path, digest: String, mut root: Section<'_>, problems: &Problems) -> Option<Config> {
    let folders = Folders::read(&mut root);
    let ingestion = read_ingestion(root.section("ingestion"));
    let schema = read_schema(root.section("schema"), &ingestion.missing);
    let keeps_equal_rows = !ingestion.deduplicate;
    if keeps_equal_rows && schema.id.is_some() {
        problems.add(
            "ingestion.deduplicate",
            "may be false only if schema.id is null: with an id, an equal row of the same client is always a duplicate",
        );
    }
    let engine = read_engine(root.section("engine"), base, &schema, &ingestion);
    let training = read_training(root.section("training"));
    let scoring = read_scoring(root.section("scoring"), &schema);
    let drift = read_drift(root.section("drift"));
    let deployment = read_deployment(root.section("deployment"));
    let scorecard = read_scorecard(root.section("scorecard"));
    let diagnostics = read_diagnostics(root.section("diagnostics"));
    let history = read_history(root.section("history"));
    let api = read_api(root.section("api"), base);
    let alerts = read_alerts(root.section("alerts"), base);
    root.finish();

    let folders = folders?.resolve(base, problems);
    if let Some(engine) = &engine {
        folders.check_storage(&engine.storage, problems);
    }
    let (mut api, data_roots_given) = api;
    if !data_roots_given {
        api.data_roots = folders
            .inputs
            .iter()
            .chain([&folders.test])
            .map(|folder| folder.path.clone())
            .chain([folders.layout.output.clone()])
            .collect();
    }
    Some(Config {
        base: base.to_owned(),
        digest,
        input_folders: folders.inputs,
        test_folder: folders.test,
        layout: folders.layout,
        schema,
        ingestion,
        engine,
        training,
        scoring,
        drift,
        deployment,
        scorecard,
        diagnostics,
        history,
        api,
        alerts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &str = r#""input_folder_path":"in","output_folder_path":"out",
        "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod""#;

    fn parse(extra: &str) -> anyhow::Result<Config> {
        let text = format!("{{{REQUIRED}{extra}}}");
        Config::parse(Path::new("/nowhere/config.json"), &text)
    }

    fn problems(extra: &str) -> String {
        parse(extra).expect_err("a problem").to_string()
    }

    #[test]
    fn absent_keys_have_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.input_folders[0].name, "in");
        assert_eq!(config.input_folders[0].path, Path::new("/nowhere/in"));
        assert_eq!(config.layout.state(), Path::new("/nowhere/data/state"));
        assert_eq!(config.schema, Schema::default());
        assert_eq!(config.drift.on_tie, OnTie::Retrain);
        assert!(config.diagnostics.check_updates);
        assert_eq!(config.api.bind.port(), 8000);
        assert_eq!(config.api.data_roots.len(), 3);
        assert_eq!(config.api.keys_file, None);
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        assert_eq!(config.api.allowed_hosts, hosts);
        assert_eq!(config.api.limits, LimitSettings::default());
    }

    #[test]
    fn api_settings_are_read_with_their_limits() {
        let config =
            parse(r#","api":{"bind":"[2001:db8::1]:80","keys_file":"keys","limits":{"rows":7}}"#)
                .unwrap();
        let api = config.api;
        assert_eq!(api.keys_file.as_deref(), Some(Path::new("/nowhere/keys")));
        assert_eq!(api.allowed_hosts.last().unwrap(), "[2001:db8::1]");
        assert_eq!((api.limits.rows, api.limits.columns), (7, 1024));
        let text = problems(
            r#","api":{"limits":{"row":1,"columns":0,"body_seconds":1000000,"keep_alive_seconds":86401}}"#,
        );
        for line in [
            "api.limits.row: unknown key, did you mean api.limits.rows?",
            "api.limits.columns: must be at least 1",
            "api.limits.body_seconds: must be from 1 to 86400",
            "api.limits.keep_alive_seconds: must be from 1 to 86400",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_host_name_that_no_request_can_have_is_a_problem() {
        for name in [
            "*",
            "*.risk.example",
            "risk.example:80",
            "[::1]",
            "::1",
            "rísk",
        ] {
            parse(&format!(r#","api":{{"allowed_hosts":["{name}"]}}"#)).expect(name);
        }
        for name in [
            "", "*.", "a*", "a.*", "**", "http://a", "a/b", "a b", "*.*.a",
        ] {
            let text = problems(&format!(r#","api":{{"allowed_hosts":["a","{name}"]}}"#));
            let found = "api.allowed_hosts: item 2 is no host name: write";
            assert!(text.contains(found), "{name}: {text}");
        }
    }

    #[test]
    fn alert_settings_are_read_with_defaults_and_never_shown() {
        let none = parse("").unwrap().alerts;
        assert!(!none.has_target());
        assert_eq!((none.timeout.as_secs(), none.cool_down.as_hours()), (5, 24));
        let alerts = parse(
            r#","alerts":{"webhook":{"url":"http://chat/T0/KEY","secret_file":"secret"},
                "command":["bin/tell","--loud"],"timeout_seconds":0.25,"cool_down_hours":0}"#,
        )
        .unwrap()
        .alerts;
        let shown = format!("{alerts:?}");
        assert!(!shown.contains("KEY"), "{shown}");
        let webhook = alerts.webhook.unwrap();
        assert_eq!(
            webhook.secret_file.as_deref(),
            Some(Path::new("/nowhere/secret"))
        );
        let command = alerts.command.unwrap();
        assert_eq!(command.program, Path::new("/nowhere/bin/tell"));
        assert_eq!(command.arguments, ["--loud"]);
        assert_eq!(alerts.timeout.as_millis(), 250);
        let text = problems(
            r#","alerts":{"webhook":{"secret_file":"x"},"command":[],"timeout_seconds":0,"cooldown_hours":1}"#,
        );
        for line in [
            "alerts.webhook.url: is missing",
            "alerts.command: must be a list of the program and its arguments",
            "alerts.timeout_seconds: must be above 0 and at most 60",
            "alerts.cooldown_hours: unknown key, did you mean alerts.cool_down_hours?",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        let text = problems(r#","alerts":{"webhook":{"url":"chat.example/T0"}}"#);
        assert!(text.contains("alerts.webhook.url: must be http"), "{text}");
        assert!(!text.contains("T0"), "{text}");
    }

    #[test]
    fn engine_settings_are_read_and_their_limits_are_reported_at_once() {
        assert_eq!(parse("").unwrap().engine, None);
        assert_eq!(
            parse(r#","engine":{"kind":"embedded"}"#).unwrap().engine,
            None
        );
        let url = r#""kind":"flight_sql","url":"grpc://localhost:32010""#;
        let engine = parse(&format!(
            r#","engine":{{{url},"storage":"file:///srv/risk/","token_file":"token"}}"#
        ));
        let engine = engine.unwrap().engine.unwrap();
        assert_eq!(engine.url, "grpc://localhost:32010");
        assert_eq!(engine.storage, Path::new("/srv/risk"));
        assert_eq!(
            engine.token_file.as_deref(),
            Some(Path::new("/nowhere/token"))
        );
        assert_eq!((engine.timeout.as_secs(), engine.tls_ca), (600, None));
        let engine = parse(
            r#","engine":{"kind":"flight_sql","url":"grpc+tls://[::1]:32010","storage":"file:///srv/risk","tls_ca":"ca.pem"}"#,
        );
        let engine = engine.unwrap().engine.unwrap();
        assert_eq!(engine.tls_ca.as_deref(), Some(Path::new("/nowhere/ca.pem")));

        let text = problems(r#","engine":{"kind":"flight_sql"},"schema":{"id":null}"#);
        for line in [
            "engine.kind: flight_sql needs an id",
            "engine.url: is missing: name the address",
            "engine.storage: is missing: name a folder",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        let text = problems(
            r#","engine":{"kind":"flight_sql","dialect":"datafusion","url":"grpcs://x","storage":"s3://bucket/x","timeout_seconds":0,"tls":1,"tls_ca":"ca.pem"}"#,
        );
        for line in [
            r#"engine.dialect: must be "spark""#,
            "engine.url: must begin with grpc://",
            "engine.storage: must begin with file://; mount",
            "engine.timeout_seconds: must be from 1 to 86400",
            "engine.tls: unknown key",
            "engine.tls_ca: counts only for an address over TLS",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        let text = problems(
            r#","engine":{"kind":"flight_sql","ingestion":true},"ingestion":{"encoding":"windows-1252"},"schema":{"id":"id","target":"y","features":[{"name":"x","format":"money"},{"name":"z","max_missing_share":0.5}]}"#,
        );
        for line in [
            "engine.ingestion: needs a separator",
            "engine.ingestion: needs decimal points",
            "engine.ingestion: needs files in UTF-8",
            "engine.ingestion: cannot read the format of x",
            "engine.ingestion: cannot limit the share of missing values of z",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        let text = problems(r#","engine":{"kind":"flight"}"#);
        assert!(
            text.contains("engine.kind: expected `embedded` or `flight_sql`"),
            "{text}"
        );
        for (address, storage) in [
            ("grpc://", "file://srv"),
            ("grpc://a b", "file:///"),
            ("grpc://user@host", "file:///srv/a*"),
            ("grpc://host/path", "file:///srv/it's"),
            ("grpc+tls://", "file:///srv/%20"),
        ] {
            let text = problems(&format!(
                r#","engine":{{"kind":"flight_sql","url":"{address}","storage":"{storage}"}}"#
            ));
            for key in ["engine.url: must be grpc://", "engine.storage: m"] {
                assert!(text.contains(key), "{key} is missing in:\n{text}");
            }
        }
        for folder in [
            "/nowhere/out",
            "/nowhere/prod/engine",
            "/nowhere/in/x",
            "/nowhere",
        ] {
            let text = problems(&format!(
                r#","engine":{{{url},"storage":"file://{folder}"}}"#
            ));
            assert!(
                text.contains("engine.storage: overlaps"),
                "{folder}: {text}"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_rejected_with_a_suggestion() {
        let text = problems(r#","drift":{"on_ties":"keep"},"trainin":{}"#);
        assert!(
            text.contains("drift.on_ties: unknown key, did you mean drift.on_tie?"),
            "{text}"
        );
        assert!(
            text.contains("trainin: unknown key, did you mean training?"),
            "{text}"
        );
    }

    #[test]
    fn a_number_out_of_range_is_reported_with_its_key_and_the_range() {
        for (extra, line) in [
            (
                r#","drift":{"min_rows":-1}"#,
                "drift.min_rows: expected a whole number from 0, found -1",
            ),
            (
                r#","drift":{"min_rows":20.5}"#,
                "drift.min_rows: expected a whole number from 0, found 20.5",
            ),
            (
                r#","history":{"keep_runs":4294967296}"#,
                "history.keep_runs: expected a whole number from 0 to 4294967295, found 4294967296",
            ),
            (
                r#","drift":{"min_rows":9}"#,
                "drift.min_of_each_label: 5 of each label are 10 rows, more than drift.min_rows (9): use at most 4",
            ),
        ] {
            let text = problems(extra);
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        assert!(parse(r#","drift":{"min_rows":10}"#).is_ok());
    }

    #[test]
    fn the_scale_of_a_scorecard_is_read_with_its_limits() {
        let scale = parse(r#","scorecard":{"points_to_double_odds":40,"odds":0.5}"#).unwrap();
        let scale = scale.scorecard;
        assert_eq!((scale.points_to_double_odds, scale.odds), (40.0, 0.5));
        assert_eq!(scale.score, ScorecardSettings::default().score);
        let text = problems(
            r#","scorecard":{"points_to_double_odds":0,"score":1e9,"odds":-50,"points":20}"#,
        );
        for line in [
            "scorecard.points_to_double_odds: must be from 1 to 10000",
            "scorecard.score: must be from -1000000 to 1000000",
            "scorecard.odds: must be from 0.000001 to 1000000",
            "scorecard.points: unknown key",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn an_empty_folder_name_is_reported_with_its_key() {
        for (key, value) in [
            ("input_folder_path", r#""""#),
            ("input_folder_path", r#"["in", " "]"#),
            ("test_data_path", r#""""#),
            ("state_folder_path", r#""""#),
        ] {
            let rest = REQUIRED.replace(&format!("\"{key}\""), "\"_\"");
            let text = format!("{{{rest},\"{key}\":{value}}}");
            let error = Config::parse(Path::new("/nowhere/config.json"), &text).expect_err(key);
            let line = format!("{key}: is empty: name a folder");
            assert!(error.to_string().contains(&line), "{error}");
        }
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let file = Path::new("/nowhere/config.json");
        let text = Config::parse(
            file,
            r#"{"input_folder_path":3,"training":{"c":0},"drift":{"basis":"rows"}}"#,
        )
        .expect_err("problems")
        .to_string();
        for key in [
            "input_folder_path",
            "output_folder_path",
            "prod_deployment_path",
            "training.c",
            "drift.basis",
        ] {
            assert!(text.contains(key), "{key} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_shown() {
        for section in [
            r#"{"webhook":"https://chat.example/SECRET, expected SECRET"}"#,
            r#"{"webhook":{"url":["https://chat.example/SECRET"]}}"#,
            r#"{"webhook":{"url":{"SECRET":1}}}"#,
            r#""https://chat.example/SECRET""#,
        ] {
            let text = problems(&format!(r#","alerts":{section}"#));
            assert!(text.contains("alerts"), "{text}");
            assert!(text.contains("expected "), "{text}");
            assert!(!text.contains("SECRET"), "{text}");
        }
    }

    #[test]
    fn broken_json_is_reported_with_its_position() {
        let error =
            Config::parse(Path::new("/nowhere/config.json"), "{\n\"a\": }").expect_err("bad");
        assert!(error.to_string().contains("line 2 column 6"), "{error}");
    }

    #[test]
    fn overlapping_folders_are_rejected_also_through_links() {
        let base = tempfile::tempdir().unwrap();
        let folder = |name: &str| std::fs::create_dir_all(base.path().join(name)).unwrap();
        let link =
            |to: &str, at: &str| std::os::unix::fs::symlink(to, base.path().join(at)).unwrap();
        for name in ["in", "out", "prod", "state", "test"] {
            folder(name);
        }
        link("in", "in_too");
        link("out", "link_to_out");
        link("../in", "state/runs");
        let problems = |key: &str, path: &str| {
            let mut values = serde_json::json!({"input_folder_path": "in", "output_folder_path": "out",
                "test_data_path": "test", "output_model_path": "models", "prod_deployment_path": "prod",
                "state_folder_path": "data/state"});
            values[key] = path.into();
            let parsed = Config::parse(&base.path().join("config.json"), &values.to_string());
            parsed
                .err()
                .map_or(String::new(), |error| error.to_string())
        };
        let inside = "where runs write and clean up";
        let cleaned = "which a run makes and cleans";
        let read = "would be read as data";
        for (key, path, says) in [
            ("input_folder_path", "data/state/row.fingerprints", inside),
            ("input_folder_path", "prod/releases/000001", inside),
            ("input_folder_path", "link_to_out/new", inside),
            ("test_data_path", "models/test", inside),
            ("test_data_path", "in_too", "overlaps the input folder in"),
            ("output_folder_path", "in_too/out", read),
            ("state_folder_path", "in_too", read),
            ("state_folder_path", "state", read),
            ("output_folder_path", "data/state/row.fingerprints", cleaned),
            ("output_model_path", "data/state/runs/000001", cleaned),
            ("output_model_path", "prod/releases", cleaned),
            ("state_folder_path", "prod/current/state", cleaned),
        ] {
            let text = problems(key, path);
            assert!(text.contains(says), "{key} {path}: {text}");
        }
        for (key, path) in [
            ("output_model_path", "out"),
            ("state_folder_path", "out/state"),
        ] {
            assert_eq!(problems(key, path), "", "{key} {path}");
        }
    }

    #[test]
    fn folders_inside_an_input_folder_are_rejected() {
        let same = Config::parse(
            Path::new("/nowhere/config.json"),
            r#"{"input_folder_path":["in","./in/"],"output_folder_path":"in",
                "test_data_path":"test","output_model_path":"models","prod_deployment_path":"in/prod"}"#,
        )
        .expect_err("problems")
        .to_string();
        assert!(
            same.contains("input_folder_path: names the folder in twice"),
            "{same}"
        );
        assert!(
            same.contains("output_folder_path: lies in the input folder in"),
            "{same}"
        );
        assert!(
            same.contains("prod_deployment_path: lies in the input folder in"),
            "{same}"
        );
    }

    /// The page may neither miss a key nor name one that does not exist.
    #[test]
    fn docs_configuration_has_all_keys() {
        let text = format!(
            r#"{{{REQUIRED},"schema":{{"features":[{{"name":"x"}},{{"name":"y","kind":"category"}}],
                "target":{{"name":"z","positive":"a","negative":"b"}}}},
                "scoring":{{"bands":{{"high":0.5,"medium":0.2}}}},
                "alerts":{{"webhook":{{"url":"http://127.0.0.1:1/"}}}}}}"#
        );
        let Ok(serde_json::Value::Object(values)) = serde_json::from_str(&text) else {
            panic!("an object");
        };
        let problems = Problems::default();
        read(
            Path::new("/nowhere"),
            String::new(),
            Section::root(values, &problems),
            &problems,
        );
        assert!(problems.is_empty(), "{problems}");
        let known = problems.known.borrow();
        let is_section = |key: &String| {
            known
                .iter()
                .any(|other| other.starts_with(&format!("{key}.")))
        };
        let known: std::collections::BTreeSet<String> = known
            .iter()
            .filter(|key| {
                !is_section(key) || ["schema.target", "scoring.bands"].contains(&key.as_str())
            })
            .map(|key| key.replace("[0]", "[]").replace("[1]", "[]"))
            .collect();
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let documented = page
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
            .collect();
        assert_eq!(known, documented);
    }
}
