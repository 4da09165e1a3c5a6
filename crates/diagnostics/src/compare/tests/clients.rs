//! Tests of files in which clients have several rows.

use super::*;

#[test]
fn one_row_of_each_client_is_compared() {
    // 50 rows of each of 60 clients. Taken as independent, 3,000 rows would show a drift of all columns.
    let id = |row: usize| (row / 50).to_string();
    let cell = |phase: f64| move |row: usize| wave(row / 50, phase).to_string();
    let plan = |phase: f64| move |row: usize| format!("{:.0}", wave(row / 50, phase) * 2.0);
    let mixed = |row: usize| match row / 50 % 3 {
        0 => "many".to_owned(),
        _ => row.to_string(),
    };
    let (x, y) = (cell(0.0), plan(3.0));
    let before = file(
        3000,
        &[("client", &id), ("x", &x), ("plan", &y), ("m", &mixed)],
    );
    let (x, y) = (cell(0.55), plan(3.7));
    let now = file(
        3000,
        &[("client", &id), ("x", &x), ("plan", &y), ("m", &mixed)],
    );
    let found = comparison(&before, &now);
    assert_eq!(found.verdict, Verdict::Ok, "{found}");
    assert_eq!(
        [found.reference.clients, found.current.clients],
        [Some(60); 2]
    );
    for column in &found.columns {
        assert_eq!(column.distribution.rows, [60, 60], "{}", column.name);
    }
    assert!(
        found
            .to_string()
            .contains("3000 rows of 60 clients: one row of each is compared")
    );
    let schema = Schema {
        id: None,
        ..schema()
    };
    let as_independent = compare(&request(&before, &now, None), &schema).unwrap();
    assert_eq!(as_independent.verdict, Verdict::Drift, "{as_independent}");
}

#[test]
fn rows_without_an_id_are_clients_of_their_own() {
    let id = |row: usize| {
        if row < 40 {
            String::new()
        } else {
            row.to_string()
        }
    };
    let x = |row: usize| wave(row, 0.0).to_string();
    let one = file(100, &[("client", &id), ("x", &x)]);
    let found = comparison(&one, &one);
    assert_eq!(
        (found.reference.clients, found.columns[0].distribution.rows),
        (None, [100, 100])
    );
}
