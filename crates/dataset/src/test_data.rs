//! Reads the test data, in the same way for the score and for the calls to the API.
//!
//! The rules of ingestion apply: invalid rows and files are rejected and named, and repeated rows
//! count once.

use std::collections::HashSet;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use anyhow::Context;
use common::config::InputFolder;
use common::numbers::counted;
use common::{Config, Failure, Schema, digest, regular};
use walkdir::WalkDir;

use crate::data_file::DataFile;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::line::push_line;
use crate::listing::{FoundFile, Listing, is_csv_name, list};
use crate::reader::{
    BulkReader, FileProblem, Lines, ParsedRows, Rejection, Scratch, TargetColumn, Wanted,
    missing_too_often,
};
use crate::table::Table;
use crate::text::escaped;
use crate::tokenizer::Format;

/// Maximum number of rejected rows of one file that are named one by one.
const MAX_NAMED_ROWS_OF_FILE: usize = 5;
/// Maximum number of rejected rows of all files that are named one by one.
const MAX_NAMED_ROWS: usize = 20;

/// The test data.
#[derive(Clone, Debug)]
pub struct TestData {
    /// Accepted rows, without duplicates.
    pub table: Table,
    /// Fingerprint of each row, under the key that the data was read with.
    pub fingerprints: Vec<Fingerprint>,
    /// SHA-256 of the files' digests. Scores are cached by this value.
    pub digest: String,
    /// Number of rejected rows.
    pub rejected_rows: u64,
    /// The first rejected rows of each file, as `file:line:column: reason`, and the number of
    /// further ones.
    pub rejections: Vec<String>,
    /// Rejected or unreadable files, each with the reason.
    pub rejected_files: Vec<String>,
    /// Files without a target column, so that none of their rows has a label.
    pub files_without_target: Vec<String>,
    /// Warnings that a person should check, each with its file.
    pub warnings: Vec<String>,
}

/// Accepted rows of one file of the test data as lines of CSV. A row that several files repeat is
/// in the first file only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestLines {
    /// Folder as written in the configuration, and path within it.
    pub file: String,
    /// Header line with the columns of the schema.
    pub header: Vec<u8>,
    lines: Vec<u8>,
    /// End position of each line.
    ends: Vec<usize>,
}

impl TestLines {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The lines of the rows at these positions.
    pub fn lines(&self, rows: Range<usize>) -> &[u8] {
        let end_of = |row: usize| row.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.lines[end_of(rows.start)..end_of(rows.end)]
    }
}

/// Reads the test data. `key` is the key of the fingerprints.
///
/// Returns an error if no labelled row is accepted.
pub fn load_test_data(config: &Config, key: &FingerprintKey) -> anyhow::Result<TestData> {
    let Config {
        test_folder: folder,
        schema,
        ..
    } = config;
    let mut data = TestData {
        table: Table::new(schema),
        fingerprints: Vec::new(),
        digest: String::new(),
        rejected_rows: 0,
        rejections: Vec::new(),
        rejected_files: Vec::new(),
        files_without_target: Vec::new(),
        warnings: Vec::new(),
    };
    let mut digests = String::new();
    let mut n_files = 0;
    let mut reader = TestReader::new(config, key, Lines::Dropped);
    data.rejected_files = reader.each_file(folder, |file| {
        n_files += 1;
        digests.push_str(&file.digest);
        if file.lacks_target {
            data.files_without_target.push(file.lines.file.clone());
        }
        data.table.extend(&file.table);
        data.fingerprints.extend(file.fingerprints);
        data.rejected_rows += file.rejected_rows;
        let room = MAX_NAMED_ROWS.saturating_sub(data.rejections.len());
        data.rejections
            .extend(file.rejections.into_iter().take(room));
        data.warnings.extend(file.warnings);
        Ok(())
    })?;
    match data.rejected_rows - data.rejections.len() as u64 {
        0 => {}
        more => data.rejections.push(format!("and {more} more")),
    }
    data.digest = digest::of_bytes(digests.as_bytes());
    if data.table.labels.iter().all(Option::is_none) {
        return Err(no_usable_row(config, &data, n_files).into());
    }
    Ok(data)
}

/// Passes the accepted rows of the test data to `take` as CSV, one call per file. Rejected rows and
/// files are left out, as in the score.
pub fn for_each_test_file(
    config: &Config,
    mut take: impl FnMut(TestLines) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut header = Vec::new();
    push_line(&mut header, config.schema.written_columns());
    // The fingerprints are used only within this read, so any key will do.
    let mut reader = TestReader::new(config, &FingerprintKey::PUBLIC, Lines::Kept);
    reader.each_file(&config.test_folder, |file| {
        take(TestLines {
            header: header.clone(),
            ..file.lines
        })
    })?;
    Ok(())
}

