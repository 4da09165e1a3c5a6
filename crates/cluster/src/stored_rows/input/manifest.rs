//! The manifest: finaldata.csv where the engine reads the input files.

use std::fmt::Write;

use common::ledger::MANIFEST_HEADER;
use common::{Config, Failure, Ledger, digest, files};

use super::super::names;

/// The Parquet files that have the rows, in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Folder of the files on the storage; empty without files.
    pub(super) generation: String,
    pub(super) parts: Vec<Part>,
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Number of the first row of its input file.
    pub(super) first: u64,
    /// Number of rows of its input file, in all parts of it.
    pub(super) rows: u64,
}

impl Manifest {
    pub(super) fn new(generation: String) -> Self {
        Self {
            generation,
            parts: Vec::new(),
        }
    }

    /// The manifest that the ledger describes. Fails if finaldata.csv is another one.
    pub(super) fn committed(config: &Config, ledger: &Ledger) -> anyhow::Result<Self> {
        if ledger.committed_bytes == 0 {
            return Ok(Self::default());
        }
        let path = config.layout.final_data();
        let text = files::read_if_present(&path)?.unwrap_or_default();
        let length = usize::try_from(ledger.committed_bytes).unwrap_or(usize::MAX);
        let text = text.get(..length).unwrap_or_default();
        if digest::of_bytes(text) != ledger.digest {
            return Err(Failure::input_output(format!("{} was changed", path.display())).into());
        }
        Self::parse(&String::from_utf8_lossy(text))
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let flaw = |line: usize| {
            Failure::input_output(format!("line {line} of finaldata.csv lists no part"))
        };
        let lines = text.strip_prefix(MANIFEST_HEADER).ok_or_else(|| flaw(1))?;
        let mut manifest = Self::default();
        for (line, number) in lines.lines().zip(2..) {
            let (generation, part) = part_of(line).ok_or_else(|| flaw(number))?;
            if !manifest.parts.is_empty() && manifest.generation != generation {
                return Err(flaw(number).into());
            }
            manifest.generation = generation;
            manifest.parts.push(part);
        }
        Ok(manifest)
    }

    pub(super) fn text(&self) -> String {
        let mut text = MANIFEST_HEADER.to_owned();
        for part in &self.parts {
            let Part {
                name,
                bytes,
                first,
                rows,
            } = part;
            let _ = writeln!(text, "{}/{name},{bytes},{first},{rows}", self.generation);
        }
        text
    }

    /// Number of all rows.
    pub(super) fn rows(&self) -> u64 {
        self.parts
            .last()
            .map_or(0, |part| part.first.saturating_add(part.rows))
    }
}

fn part_of(line: &str) -> Option<(String, Part)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [path, bytes, first, rows] = cells[..] else {
        return None;
    };
    let (generation, name) = path.split_once('/')?;
    let is_known = names::is_generation(generation) && names::is_of_rows(name);
    is_known.then_some(())?;
    let part = Part {
        name: name.to_owned(),
        bytes: bytes.parse().ok()?,
        first: first.parse().ok()?,
        rows: rows.parse().ok()?,
    };
    Some((generation.to_owned(), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let mut manifest = Manifest::new(names::of_generation("0123456789ab"));
        assert_eq!(manifest.rows(), 0);
        for (first, rows) in [(0, 7), (0, 7), (7, 3)] {
            let place = manifest.parts.len();
            manifest.parts.push(Part {
                name: names::of_rows(first, place),
                bytes: 5,
                first,
                rows,
            });
        }
        assert_eq!(Manifest::parse(&manifest.text()).unwrap(), manifest);
        assert_eq!(manifest.rows(), 10);
    }

    #[test]
    fn other_texts_are_no_manifests() {
        let part = "input-0123456789ab/000000000000-000.parquet";
        for line in [
            "",
            "x",
            &format!("{part},1,2"),
            &format!("{part},1,2,-3"),
            "../x,1,2,3",
            "input-0123456789ab/../../x,1,2,3",
            &format!("{part},1,2,3\ninput-ffffffffffff/000000000000-000.parquet,1,2,3"),
        ] {
            assert!(
                Manifest::parse(&format!("{MANIFEST_HEADER}{line}\n")).is_err(),
                "{line}"
            );
        }
        assert!(Manifest::parse("id,x,y\na,1,0\n").is_err());
    }
}
