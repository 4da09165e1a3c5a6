//! A limited number of rows that can be read one by one.

use common::Failure;

use crate::passes::selected_rows;
use crate::table::{Columns, Selection, Table};

/// A limited number of rows in memory.
#[derive(Clone, Debug)]
pub struct RowSample(Table);

impl Table {
    /// The selected rows in their order, at most `max_rows`. If there are more, the rows of the clients
    /// with the smallest client numbers are taken. These come from a hash of the id, so the choice does
    /// not depend on the order of the rows.
    pub fn sample(&self, selection: &Selection, max_rows: usize) -> Result<RowSample, Failure> {
        if let Some(engine) = self.engine("a sample of rows")? {
            return engine.sample(selection, max_rows).map(RowSample);
        }
        let mut positions = selected_rows(self, selection);
        if positions.len() > max_rows {
            let hashes = self.row_hashes(&positions);
            let rows = hashes.into_iter().zip(positions);
            let keys = rows.map(|(hash, row)| (self.sample_key(row, hash), row));
            let mut by_key: Vec<(u64, usize)> = keys.collect();
            by_key.sort_unstable();
            positions = by_key[..max_rows].iter().map(|(_, row)| *row).collect();
            positions.sort_unstable();
        }
        let mut rows = Self::default();
        rows.take_from(self, positions.iter());
        rows.levels = self.levels.clone();
        Ok(RowSample(rows))
    }
}

impl RowSample {
    /// The rows, column by column.
    pub fn columns(&self) -> Columns<'_> {
        self.0.in_memory()
    }

    /// The rows as a table, so that passes run over them.
    pub fn table(&self) -> &Table {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;

    fn table(ids: impl Iterator<Item = u32>) -> Table {
        let mut table = Table::new(&Schema::default());
        for id in ids {
            let label = (id % 4 > 0).then_some(id % 2 == 0);
            table.push(&id.to_le_bytes(), &[f64::from(id), 0.5, 1.0], label);
        }
        table
    }

    #[test]
    fn a_sample_has_the_selected_rows_in_their_order() {
        let table = table(0..20);
        let sample = table
            .sample(&Selection::rows(4..12).labelled(), 100)
            .unwrap();
        assert_eq!(
            sample.columns().features[0],
            [5.0, 6.0, 7.0, 9.0, 10.0, 11.0]
        );
        assert_eq!(sample.columns().clients[1], table.clients[6]);
    }

    #[test]
    fn the_rows_of_a_smaller_sample_do_not_depend_on_the_order_of_the_table() {
        let ascending = table(0..2_000);
        let few = ascending.sample(&ascending.all(), 100).unwrap();
        let mut of_descending = {
            let descending = table((0..2_000).rev());
            let sample = descending.sample(&descending.all(), 100).unwrap();
            sample.columns().features[0].clone()
        };
        of_descending.reverse();
        assert_eq!(few.columns().features[0], of_descending);
        assert!(few.columns().features[0].is_sorted());
        assert_eq!(few.table().rows(), 100);
        let beyond = few.columns().features[0]
            .iter()
            .filter(|it| **it >= 1_000.0);
        assert!((30..=70).contains(&beyond.count()));
    }
}