/// Reads files of the test data one after another.
struct TestReader<'a> {
    schema: &'a Schema,
    deduplicate: bool,
    format: Format,
    key: &'a FingerprintKey,
    /// Choice to keep rows as lines of CSV, too.
    lines: Lines,
    seen: HashSet<Fingerprint>,
    scratch: Scratch,
}

/// One file that was read to its end.
struct ReadFile {
    table: Table,
    fingerprints: Vec<Fingerprint>,
    lines: TestLines,
    digest: String,
    rejected_rows: u64,
    rejections: Vec<String>,
    lacks_target: bool,
    warnings: Vec<String>,
}

impl<'a> TestReader<'a> {
    fn new(config: &'a Config, key: &'a FingerprintKey, lines: Lines) -> Self {
        Self {
            schema: &config.schema,
            deduplicate: config.ingestion.deduplicate,
            format: Format::foreign(&config.ingestion.text),
            key,
            lines,
            seen: HashSet::new(),
            scratch: Scratch::default(),
        }
    }

    /// Passes each usable file to `take`. Returns the other files, each with the reason.
    fn each_file(
        &mut self,
        folder: &InputFolder,
        mut take: impl FnMut(ReadFile) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<String>> {
        let listing = readable_listing(folder)?;
        let unreadable = listing.unreadable.iter();
        let mut rejected: Vec<String> = unreadable.map(ToString::to_string).collect();
        for file in &listing.files {
            let read = self
                .read(file)
                .with_context(|| format!("failed to read {}", file.path.display()))?;
            match read {
                Ok(read) => take(read)?,
                Err(reason) => rejected.push(format!("{}/{}: {reason}", file.folder, file.name)),
            }
        }
        Ok(rejected)
    }

    /// Reads a file, or returns the reason for its rejection.
    fn read(&mut self, file: &FoundFile) -> anyhow::Result<Result<ReadFile, String>> {
        let path = &file.path;
        if let Some(reason) = missing_too_often(path, self.format, self.schema)? {
            return Ok(Err(reason));
        }
        let mut data = DataFile::open(path)?;
        let mut read = ReadFile::of(format!("{}/{}", file.folder, file.name), self.schema);
        let mut reader =
            match BulkReader::open(&mut data, self.format, self.schema, TargetColumn::Read) {
                Ok(reader) => reader,
                Err(FileProblem::Unusable(flaw)) => return Ok(Err(flaw.to_string())),
                Err(FileProblem::Unreadable(error)) => return Err(error.into()),
            };
        if !self.deduplicate {
            reader.name_rows_by(&format!("{}/{}", file.folder, file.name));
        }
        let Self {
            seen,
            scratch,
            key,
            lines,
            ..
        } = self;
        let wanted = Wanted {
            key: Some(key),
            lines: *lines,
            client_numbers: true,
        };
        let taken = reader.take_rows(wanted, scratch, |rows| {
            read.take(rows, seen, *lines);
            Ok(())
        });
        read.warnings = reader.warnings();
        read.lacks_target = reader.lacks_target();
        match taken {
            Ok(()) => {}
            Err(FileProblem::Unusable(flaw)) => {
                // This file is rejected, so a later file with an equal row may have it.
                for fingerprint in &read.fingerprints {
                    seen.remove(fingerprint);
                }
                return Ok(Err(flaw.to_string()));
            }
            Err(FileProblem::Unreadable(error)) => return Err(error.into()),
        }
        read.digest = data.digest()?;
        read.close();
        Ok(Ok(read))
    }
}

impl ReadFile {
    fn of(file: String, schema: &Schema) -> Self {
        Self {
            table: Table::new(schema),
            fingerprints: Vec::new(),
            lines: TestLines {
                file,
                ..TestLines::default()
            },
            digest: String::new(),
            rejected_rows: 0,
            rejections: Vec::new(),
            lacks_target: false,
            warnings: Vec::new(),
        }
    }

    fn take(&mut self, rows: &ParsedRows, seen: &mut HashSet<Fingerprint>, lines: Lines) {
        let fingerprints = rows.fingerprints.iter().enumerate();
        let new: Vec<usize> = fingerprints
            .filter(|(_, fingerprint)| seen.insert(**fingerprint))
            .map(|(place, _)| place)
            .collect();
        self.table.append(rows, &new);
        let identities = new.iter().map(|place| rows.fingerprints[*place]);
        self.fingerprints.extend(identities);
        if lines == Lines::Kept {
            for place in new {
                let row = rows.lines(place..place + 1);
                self.lines.lines.extend_from_slice(row);
                self.lines.ends.push(self.lines.lines.len());
            }
        }
        self.rejected_rows += rows.rejections.len() as u64;
        let room = MAX_NAMED_ROWS_OF_FILE.saturating_sub(self.rejections.len());
        let named = rows.rejections.iter().take(room);
        let file = &self.lines.file;
        self.rejections.extend(named.map(|rejection| {
            let Rejection {
                line,
                column,
                reason,
                ..
            } = rejection;
            format!("{file}:{line}:{column}: {reason}")
        }));
    }

