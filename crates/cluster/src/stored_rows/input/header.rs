//! The header of an input file, and the reasons to reject its rows, both read by the ordinary reader.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use common::{Config, regular};
use dataset::{
    FileProblem, Format, ReadRow, Rejection, RowReader, TargetColumn, escaped, find_columns,
    find_target, is_compressed,
};

/// Maximum length of a header in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// The header of an input file.
pub(super) struct Header {
    /// The line, without its end.
    pub(super) text: String,
    pub(super) separator: char,
    /// Number of columns.
    pub(super) fields: usize,
    pub(super) id: usize,
    pub(super) features: Vec<usize>,
    pub(super) target: Option<usize>,
    pub(super) notes: Vec<String>,
}

impl Header {
    /// Reads the first line of a file. The inner error is the reason to reject the file.
    pub(super) fn read(file: &Path, config: &Config) -> anyhow::Result<Result<Self, String>> {
        let context = || format!("failed to read {}", file.display());
        let mut start = Vec::new();
        let input = regular::open(file).with_context(context)?;
        input
            .take(MAX_HEADER_BYTES)
            .read_to_end(&mut start)
            .with_context(context)?;
        if is_compressed(file) {
            return Ok(Err("an engine reads no compressed file: unpack it".into()));
        }
        let end = start.iter().position(|byte| *byte == b'\n');
        if end.is_none() && start.len() as u64 == MAX_HEADER_BYTES {
            return Ok(Err(format!(
                "its first line is longer than {MAX_HEADER_BYTES} bytes, so it is no header"
            )));
        }
        let line = &start[..end.unwrap_or(start.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') {
            return Ok(Err(
                "its lines end with a carriage return alone: an engine needs line feeds".into(),
            ));
        }
        Ok(match std::str::from_utf8(line) {
            Ok(line) => Self::of(line, config),
            Err(_) => Err("its header is not UTF-8".into()),
        })
    }

    fn of(line: &str, config: &Config) -> Result<Self, String> {
        let schema = &config.schema;
        let reader = open(line.as_bytes(), config)?;
        let names = (1..).map_while(|column| reader.field_name(column));
        let names: Vec<&str> = names.collect();
        let places =
            find_columns(names.iter().copied(), schema).map_err(|flaw| flaw.to_string())?;
        let separator = config.ingestion.text.separator.unwrap_or(b',');
        Ok(Self {
            text: line.to_owned(),
            separator: char::from(separator),
            fields: names.len(),
            id: places.id.ok_or("the schema has no id")?,
            features: places.features,
            target: find_target(names.iter().copied(), schema),
            notes: reader.notes(),
        })
    }
}

fn open<'t>(text: &'t [u8], config: &Config) -> Result<RowReader<&'t [u8]>, String> {
    let format = Format::foreign(&config.ingestion.text);
    RowReader::open(text, format, &config.schema, TargetColumn::Read).map_err(|problem| {
        match problem {
            FileProblem::Unusable(flaw) => flaw.to_string(),
            FileProblem::Unreadable(error) => error.to_string(),
        }
    })
}

/// Why a line of a file is rejected.
pub(super) fn rejection(header: &Header, config: &Config, line: &str) -> Rejection {
    let text = format!("{}\n{line}\n", header.text);
    let found = open(text.as_bytes(), config).ok().and_then(|mut reader| {
        match reader.next_row().ok()?? {
            ReadRow::Rejected(rejection) => Some(*rejection),
            ReadRow::Accepted(_) => None,
        }
    });
    // The ordinary reader tolerates a little more.
    found.unwrap_or_else(|| Rejection {
        line: 0,
        column: 1,
        reason: "the quotes or the number of fields are wrong".into(),
        text: escaped(line.as_bytes()),
    })
}
