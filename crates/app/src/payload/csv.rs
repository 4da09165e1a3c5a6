//! Rows as CSV, read by the rules of ingestion. A target column may be present and is ignored.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Read};

use common::Schema;
use common::config::LimitSettings;
use common::schema::Breach;
use dataset::cell::CellProblem;
use dataset::{
    Cells, FileFlaw, FileProblem, Format, HeaderFlaw, KnownHeader, LimitExceeded, Limits, ReadRow,
    Rejection, RowFlaw, RowReader, TargetColumn,
};

use super::rows::{RequestRows, RowBudget, RowCollector};
use crate::error::{ApiError, RowError};
use crate::problem::excerpt;

thread_local! {
    /// Header that this thread read last: clients send the same header again and again.
    static HEADER: RefCell<Option<KnownHeader>> = const { RefCell::new(None) };
}

/// The rows of a CSV text with a header.
pub(super) fn rows(
    input: impl Read,
    format: Format,
    schema: &Schema,
    room: RowBudget<'_>,
) -> Result<RequestRows, ApiError> {
    let mut reader = open(input, format, schema, room.limits)?;
    let mut collector = RowCollector::new(schema.features.len(), room);
    loop {
        match reader.next_row() {
            Ok(Some(ReadRow::Accepted(cells))) => {
                let number = collector.begin()?;
                let id = name_of(&cells, number);
                collector.accept(&id, cells.values);
            }
            Ok(Some(ReadRow::Rejected(rejection))) => {
                let number = collector.begin()?;
                collector.reject(row_error(&reader, number, &rejection));
            }
            Ok(None) => return collector.finish(),
            Err(problem) => return Err(file_error(problem)),
        }
    }
}

/// The name of a row in an answer: the id of its client, or the number of the row if the schema has
/// no id.
#[inline]
pub(super) fn name_of<'c>(cells: &Cells<'c>, number: u64) -> Cow<'c, [u8]> {
    match cells.id {
        Some(id) => id.into(),
        None => number.to_string().into_bytes().into(),
    }
}

/// Reads the header of a text under the limits of a request.
pub(super) fn open<R: Read>(
    input: R,
    mut format: Format,
    schema: &Schema,
    limits: &LimitSettings,
) -> Result<RowReader<R>, ApiError> {
    format.limits = Limits {
        fields: limits.columns,
        field_bytes: limits.field_bytes,
        ..Limits::default()
    };
    HEADER
        .with_borrow_mut(|known| {
            RowReader::open_with(input, format, schema, TargetColumn::Ignored, known)
        })
        .map_err(file_error)
}

/// The error for an unusable header or list of column names.
pub(super) fn header_error(flaw: HeaderFlaw) -> ApiError {
    match flaw {
        HeaderFlaw::MissingColumn {
            column,
            others,
            found,
            ..
        } => ApiError::MissingColumn {
            columns: [vec![column], others].concat(),
            found: excerpt(found.join(", ").as_bytes()),
        },
        HeaderFlaw::DuplicateColumn(name) => ApiError::DuplicateColumn(excerpt(name.as_bytes())),
        HeaderFlaw::NotUtf8(_) => {
            ApiError::CsvInvalid("the header is not UTF-8: save the file as UTF-8".into())
        }
        HeaderFlaw::NotCsv(reason) => {
            ApiError::CsvInvalid(format!("the header cannot be used: {reason}"))
        }
    }
}

/// Error code of an invalid cell.
pub(super) fn cell_code(problem: CellProblem) -> &'static str {
    match problem {
        CellProblem::NotANumber => "not-a-number",
        CellProblem::NotAText => "not-a-text",
        CellProblem::TooLong => "text-too-long",
        CellProblem::OutOfRange => "out-of-range",
        CellProblem::NotAllowed(Breach::Below(_)) => "below-minimum",
        CellProblem::NotAllowed(Breach::Above(_)) => "above-maximum",
        CellProblem::NotAllowed(Breach::NotListed) => "not-listed",
        CellProblem::NotAllowed(Breach::Missing) => "missing-value",
        CellProblem::NotALabel => "not-a-class",
    }
}

