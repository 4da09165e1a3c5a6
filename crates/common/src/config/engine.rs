//! Section `engine`: who computes the sums over rows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::folders;
use super::section::Section;
use super::settings::{DecimalMark, IngestionSettings};
use crate::Schema;
use crate::schema::{Kind as ColumnKind, NumberFormat};

/// Section `engine` with the kind `flight_sql`: a distributed engine, reached over Arrow Flight SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Address, which begins with `grpc://`, or with `grpc+tls://` for a connection over TLS.
    pub url: String,
    /// File with the certificates, as PEM, of the authorities that an engine over TLS is trusted for; `None`
    /// for those of the operating system.
    pub tls_ca: Option<PathBuf>,
    /// File with the token that is sent with every statement; `None` for an engine without
    /// authentication.
    pub token_file: Option<PathBuf>,
    /// Folder for the rows of the engine. This machine and all workers of the engine reach it under the
    /// same path.
    pub storage: PathBuf,
    /// Time that one statement may take; default 600 seconds.
    pub timeout: Duration,
    /// True if the engine reads the input files, so that no row passes this machine; default false.
    pub ingestion: bool,
}

/// Kinds of engines.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The program itself.
    Embedded,
    /// A distributed engine.
    FlightSql,
}

/// Beginning of an address.
const URL_SCHEME: &str = "grpc://";
/// Beginning of an address over TLS.
const TLS_SCHEME: &str = "grpc+tls://";
/// Beginning of the storage.
const STORAGE_SCHEME: &str = "file://";
/// Upper limit of `timeout_seconds`: a day.
const MAX_TIMEOUT_SECONDS: u64 = 86_400;

/// The settings of a distributed engine; `None` for the kind `embedded`, the default.
pub(super) fn read_engine(
    mut section: Section<'_>,
    base: &Path,
    schema: &Schema,
    reading: &IngestionSettings,
) -> Option<EngineSettings> {
    let kind = section.value("kind", Kind::Embedded);
    let dialect: String = section.value("dialect", "spark".into());
    let url: Option<String> = section.value("url", None);
    let token_file: Option<String> = section.value("token_file", None);
    let tls_ca: Option<String> = section.value("tls_ca", None);
    let storage: Option<String> = section.value("storage", None);
    let seconds: u64 = section.value("timeout_seconds", 600);
    let ingestion: bool = section.value("ingestion", false);
    let settings = match kind {
        Kind::Embedded => None,
        Kind::FlightSql => {
            if dialect != "spark" {
                let text = r#"must be "spark", which Spark and Sail speak; other engines cannot be used yet"#;
                section.problem("dialect", text);
            }
            if ingestion {
                for problem in problems_of_ingestion(schema, reading) {
                    section.problem("ingestion", &problem);
                }
            }
            if schema.id.is_none() {
                let text = "flight_sql needs an id: name the column of the client in schema.id, or use embedded";
                section.problem("kind", text);
            }
            if !(1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
                let text = format!("must be from 1 to {MAX_TIMEOUT_SECONDS}");
                section.problem("timeout_seconds", &text);
            }
            let is_over_tls = url.as_ref().is_some_and(|url| url.starts_with(TLS_SCHEME));
            if tls_ca.is_some() && !is_over_tls {
                let text = "counts only for an address over TLS: begin engine.url with grpc+tls://, or remove this key";
                section.problem("tls_ca", text);
            }
            let url = checked(&section, "url", url, check_url);
            let storage = checked(&section, "storage", storage, check_storage);
            url.zip(storage).map(|(url, storage)| EngineSettings {
                url,
                tls_ca: tls_ca.map(|file| folders::absolute(base, &file)),
                token_file: token_file.map(|file| folders::absolute(base, &file)),
                storage: folders::absolute(base, &storage[STORAGE_SCHEME.len()..]),
                timeout: Duration::from_secs(seconds),
                ingestion,
            })
        }
    };
    section.finish();
    settings
}

/// Settings under which an engine cannot read input files.
fn problems_of_ingestion(schema: &Schema, reading: &IngestionSettings) -> Vec<String> {
    let mut problems = Vec::new();
    if reading.text.separator.is_none() {
        problems.push(r#"needs a separator: set ingestion.separator, such as ",""#.to_owned());
    }
    if reading.text.decimal != Some(DecimalMark::Point) {
        problems.push(r#"needs decimal points: set ingestion.decimal to ".""#.to_owned());
    }
    if reading.text.encoding != encoding_rs::UTF_8 {
        problems.push("needs files in UTF-8: remove ingestion.encoding".to_owned());
    }
    for feature in &schema.features {
        let name = &feature.name;
        if let ColumnKind::Number(rules) = &feature.kind
            && rules.format != NumberFormat::Plain
        {
            problems.push(format!("cannot read the format of {name}: remove it"));
        }
        if feature.kind.missing_share().largest().is_some() {
            problems.push(format!(
                "cannot limit the share of missing values of {name}: remove max_missing_share"
            ));
        }
    }
    problems
}

/// The value of a required key, if it passes the check.
fn checked(
    section: &Section<'_>,
    key: &str,
    value: Option<String>,
    check: fn(Option<&str>) -> Option<&'static str>,
) -> Option<String> {
    if let Some(problem) = check(value.as_deref()) {
        section.problem(key, problem);
        return None;
    }
    value
}

/// What is wrong with an address.
fn check_url(url: Option<&str>) -> Option<&'static str> {
    let Some(url) = url else {
        return Some("is missing: name the address of the engine, such as grpc://localhost:32010");
    };
    let host = url.strip_prefix(URL_SCHEME);
    match host.or_else(|| url.strip_prefix(TLS_SCHEME)) {
        None => Some("must begin with grpc://, or with grpc+tls:// for a connection over TLS"),
        Some(host) if host.is_empty() || !host.chars().all(is_of_host) => Some(
            "must be grpc:// or grpc+tls://, a host and a port, such as grpc://localhost:32010",
        ),
        Some(_) => None,
    }
}

fn is_of_host(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || ".-_:[]".contains(letter)
}

/// What is wrong with a storage.
fn check_storage(storage: Option<&str>) -> Option<&'static str> {
    let Some(storage) = storage else {
        return Some(
            "is missing: name a folder that this machine and all workers of the engine share, such as file:///srv/risk",
        );
    };
    match storage.strip_prefix(STORAGE_SCHEME) {
        None => Some(
            "must begin with file://; mount a bucket as a folder on this machine and on the workers",
        ),
        Some(path) if !path.starts_with('/') || path.trim_matches('/').is_empty() => {
            Some("must be file:// and an absolute path, such as file:///srv/risk")
        }
        // Engines read other signs in a location as patterns or escapes.
        Some(path) if !path.chars().all(is_of_path) => {
            Some("may contain only letters from a to z, digits and the signs / . _ -")
        }
        Some(_) => None,
    }
}

fn is_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/._-".contains(letter)
}
