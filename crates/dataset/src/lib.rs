//! Lists and reads CSV files, and keeps their rows in memory, column by column. Has the few passes over
//! rows that every stage is built from.
//!
//! Only this crate reads CSV, walks through the input folders and divides work over rows among
//! processors. It knows no model, no score and no release. A stage asks for a pass and does not
//! know where the pass runs.

mod any_columns;
pub mod cell;
mod clients;
mod data_file;
mod fingerprint;
mod fingerprint_set;
mod level;
mod line;
mod listing;
mod load;
mod loaded_rows;
mod parallel;
pub mod passes;
mod reader;
mod record_reader;
mod row_id;
mod sample;
mod table;
mod test_data;
mod text;
mod threads;
mod tokenizer;
mod writer;

pub use any_columns::{
    AnyColumn, AnyColumns, CellForms, ColumnSurvey, DistinctCells, Examples, FewTexts, FileSurvey,
    LevelColumn, Levels, MAX_LEVELS, Reading, SplitBy, SplitFile, read_columns, read_levels,
    split_file, survey_columns,
};
pub use cell::Label;
pub use clients::one_row_of_each;
pub use data_file::{DataFile, digests, is_compressed, is_unicode};
pub use fingerprint::{Fingerprint, FingerprintKey, client_number, public_hash};
pub use fingerprint_set::{
    DamagedFingerprints, FingerprintSet, FirstOccurrences, StoredFingerprints, first_occurrences,
    is_run_name,
};
pub use level::{Level, LevelNames, MAX_NAMED_LEVELS, level_code};
pub use line::{guarded, push_field, push_text, shortest, unguarded};
pub use listing::{FoundFile, Listing, SkippedEntry, list, reason_to_ignore};
pub use load::{
    each_fingerprint, find_in_final_data, load_final_data, read_final_data, read_final_lines,
};
pub use loaded_rows::{
    LoadedRows, RowNumbers, count_labels, each_block, each_numbered_block, load_within,
    max_loaded_rows,
};
pub use parallel::{both, each_in_parallel, sort_by, sum_of, sums_of};
pub use reader::{
    BulkReader, Cells, ColumnPlaces, FileFlaw, FileProblem, HeaderFlaw, KnownHeader, Lines,
    MissingCounts, ParsedRows, ReadRow, Rejection, RowFlaw, RowReader, Scratch, TargetColumn,
    Wanted, find_columns, find_target, missing_too_often,
};
pub use record_reader::{RecordPosition, RecordReader};
pub use row_id::RowIds;
pub use sample::RowSample;
pub use table::{Columns, ColumnsMut, FOLDS, Fold, Labels, Selection, Share, Table, fold_of};
pub use test_data::{TestData, TestLines, check_test_folder, for_each_test_file, load_test_data};
pub use text::escaped;
pub use threads::{check_threads, start_threads, thread_error};
pub use tokenizer::{Dialect, Format, LimitExceeded, Limits};
pub use writer::{RecordWriter, Written};
