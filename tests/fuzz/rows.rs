//! Rows of CSV, plain and compressed, and the names of files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use acceptance::fuzzing::fuzz;
use common::config::InputFolder;
use common::schema::{Kind, MissingShare, NumberRules, Presence, ValueRange};
use common::{Schema, digest};
use dataset::{
    BulkReader, DataFile, FileProblem, FingerprintKey, Format, Label, Lines, ReadRow, RecordWriter,
    RowReader, Scratch, TargetColumn, Wanted, list,
};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pipeline::write;

/// The result of reading one row.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Accepted {
        line: u64,
        id: Vec<u8>,
        /// Values as bits, so that missing values are equal.
        values: Vec<u64>,
        label: Label,
    },
    Rejected {
        line: u64,
        column: usize,
        reason: String,
        text: String,
    },
}

/// A schema of the sample's columns, with a rule for each.
fn schema() -> Schema {
    let mut schema = Schema::default();
    let rules = [
        NumberRules {
            missing_share: MissingShare::new(0.5).expect("a share"),
            ..NumberRules::default()
        },
        NumberRules {
            presence: Presence::Required,
            ..NumberRules::default()
        },
        NumberRules {
            range: ValueRange::new(Some(0.0), Some(1e6)).expect("a range"),
            ..NumberRules::default()
        },
    ];
    for (feature, rules) in schema.features.iter_mut().zip(rules) {
        feature.kind = Kind::Number(rules);
    }
    schema
}

/// The rows up to the first error of reading, and that error.
fn read(input: impl Read) -> (Vec<Fate>, Option<String>) {
    let schema = schema();
    let mut fates = Vec::new();
    let mut reader = match RowReader::open(input, Format::default(), &schema, TargetColumn::Read) {
        Ok(reader) => reader,
        Err(problem) => return (fates, Some(text_of(problem))),
    };
    let problem = loop {
        match reader.next_row() {
            Ok(Some(ReadRow::Accepted(row))) => fates.push(Fate::Accepted {
                line: row.line,
                id: row.id.unwrap_or_default().to_vec(),
                values: row.values.iter().map(|value| value.to_bits()).collect(),
                label: row.label,
            }),
            Ok(Some(ReadRow::Rejected(row))) => fates.push(Fate::Rejected {
                line: row.line,
                column: row.column,
                reason: row.reason,
                text: row.text,
            }),
            Ok(None) => break None,
            Err(problem) => break Some(text_of(problem)),
        }
    };
    drop(reader.notes());
    (fates, problem)
}

fn text_of(problem: FileProblem) -> String {
    match problem {
        FileProblem::Unusable(flaw) => flaw.to_string(),
        FileProblem::Unreadable(error) => error.to_string(),
    }
}

/// Checks the promises of every row.
fn check_fates(fates: &[Fate]) {
    let schema = schema();
    let mut last_line = 1;
    for fate in fates {
        let line = match fate {
            Fate::Accepted {
                line, id, values, ..
            } => {
                assert_eq!(values.len(), 3);
                assert!(!id.is_empty(), "a client without a name");
                let value = |bits: &u64| f64::from_bits(*bits);
                assert!(values.iter().map(value).all(|value| !value.is_infinite()));
                for (feature, bits) in schema.features.iter().zip(values) {
                    let Kind::Number(rules) = &feature.kind else {
                        panic!("a column of numbers");
                    };
                    assert_eq!(rules.breach(value(bits)), None);
                }
                *line
            }
            Fate::Rejected {
                line,
                column,
                reason,
                text,
            } => {
                assert!(*column >= 1 && !reason.is_empty());
                assert!(!format!("{reason}{text}").chars().any(char::is_control));
                *line
            }
        };
        assert!(line > last_line, "line {line} after line {last_line}");
        last_line = line;
    }
}