/// Error code of a row with more or fewer cells than there are columns.
pub(super) const FIELD_COUNT: &str = "field-count";
/// Error code of a row without a client name.
pub(super) const MISSING_ID: &str = "missing-id";

/// The error for a rejected row.
pub(super) fn row_error<R: Read>(
    reader: &RowReader<R>,
    row: u64,
    rejection: &Rejection,
) -> RowError {
    let flaw = reader.flaw();
    let code = match flaw {
        Some(RowFlaw::StrayQuote) => "stray-quote",
        Some(RowFlaw::FieldCount) => FIELD_COUNT,
        Some(RowFlaw::NotUtf8) => "not-utf8",
        Some(RowFlaw::NoClient) => MISSING_ID,
        Some(RowFlaw::Cell(problem)) => cell_code(problem),
        None => "unreadable",
    };
    let is_of_one_cell = flaw != Some(RowFlaw::FieldCount);
    let column = reader
        .field_name(rejection.column)
        .filter(|_| is_of_one_cell)
        .map(|name| excerpt(name.as_bytes()));
    let value = reader
        .field(rejection.column)
        .filter(|_| is_of_one_cell)
        .map(excerpt);
    let detail = match (flaw, &column, &value) {
        (Some(RowFlaw::Cell(problem)), Some(column), Some(value)) => {
            problem.describe(column, value)
        }
        // The reasons of other flaws contain no text of the row.
        _ => rejection.reason.clone(),
    };
    RowError {
        row,
        line: Some(rejection.line),
        column,
        code,
        detail,
        value,
    }
}

/// The error for a text that cannot be read further.
pub(super) fn file_error(problem: FileProblem) -> ApiError {
    match problem {
        FileProblem::Unusable(FileFlaw::Header(flaw)) => header_error(flaw),
        FileProblem::Unusable(FileFlaw::Syntax(reason)) => {
            ApiError::CsvInvalid(excerpt(reason.as_bytes()))
        }
        FileProblem::Unusable(FileFlaw::Exceeded(LimitExceeded::Fields(limit))) => {
            ApiError::TooManyColumns(limit)
        }
        FileProblem::Unusable(FileFlaw::Exceeded(LimitExceeded::FieldBytes(limit))) => {
            ApiError::FieldTooLong(limit)
        }
        FileProblem::Unreadable(error) => read_error(error),
    }
}

