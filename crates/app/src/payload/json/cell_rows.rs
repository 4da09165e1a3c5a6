//! Rows that are arrays: the cells follow the order of the columns.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::reading::Reading;
use super::row_array::{ReadRow, a_string};

/// Rows that are arrays.
pub(super) struct CellRows<'r, 's> {
    pub(super) reading: &'r mut Reading<'s>,
    /// The slot of each column; `None` for a column that is not read.
    pub(super) slots: &'r [Option<usize>],
}

impl<'de> ReadRow<'de> for CellRows<'_, '_> {
    fn read_row<D: Deserializer<'de>>(&mut self, row: D) -> Result<(), D::Error> {
        row.deserialize_any(Cells {
            reading: self.reading,
            slots: self.slots,
        })
    }
}

struct Cells<'r, 's> {
    reading: &'r mut Reading<'s>,
    slots: &'r [Option<usize>],
}

impl<'de> Visitor<'de> for Cells<'_, '_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of cells for each row")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(a_string(&self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        let row = self.reading.begin_row()?;
        for slot in self.slots {
            let is_there = match slot {
                Some(slot) => match cells.next_element_seed(self.reading.cell())? {
                    Some(cell) => {
                        self.reading.put(*slot, cell)?;
                        true
                    }
                    None => false,
                },
                None => cells.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                self.reading.reject_cell_count(row, self.slots.len());
                return Ok(());
            }
        }
        if cells.next_element::<IgnoredAny>()?.is_some() {
            while cells.next_element::<IgnoredAny>()?.is_some() {}
            self.reading.reject_cell_count(row, self.slots.len());
        } else {
            self.reading.end_row(row);
        }
        Ok(())
    }
}