/// Checks that the block reader, which ingestion uses, finds the same rows. Accepted rows must also
/// mean the same after they were written as in finaldata.csv.
fn check_in_bulk(bytes: &[u8], fates: &[Fate], problem: Option<&str>) {
    let Ok(mut reader) = BulkReader::open(bytes, Format::default(), &schema(), TargetColumn::Read)
    else {
        assert!(fates.is_empty(), "only the row reader takes the header");
        return;
    };
    if let Some(problem) = problem {
        // The rows before an unclosed quote do not count. Both readers report the same quote.
        let taken: Result<(), FileProblem> =
            reader.take_rows(Wanted::VALUES, &mut Scratch::default(), |_| Ok(()));
        assert_eq!(text_of(taken.expect_err("a problem")), problem);
        return;
    }
    let mut file = Vec::new();
    let mut writer = RecordWriter::new(&mut file);
    writer.write(schema().columns()).expect("a header");
    let mut refused = Vec::new();
    reader
        .take_rows(
            Wanted {
                key: Some(&FingerprintKey::PUBLIC),
                lines: Lines::Kept,
                client_numbers: true,
            },
            &mut Scratch::default(),
            |rows| {
                writer
                    .write_lines(rows.lines(0..rows.accepted()))
                    .expect("rows");
                refused.extend(rows.rejections.iter().map(|row| Fate::Rejected {
                    line: row.line,
                    column: row.column,
                    reason: row.reason.clone(),
                    text: row.text.clone(),
                }));
                Ok::<(), FileProblem>(())
            },
        )
        .expect("bytes in memory can be read");
    writer.finish().expect("a file");
    let is_refused = |fate: &&Fate| matches!(fate, Fate::Rejected { .. });
    let expected: Vec<Fate> = fates.iter().filter(is_refused).cloned().collect();
    assert_eq!(refused, expected);
    let (again, problem) = read(file.as_slice());
    assert_eq!(problem, None);
    assert_eq!(meanings(&again), meanings(fates));
    assert!(
        !again.iter().any(|fate| is_refused(&fate)),
        "a written row is refused"
    );
}

/// The contents of the accepted rows, without their places in the file.
fn meanings(fates: &[Fate]) -> Vec<(Vec<u8>, Vec<u64>, Label)> {
    let meaning = |fate: &Fate| match fate {
        Fate::Accepted {
            id, values, label, ..
        } => Some((id.clone(), values.clone(), *label)),
        Fate::Rejected { .. } => None,
    };
    fates.iter().filter_map(meaning).collect()
}

/// A reader that returns its bytes one by one, like a slow pipe.
struct OneByOne<'a>(&'a [u8]);

impl Read for OneByOne<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn rows_are_accepted_whole_or_refused_with_a_place() {
    fuzz("csv", 400, |bytes| {
        let (fates, problem) = read(bytes);
        check_fates(&fates);
        check_in_bulk(bytes, &fates, problem.as_deref());
        assert_eq!(read(OneByOne(bytes)), (fates, problem));
    });
}

#[test]
fn compressed_rows_are_those_of_the_text_or_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv.gz");
    fuzz("gz", 200, |bytes| {
        write(&path, bytes);
        let mut file = DataFile::open(&path).expect("an open file");
        let (fates, _) = read(&mut file);
        check_fates(&fates);
        let found = file.digest().expect("a digest");
        assert_eq!(
            found,
            digest::of_bytes(bytes),
            "the digest is that of the file"
        );

        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).expect("written");
        write(&path, &gzip.finish().expect("compressed"));
        let file = DataFile::open(&path).expect("an open file");
        assert_eq!(read(file), read(bytes));
    });
}

#[test]
fn every_entry_of_a_folder_is_listed_once_under_a_name_that_is_safe_to_show() {
    fuzz("names", 100, |bytes| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let names: BTreeSet<&[u8]> = bytes
            .split(|byte| [0, b'/'].contains(byte))
            .filter(|name| ![&b""[..], b".", b".."].contains(name) && name.len() <= 255)
            .take(20)
            .collect();
        for name in &names {
            write(&folder.path().join(OsStr::from_bytes(name)), b"x\n");
        }
        let input = InputFolder {
            name: "in".into(),
            path: folder.path().to_owned(),
            excluded: Vec::new(),
        };
        let listing = list(std::slice::from_ref(&input)).expect("a listing");
        assert_eq!(listing.files.len() + listing.ignored.len(), names.len());
        assert!(listing.unreadable.is_empty());
        let shown = listing.files.iter().map(|file| &file.name);
        for name in shown.chain(listing.ignored.iter().map(|entry| &entry.name)) {
            assert!(!name.chars().any(char::is_control), "{name:?}");
        }
        let paths: Vec<&[u8]> = listing
            .files
            .iter()
            .map(|file| file.path.as_os_str().as_bytes())
            .collect();
        assert!(paths.is_sorted());
        assert!(
            listing
                .files
                .iter()
                .all(|file| fs::read(&file.path).is_ok())
        );
    });
}