/// The error for a text whose bytes cannot be read; it may carry an error of the request.
fn read_error(error: io::Error) -> ApiError {
    error
        .downcast::<ApiError>()
        .unwrap_or_else(|error| ApiError::Internal(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_flight::{InFlight, Permit};

    const HEADER: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n";

    fn room<'r>(limits: &'r LimitSettings, permit: &'r mut Permit) -> RowBudget<'r> {
        RowBudget { limits, permit }
    }

    fn read(text: &str) -> Result<RequestRows, ApiError> {
        let limits = LimitSettings {
            rows: 1000,
            ..LimitSettings::default()
        };
        let in_flight = InFlight::new(u64::MAX);
        let mut permit = in_flight.permit();
        rows(
            text.as_bytes(),
            Format::FOREIGN,
            &Schema::default(),
            room(&limits, &mut permit),
        )
    }

    #[test]
    fn rows_are_read_whatever_the_order_of_columns() {
        let read = read(
            "number_of_employees,x,lastmonth_activity,exited,lastyear_activity,corporation\n3,?,1,maybe,,a\n",
        )
        .unwrap();
        assert!(read.ids.iter().eq(["a"]));
        assert_eq!(read.missing(), 1);
        let row = read.iter().next().unwrap();
        assert!(row[0] == 1.0 && row[1].is_nan() && row[2] == 3.0, "{row:?}");
    }

    #[test]
    fn a_remembered_header_is_used_only_for_its_schema() {
        let limits = LimitSettings::default();
        let in_flight = InFlight::new(u64::MAX);
        let values = |schema: &Schema, text: &str| {
            let mut permit = in_flight.permit();
            let rows = rows(
                text.as_bytes(),
                Format::FOREIGN,
                schema,
                room(&limits, &mut permit),
            )
            .unwrap();
            rows.iter().next().map(<[f64]>::to_vec).unwrap()
        };
        let schema = Schema::default();
        let mut other = schema.clone();
        other.features.swap(0, 1);
        for (first, second) in [(1.0, 2.0), (3.0, 4.0)] {
            let text = format!("{HEADER}a,{first},{second},5\n");
            assert_eq!(values(&schema, &text), [first, second, 5.0]);
            assert_eq!(values(&schema, &text), [first, second, 5.0]);
            assert_eq!(values(&other, &text), [second, first, 5.0]);
        }
    }

    #[test]
    fn csv_flaws_are_answered_by_their_kind() {
        for (text, code) in [
            (HEADER.to_owned(), "no-rows"),
            (
                "corporation,lastmonth_activity\na,1\n".into(),
                "missing-column",
            ),
            (
                "corporation,x,Corporation\na,1,2\n".into(),
                "duplicate-column",
            ),
            (format!("{HEADER}\"a,1,2,3\nb,1,2,3\n"), "csv-invalid"),
            ("\0\n".into(), "csv-invalid"),
            (format!("{}x\n", "x,".repeat(1024)), "too-many-columns"),
            (
                format!("{HEADER}\"{}", "x".repeat(70_000)),
                "field-too-long",
            ),
            (format!("{HEADER}a,1,2,x\n"), "row-invalid"),
        ] {
            assert_eq!(read(&text).unwrap_err().kind().code, code, "{text:?}");
        }
    }

    #[test]
    fn bad_rows_are_listed_up_to_twenty() {
        let bad = "b,1,twelve,3\n".repeat(30);
        let text = format!("{HEADER}a,1,2,3\n{bad},1,2,3\nc,1\nd,1e999,2,3\n");
        let Err(ApiError::RowInvalid(errors)) = read(&text) else {
            panic!("refused rows");
        };
        assert_eq!((errors.first.len(), errors.total), (20, 33));
        assert_eq!(errors.by_code["not-a-number"], 30);
        assert_eq!(
            errors.first[0],
            RowError {
                row: 2,
                line: Some(3),
                column: Some("lastyear_activity".into()),
                code: "not-a-number",
                detail: "lastyear_activity: \"twelve\" is not a number".into(),
                value: Some("twelve".into()),
            }
        );
        let codes = |text: &str| match read(&format!("{HEADER}{text}\n")) {
            Err(ApiError::RowInvalid(errors)) => errors.first[0].code,
            other => panic!("{other:?}"),
        };
        assert_eq!(codes(",1,2,3"), MISSING_ID);
        assert_eq!(codes("c,1"), FIELD_COUNT);
        assert_eq!(codes("d,1e999,2,3"), "out-of-range");
    }

    #[test]
    fn each_error_has_a_sentence_without_more_than_an_excerpt_of_the_cell() {
        let of = |row: &str| match read(&format!("{HEADER}{row}\n")) {
            Err(ApiError::RowInvalid(errors)) => errors.first[0].detail.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("c,1"), "2 fields, 4 expected");
        assert_eq!(of(",1,2,3"), "the client has no name");
        assert_eq!(
            of("c,1e999,2,3"),
            "lastmonth_activity: \"1e999\" is too large for a number"
        );
        let long = of(&format!("c,{},2,3", "x".repeat(1000)));
        assert!(long.contains("…") && long.len() < 128, "{long}");
    }

    #[test]
    fn all_missing_columns_are_named() {
        let text = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            text("corporation,lastyear_activity\na,1\n"),
            "the columns lastmonth_activity, number_of_employees are missing (found: corporation, lastyear_activity)"
        );
        assert_eq!(
            text("x,lastmonth_activity,lastyear_activity,number_of_employees\na,1,2,3\n"),
            "the column corporation is missing (found: x, lastmonth_activity, lastyear_activity, number_of_employees)"
        );
    }

    #[test]
    fn a_row_beyond_the_limit_is_rejected() {
        let text = format!("{HEADER}{}", "a,1,2,3\n".repeat(1000));
        assert!(read(&text).is_ok());
        let text = format!("{text}a,1,2,3\n");
        assert_eq!(read(&text).unwrap_err().kind().code, "too-many-rows");
    }
}