    /// Adds the file's name to each warning.
    fn close(&mut self) {
        let file = &self.lines.file;
        for warning in &mut self.warnings {
            *warning = format!("{file}: {warning}");
        }
    }
}

/// Entries of the folder whose names look like data files, but which are not regular files. Each
/// has the reason.
fn unread_entries(folder: &InputFolder) -> Vec<String> {
    let entries = WalkDir::new(&folder.path).min_depth(1).follow_links(true);
    let entries = entries.sort_by_file_name().into_iter().flatten();
    let looks_like_data = entries.filter(|entry| is_csv_name(entry.file_name()));
    let unread = looks_like_data.filter_map(|entry| {
        let name = entry.path().strip_prefix(&folder.path).ok()?;
        let reason = regular::reason_not_read(entry.file_type())?;
        let name = escaped(name.as_os_str().as_bytes());
        Some(format!("{}/{name}: {reason}", folder.name))
    });
    unread.take(MAX_NAMED_ROWS).collect()
}

/// Checks that the folder of the test data holds a CSV file, without reading the files.
///
/// The error is the same as that of [`load_test_data`] on this folder.
pub fn check_test_folder(config: &Config) -> anyhow::Result<()> {
    let folder = &config.test_folder;
    let listing = readable_listing(folder)?;
    match listing.files.is_empty() && listing.unreadable.is_empty() {
        true => Err(no_test_data(folder, no_file(), None).into()),
        false => Ok(()),
    }
}

/// The listing of the folder. An error if a part of the folder cannot be read that may hold test
/// data: a score on the rest would be that of other test data. A broken link of any name counts:
/// what it leads to may be a folder of test data that is not mounted.
fn readable_listing(folder: &InputFolder) -> anyhow::Result<Listing> {
    let listing = list(std::slice::from_ref(folder))?;
    match listing.unreadable.first() {
        None => Ok(listing),
        Some(entry) => Err(Failure::input_output(format!(
            "a part of the test data cannot be read: {entry}; make it readable, or move it out of {}",
            folder.path.display()
        ))
        .into()),
    }
}

/// What the accepted test data lacks: a file, a row, or a label.
fn cause(config: &Config, data: &TestData, n_files: usize) -> String {
    let target = &config.schema.target;
    match (n_files, data.table.rows()) {
        (0, 0) if data.rejected_files.is_empty() => no_file(),
        (_, 0) if data.rejected_rows > 0 => format!(
            "all its rows were rejected ({})",
            counted(data.rejected_rows, "row")
        ),
        (0, 0) => "all its files were rejected".into(),
        (_, 0) => "its files have no rows".into(),
        (_, rows) => format!(
            "none of its {} has a label in the column {target}{}",
            counted(rows, "row"),
            match data.files_without_target.as_slice() {
                [] => String::new(),
                files => format!("; {} no such column", have(files)),
            }
        ),
    }
}

fn no_file() -> String {
    "the folder holds no CSV file".into()
}

/// The files as the subject of a sentence: `a.csv has`, `a.csv and b.csv have`.
fn have(files: &[String]) -> String {
    let verb = if files.len() == 1 { "has" } else { "have" };
    let named = files.iter().take(MAX_NAMED_ROWS_OF_FILE).cloned();
    let named: Vec<String> = named.collect();
    let more = match files.len() - named.len() {
        0 => String::new(),
        more => format!(" and {}", counted(more, "other file")),
    };
    format!("{}{more} {verb}", named.join(", "))
}

fn no_usable_row(config: &Config, data: &TestData, n_files: usize) -> Failure {
    let details = [
        ("rejected files", data.rejected_files.as_slice()),
        ("rejected rows", data.rejections.as_slice()),
    ];
    let details = details.into_iter().filter(|(_, named)| !named.is_empty());
    let details: Vec<String> = details
        .map(|(what, named)| format!("{what}: {}", named.join("; ")))
        .collect();
    let details = Some(details.join("; ")).filter(|details| !details.is_empty());
    no_test_data(&config.test_folder, cause(config, data, n_files), details)
}

/// The error for a folder without test data: the cause, what was not read, and what to do.
fn no_test_data(folder: &InputFolder, cause: String, details: Option<String>) -> Failure {
    let unread = unread_entries(folder);
    let unread = (!unread.is_empty()).then(|| format!("not read: {}", unread.join("; ")));
    let details: String = details
        .into_iter()
        .chain(unread)
        .map(|detail| format!("; {detail}"))
        .collect();
    Failure::data(format!(
        "the test data in {} has no usable labelled row: {cause}{details}; put a CSV file with known outcomes there",
        folder.path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use common::exit::{Exit, classify};

    use super::*;

    const HEADER: &str =
        "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n";

    fn config(path: &Path) -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod"}"#;
        let mut config = Config::parse(Path::new("/nowhere/config.json"), text).unwrap();
        config.test_folder = InputFolder {
            name: "test".into(),
            path: path.to_owned(),
            excluded: Vec::new(),
        };
        config
    }

    fn load(path: &Path) -> anyhow::Result<TestData> {
        load_test_data(&config(path), &FingerprintKey::PUBLIC)
    }

    fn lines(path: &Path) -> Vec<TestLines> {
        let mut all = Vec::new();
        for_each_test_file(&config(path), |lines| {
            all.push(lines);
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn the_score_and_the_calls_use_the_same_rows_of_the_same_files() {
        let base = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = base.path().join(name);
            common::files::create_folder(path.parent().unwrap()).unwrap();
            common::files::replace(&path, text.as_bytes()).unwrap();
        };
        put(
            "a.csv",
            &format!("{HEADER}a,1,2,3,0\nb,x,2,3,1\na,1.0,2,3,0\n\"c,d\",4,5,6,1\n"),
        );
        put("deep/b.csv", &format!("{HEADER}a,1,2,3,0\ne,1,2,3,\n"));
        put(
            "c.csv",
            &format!("{HEADER}f,1,2,3,0\n\"g,1,2,3,1\nh,1,2,3,1\n"),
        );
        put("notes.txt", "x");
        let data = load(base.path()).unwrap();
        assert_eq!((data.table.rows(), data.rejected_rows), (3, 1));
        assert_eq!(
            data.rejections,
            ["test/a.csv:3:2: lastmonth_activity: \"x\" is not a number"]
        );
        assert_eq!(data.rejected_files.len(), 1);
        let rejected = &data.rejected_files[0];
        assert!(
            rejected.starts_with("test/c.csv: the quote that opens in line 3 is never closed"),
            "{rejected}"
        );
        let all = lines(base.path());
        let files: Vec<(&str, usize)> = all
            .iter()
            .map(|lines| (lines.file.as_str(), lines.rows()))
            .collect();
        assert_eq!(files, [("test/a.csv", 2), ("test/deep/b.csv", 1)]);
        assert_eq!(all[0].lines(0..2), b"a,1,2,3,0\n\"c,d\",4,5,6,1\n");
        assert_eq!(all[0].lines(1..2), b"\"c,d\",4,5,6,1\n");
        assert_eq!(all[1].header, HEADER.as_bytes());
    }

    #[test]
    fn test_data_that_is_no_regular_file_is_named() {
        let base = tempfile::tempdir().unwrap();
        common::files::create_folder(&base.path().join("a.csv")).unwrap();
        let _socket = UnixListener::bind(base.path().join("b.csv")).unwrap();
        let error = load(base.path()).unwrap_err().to_string();
        for text in [
            "test/a.csv: it is a folder, not a regular file",
            "test/b.csv: it is a socket, not a regular file",
        ] {
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn test_data_of_which_a_part_cannot_be_read_is_no_test_data() {
        let base = tempfile::tempdir().unwrap();
        let rows = format!("{HEADER}a,1,2,3,0\nb,2,3,4,1\n");
        common::files::replace(&base.path().join("a.csv"), rows.as_bytes()).unwrap();
        assert_eq!(load(base.path()).unwrap().table.rows(), 2);
        for name in ["b.csv", "notes.txt", "share"] {
            let link = base.path().join(name);
            common::files::replace_link(&link, Path::new("elsewhere")).unwrap();
            for error in [
                load(base.path()).map(|_| ()).unwrap_err(),
                check_test_folder(&config(base.path())).unwrap_err(),
            ] {
                assert_eq!(classify(&error), Exit::InputOutput);
                assert!(error.to_string().contains(name), "{error}");
            }
            common::files::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn test_data_without_a_usable_row_names_what_was_rejected() {
        let base = tempfile::tempdir().unwrap();
        let rows = "b,x,2,3,1\n".repeat(9);
        let text = format!("{HEADER}{rows}");
        let error_with = |name: &str| {
            common::files::replace(&base.path().join(name), text.as_bytes()).unwrap();
            load(base.path()).unwrap_err().to_string()
        };
        let error = error_with("a.csv");
        for text in ["rejected (9 rows)", "test/a.csv:6:2: ", "; and 4 more; put"] {
            assert!(error.contains(text), "{error}");
        }
        for name in ["b.csv", "c.csv", "d.csv", "e.csv"] {
            error_with(name);
        }
        let error = error_with("f.csv");
        assert_eq!(error.matches("is not a number").count(), MAX_NAMED_ROWS);
        assert!(error.contains("; and 34 more; put"), "{error}");
    }
}
