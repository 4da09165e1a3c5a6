//! Rows as CSV, read by the rules of ingestion; the target may be there and is not looked at.

use std::cell::RefCell;
use std::io::{self, Read};

use common::Schema;
use common::config::LimitSettings;
use common::schema::Breach;
use dataset::cell::CellProblem;
use dataset::{
    FileProblem, HeaderFlaw, OpenError, PlainHeader, PlainReader, ReadRow, Rejection, RowFlaw,
    RowReader, Rows, TargetColumn,
};

use super::fence::{Fence, read_error};
use super::rows::{Collector, Room, Rows as CollectedRows};
use crate::error::{ApiError, RowError};
use crate::problem::excerpt;

/// Headers up to this size are remembered.
const REMEMBERED_HEADER: usize = 4096;

thread_local! {
    /// The header read last by this thread, and the columns that were looked for: clients send the
    /// same again and again.
    static HEADER: RefCell<Option<(Schema, PlainHeader)>> = const { RefCell::new(None) };
}

/// The rows of a CSV text with a header.
pub(super) fn rows_of_text(
    text: &str,
    schema: &Schema,
    room: Room<'_>,
) -> Result<CollectedRows, ApiError> {
    if !PlainReader::can_read(text) {
        return rows(text.as_bytes(), schema, room);
    }
    Fence::new(io::empty(), room.limits).follow(text.as_bytes())?;
    collect(open_text(text, schema)?, schema, room)
}

/// Reads the header of a text, unless it is the one read last.
fn open_text<'t>(text: &'t str, schema: &Schema) -> Result<PlainReader<'t>, ApiError> {
    HEADER.with_borrow_mut(|last| {
        let known = last.as_ref().filter(|(of, _)| of == schema);
        if let Some(reader) = known.and_then(|(_, it)| PlainReader::open_known(text, it)) {
            return Ok(reader);
        }
        let reader =
            PlainReader::open(text, schema, TargetColumn::Ignored).map_err(header_error)?;
        let read = reader.header().filter(|it| it.bytes() <= REMEMBERED_HEADER);
        *last = read.map(|header| (schema.clone(), header));
        Ok(reader)
    })
}

/// The rows of a CSV file with a header.
pub(super) fn rows(
    input: impl Read,
    schema: &Schema,
    room: Room<'_>,
) -> Result<CollectedRows, ApiError> {
    collect(open(input, schema, room.limits)?, schema, room)
}

fn collect(
    mut reader: impl Rows,
    schema: &Schema,
    room: Room<'_>,
) -> Result<CollectedRows, ApiError> {
    let mut collector = Collector::new(schema.features.len(), room);
    while let Some(row) = reader.next_row().map_err(file_error)? {
        let number = collector.begin()?;
        match row {
            ReadRow::Accepted(cells) => {
                let id = String::from_utf8_lossy(cells.id());
                collector.accept(&id, cells.values.iter().copied());
            }
            ReadRow::Rejected(rejection) => {
                collector.refuse(row_error(&reader, number, &rejection));
            }
        }
    }
    collector.finish()
}

/// Reads the header, behind the fence of the limits.
pub(super) fn open<R: Read>(
    input: R,
    schema: &Schema,
    limits: &LimitSettings,
) -> Result<RowReader<Fence<R>>, ApiError> {
    let input = Fence::new(input, limits);
    RowReader::try_open(input, schema, TargetColumn::Ignored).map_err(|error| match error {
        OpenError::Header(flaw) => header_error(flaw),
        OpenError::Unreadable(error) => read_error(error),
    })
}

/// What a header, or a list of column names, is refused with.
pub(super) fn header_error(flaw: HeaderFlaw) -> ApiError {
    match flaw {
        HeaderFlaw::MissingColumn { column, found, .. } => ApiError::MissingColumn {
            column,
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

/// The code of a cell that does not serve.
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
        CellProblem::NotAClass => "not-a-class",
    }
}

/// The code of a row that has more or fewer cells than there are columns.
pub(super) const FIELD_COUNT: &str = "field-count";
/// The code of a row whose client has no name.
pub(super) const MISSING_ID: &str = "missing-id";

/// What a refused row is answered with.
pub(super) fn row_error(reader: &impl Rows, row: u64, rejection: &Rejection) -> RowError {
    let flaw = reader.flaw();
    let code = match flaw {
        Some(RowFlaw::FieldCount) => FIELD_COUNT,
        Some(RowFlaw::NotUtf8) => "not-utf8",
        Some(RowFlaw::NoClient) => MISSING_ID,
        Some(RowFlaw::Cell(problem)) => cell_code(problem),
        None => "unreadable",
    };
    let is_of_one_cell = flaw != Some(RowFlaw::FieldCount);
    RowError {
        row,
        line: Some(rejection.line),
        column: reader
            .field_name(rejection.column)
            .filter(|_| is_of_one_cell)
            .map(|name| excerpt(name.as_bytes())),
        code,
        value: reader
            .field(rejection.column)
            .filter(|_| is_of_one_cell)
            .map(excerpt),
    }
}

/// What a text is refused with in which no further row can be found.
pub(super) fn file_error(problem: FileProblem) -> ApiError {
    match problem {
        FileProblem::Unusable(reason) => ApiError::CsvInvalid(excerpt(reason.as_bytes())),
        FileProblem::Unreadable(error) => read_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_flight::{InFlight, Permit};

    const HEADER: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n";

    fn room<'r>(limits: &'r LimitSettings, permit: &'r mut Permit) -> Room<'r> {
        Room { limits, permit }
    }

    /// What a text comes to, whichever way it is read.
    fn read(text: &str) -> Result<CollectedRows, ApiError> {
        let limits = LimitSettings {
            rows: 1000,
            ..LimitSettings::default()
        };
        let schema = Schema::default();
        let in_flight = InFlight::new(u64::MAX);
        let (mut of_one, mut of_other) = (in_flight.permit(), in_flight.permit());
        let of_text = rows_of_text(text, &schema, room(&limits, &mut of_one));
        let of_file = rows(text.as_bytes(), &schema, room(&limits, &mut of_other));
        match (&of_text, &of_file) {
            (Ok(of_text), Ok(of_file)) => assert_eq!(
                of_text.ids.iter().collect::<Vec<_>>(),
                of_file.ids.iter().collect::<Vec<_>>()
            ),
            (Err(of_text), Err(of_file)) => {
                assert_eq!(format!("{of_text:?}"), format!("{of_file:?}"));
            }
            _ => panic!("{of_text:?} {of_file:?}"),
        }
        of_text
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
    fn a_header_that_was_read_before_is_read_for_the_schema_at_hand() {
        let limits = LimitSettings::default();
        let in_flight = InFlight::new(u64::MAX);
        let values = |schema: &Schema, text: &str| {
            let mut permit = in_flight.permit();
            let rows = rows_of_text(text, schema, room(&limits, &mut permit)).unwrap();
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
    fn flaws_are_answered_by_kind() {
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
    fn a_row_too_many_is_refused() {
        let text = format!("{HEADER}{}", "a,1,2,3\n".repeat(1000));
        assert!(read(&text).is_ok());
        let text = format!("{text}a,1,2,3\n");
        assert_eq!(read(&text).unwrap_err().kind().code, "too-many-rows");
    }
}
