//! The identities of rows, by which labels that arrive later find their rows.

use super::engine::selected_rows;
use super::remote::needs_rows;
use crate::cell::Label;
use crate::table::{Selection, Table};
use common::Failure;

/// What identifies a row, with its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowIdentity {
    /// Position in the table.
    pub position: usize,
    /// Public hash of the client.
    pub client: u64,
    /// Public hash of client and values.
    pub hash: u64,
    /// The label; `None` if the row is not labelled.
    pub label: Label,
}

/// The identities of the selected rows, in their order.
pub fn row_identities(table: &Table, selection: &Selection) -> Result<Vec<RowIdentity>, Failure> {
    if table.engine("identities of rows")?.is_some() {
        return Err(needs_rows("identities of rows"));
    }
    let positions = selected_rows(table, selection);
    let hashes = table.row_hashes(&positions);
    let rows = positions.into_iter().zip(hashes);
    Ok(rows
        .map(|(position, hash)| RowIdentity {
            position,
            client: table.clients[position],
            hash,
            label: table.labels[position],
        })
        .collect())
}
