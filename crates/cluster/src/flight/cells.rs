//! Cells of an answer in Arrow's columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::answer::Cell;

/// Adds the result rows of a batch. Fails if a column has a type that no statement returns; the error names
/// the type.
pub(super) fn append(lines: &mut Vec<Vec<Cell>>, batch: &RecordBatch) -> Result<(), String> {
    let columns = batch.columns().iter().map(cells);
    let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
    for _ in 0..batch.num_rows() {
        let line = columns
            .iter_mut()
            .map(|column| column.next().unwrap_or(Cell::Null));
        lines.push(line.collect());
    }
    Ok(())
}

/// The cells of a column, from first to last.
fn cells(column: &ArrayRef) -> Result<Box<dyn Iterator<Item = Cell> + '_>, String> {
    /// Cells of values that may be NULL.
    fn of<'a, T>(
        values: impl Iterator<Item = Option<T>> + 'a,
        cell: impl Fn(T) -> Cell + 'a,
    ) -> Box<dyn Iterator<Item = Cell> + 'a> {
        Box::new(values.map(move |value| value.map_or(Cell::Null, &cell)))
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    Ok(match column.data_type() {
        DataType::Float64 => of(column.as_primitive::<Float64Type>().iter(), Cell::Number),
        DataType::Int64 => of(column.as_primitive::<Int64Type>().iter(), Cell::Whole),
        DataType::Int32 => of(column.as_primitive::<Int32Type>().iter(), |it| {
            Cell::Whole(i64::from(it))
        }),
        DataType::UInt64 => of(column.as_primitive::<UInt64Type>().iter(), |it| {
            i64::try_from(it).map_or(Cell::Number(it as f64), Cell::Whole)
        }),
        DataType::Utf8 => of(column.as_string::<i32>().iter(), text),
        DataType::LargeUtf8 => of(column.as_string::<i64>().iter(), text),
        DataType::Utf8View => of(column.as_string_view().iter(), text),
        DataType::Null => of((0..column.len()).map(|_| None::<()>), |()| Cell::Null),
        other => return Err(format!("a column of the type {other}")),
    })
}
