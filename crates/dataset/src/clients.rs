//! The rows of the same client.

use siphasher::sip::SipHasher13;

/// The places of one row of each client, ascending; `None` if each client has one row.
///
/// Tests of distributions take rows as independent, and the rows of one client are not. The choice depends
/// on no value of a row, so a chosen row is like any row of its client.
pub fn one_row_of_each(clients: &[u64]) -> Option<Vec<usize>> {
    let mut rows: Vec<(u64, usize)> = clients.iter().copied().zip(0..).collect();
    rows.sort_unstable();
    let of_clients = || rows.chunk_by(|one, other| one.0 == other.0);
    if of_clients().all(|rows| rows.len() == 1) {
        return None;
    }
    let chosen = |rows: &[(u64, usize)]| {
        let rows = rows.iter().map(|(client, row)| (key(*client, *row), *row));
        rows.min().map(|(_, row)| row)
    };
    let mut chosen: Vec<usize> = of_clients().filter_map(chosen).collect();
    chosen.sort_unstable();
    Some(chosen)
}

/// A public hash, which decides which row of a client is chosen.
fn key(client: u64, row: usize) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&client.to_le_bytes());
    bytes[8..].copy_from_slice(&(row as u64).to_le_bytes());
    SipHasher13::new_with_key(b"risk client row.").hash(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_one_of_its_rows() {
        assert_eq!(one_row_of_each(&[]), None);
        assert_eq!(one_row_of_each(&[5, 3, 4]), None);
        let clients = [5, 3, 5, 4, 5, 3];
        let chosen = one_row_of_each(&clients).unwrap();
        let mut of: Vec<u64> = chosen.iter().map(|row| clients[*row]).collect();
        assert!(chosen.is_sorted());
        of.sort_unstable();
        assert_eq!(of, [3, 4, 5]);
    }

    #[test]
    fn no_place_among_the_rows_of_a_client_is_preferred() {
        let clients: Vec<u64> = (0..9000).map(|row| row / 3).collect();
        let chosen = one_row_of_each(&clients).unwrap();
        for place in 0..3 {
            let count = chosen.iter().filter(|row| **row % 3 == place).count();
            // 1,000 are expected, with a standard deviation of 26.
            assert!((900..1100).contains(&count), "{place}: {count}");
        }
    }
}
