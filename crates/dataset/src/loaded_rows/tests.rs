use std::collections::HashMap;

use common::files;

use super::*;
use crate::fingerprint::{client_number, public_hash};
use crate::table::Selection;

/// A pipeline whose finaldata.csv has `rows` rows: three for each client, at different places.
fn pipeline(folder: &std::path::Path, schema: &str, rows: u64) -> (Config, Ledger) {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"memory_limit_mib":1}},"schema":{schema}}}"#
    );
    let config = Config::parse(&folder.join("config.json"), &text).unwrap();
    files::create_folder(config.layout.output()).unwrap();
    let id = if config.schema.id.is_some() {
        "client"
    } else {
        "row_id"
    };
    let mut text = format!("{id},x,left\n");
    for row in 0..rows {
        let label = [",0", ",1", ","][(row % 3) as usize];
        let client = row % rows.div_ceil(3);
        text.push_str(&format!("{client},{row}{label}\n"));
    }
    files::replace(&config.layout.final_data(), text.as_bytes()).unwrap();
    let ledger = Ledger {
        rows,
        committed_bytes: text.len() as u64,
        digest: common::digest::of_bytes(text.as_bytes()),
        evaluated_rows: rows,
        schema: config.data_digest(),
        ..Ledger::default()
    };
    (config, ledger)
}

const WITH_ID: &str = r#"{"id":"client","features":["x"],"target":"left"}"#;

#[test]
fn a_sample_has_whole_clients_and_the_numbers_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (config, ledger) = pipeline(folder.path(), WITH_ID, 30_000);
    for max_rows in [300, 5_000, 19_000, 29_999] {
        let loaded = load_within(&config, &ledger, max_rows, 30_000).unwrap();
        let rows = loaded.table.rows();
        let sample = loaded.sample.expect("a sample");
        assert_eq!((sample.rows, sample.of), (rows as u64, 30_000));
        assert!(rows <= max_rows, "{rows} of {max_rows}");
        assert!(rows + 2 > max_rows, "{rows} of {max_rows}");
        let mut of_client = HashMap::<u64, u64>::new();
        for position in 0..rows {
            // The feature is the number of the row.
            let number = loaded.table.features[0][position] as u64;
            assert_eq!(loaded.numbers.number(position), number);
            assert_eq!(loaded.numbers.position(number), position);
            let client = loaded.table.clients[position];
            assert_eq!(
                client,
                public_hash((number % 10_000).to_string().as_bytes())
            );
            *of_client.entry(client).or_default() += 1;
        }
        // Each client has two rows with a label, and one without.
        let all_labelled = max_rows >= 20_000;
        let whole = of_client
            .values()
            .all(|rows| *rows == 2 || (all_labelled && *rows == 3));
        assert!(whole, "parts of clients");
    }
    let all = load_within(&config, &ledger, 30_000, 0).unwrap();
    assert_eq!((all.table.rows(), all.sample), (30_000, None));
    assert_eq!(all.numbers.position(7), 7);
}

#[test]
fn rows_without_an_id_are_sampled_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (config, ledger) = pipeline(
        folder.path(),
        r#"{"id":null,"features":["x"],"target":"left"}"#,
        30_000,
    );
    let loaded = load_within(&config, &ledger, 3_000, 30_000).unwrap();
    let rows = loaded.table.rows();
    assert_eq!(rows, 3_000);
    // From all parts of the file, and from all labels.
    let first_third = loaded.numbers.position(10_000);
    assert!(
        (rows / 4..rows / 2).contains(&first_third),
        "{first_third} of {rows}"
    );
    let labels = label_counts(&loaded.table, &loaded.table.all()).unwrap();
    assert!(labels.rarer() > 1_300, "{labels:?}");
    assert_eq!(labels.unlabelled, 0, "they are of no use to a model");
}

/// A sample of rows, each with its client and a label or none. `starts` has the first recent and the
/// first new row; `block` is the number of rows that are read at once.
fn sampled(
    rows: &[(u64, Option<bool>)],
    starts: [u64; 2],
    max_rows: usize,
    block: usize,
) -> LoadedRows {
    let mut sampler = Sampler::new(&Schema::default(), max_rows, starts);
    for block in rows.chunks(block) {
        let mut parsed = ParsedRows::default();
        parsed.features = vec![vec![0.0; block.len()]; Schema::default().features.len()];
        parsed.labels = block.iter().map(|(_, label)| *label).collect();
        let ids = || block.iter().map(|(client, _)| client.to_le_bytes());
        parsed.clients = ids().map(|id| public_hash(&id)).collect();
        parsed.client_numbers = ids().map(|id| client_number(&id)).collect();
        sampler.add(&parsed);
        let most = max_rows + max_rows / PART_OF_SURPLUS;
        assert!(sampler.table.rows() <= most, "rows in memory");
    }
    sampler.finish(rows.len() as u64, 1)
}

/// Numbers of the rows of a sample.
fn numbers(loaded: &LoadedRows) -> Vec<u64> {
    (0..loaded.table.rows())
        .map(|position| loaded.numbers.number(position))
        .collect()
}

/// Labelled rows, `of_each` for each of these clients.
fn rows_of(clients: std::ops::Range<u64>, of_each: u64) -> Vec<(u64, Option<bool>)> {
    let rows = clients.flat_map(|client| (0..of_each).map(move |row| (client, row)));
    rows.map(|(client, row)| (client, Some(row % 2 == 0)))
        .collect()
}

#[test]
fn a_sample_does_not_depend_on_the_order_of_the_rows_and_larger_ones_hold_smaller_ones() {
    let clients = |max_rows: usize, reversed: bool| {
        let mut rows = rows_of(0..1_000, 4);
        if reversed {
            rows.reverse();
        }
        let mut clients = sampled(&rows, [4_000, 4_000], max_rows, 700).table.clients;
        clients.sort_unstable();
        clients
    };
    let mut former = Vec::new();
    for max_rows in (400..4_000).step_by(150) {
        let found = clients(max_rows, false);
        assert_eq!(found, clients(max_rows, true));
        assert!(found.len() + 4 > max_rows, "{} of {max_rows}", found.len());
        let holds = former
            .iter()
            .all(|client| found.binary_search(client).is_ok());
        assert!(holds, "{max_rows}");
        former = found;
    }
}

#[test]
fn new_rows_and_then_those_since_the_drift_are_all_in_the_sample() {
    let rows = rows_of(0..20_000, 1);
    for (recent, new) in [(19_000, 19_500), (19_900, 19_990), (16_500, 19_999)] {
        let loaded = sampled(&rows, [recent, new], 4_000, 1_000);
        assert_eq!(loaded.table.rows(), 4_000);
        let in_range = numbers(&loaded);
        let in_range = in_range.iter().filter(|number| **number >= recent).count();
        assert_eq!(in_range as u64, 20_000 - recent);
    }
    // All new rows, and some since the drift.
    let loaded = sampled(&rows, [10_000, 17_000], 4_000, 1_000);
    assert_eq!(loaded.table.rows() - loaded.numbers.position(17_000), 3_000);
    assert_eq!(loaded.numbers.position(10_000), 0);
    // A sample of the new rows.
    let loaded = sampled(&rows, [10_000, 15_000], 4_000, 1_000);
    assert_eq!(loaded.table.rows(), 4_000);
    assert_eq!(loaded.numbers.position(15_000), 0);
}

#[test]
fn rows_without_a_label_do_not_displace_labelled_ones() {
    let mut rows = rows_of(0..10_000, 1);
    rows.extend((10_000..20_000).map(|client| (client, (client < 10_030).then_some(true))));
    let loaded = sampled(&rows, [10_000, 10_000], 4_000, 1_000);
    let first = loaded.numbers.position(10_000);
    assert_eq!(first, 1_000, "a quarter for what a model learns from");
    let new = Selection::rows(first..loaded.table.rows());
    let labels = label_counts(&loaded.table, &new).unwrap();
    assert_eq!((labels.positives, labels.unlabelled), (30, 2_970));
}

#[test]
fn few_or_huge_clients_fill_the_sample() {
    let sizes = |rows: &[(u64, Option<bool>)]| {
        let loaded = sampled(rows, [u64::MAX; 2], 4_000, 900);
        let in_small_blocks = sampled(rows, [u64::MAX; 2], 4_000, 77);
        assert!(numbers(&loaded) == numbers(&in_small_blocks), "the same");
        let mut sizes = HashMap::<u64, usize>::new();
        for client in &loaded.table.clients {
            *sizes.entry(*client).or_default() += 1;
        }
        let mut sizes: Vec<usize> = sizes.into_values().collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        sizes
    };
    assert_eq!(sizes(&rows_of(0..1, 20_000)), [4_000]);
    assert_eq!(sizes(&rows_of(0..3, 9_000)), [1_334, 1_333, 1_333]);
    // Whatever the number of the huge client is, the others are there.
    for huge in 0..8 {
        let mut rows = rows_of(0..2_000, 3);
        rows.extend(rows_of(huge..huge + 1, 30_000));
        let found = sizes(&rows);
        let filled: usize = found.iter().sum();
        assert!(filled + 62 > 4_000 && found.len() > 1_300, "{filled}");
        assert!(found[0] <= 62 && found[1] == 3, "{found:?}");
    }
    let few_others = [rows_of(0..1, 30_000), rows_of(1..100, 10)].concat();
    assert_eq!(sizes(&few_others)[..2], [3_010, 10]);
}

#[test]
fn blocks_and_counts_are_of_the_wanted_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (config, ledger) = pipeline(folder.path(), WITH_ID, 100_000);
    for wanted in [0..100_000, 7..7, 99_999..u64::MAX, 20_001..90_002, 5..6] {
        let mut numbers = Vec::new();
        each_block(&config, &ledger, wanted.clone(), |block| {
            numbers.extend(block.features[0].iter().map(|number| *number as u64));
            Ok(())
        })
        .unwrap();
        let expected: Vec<u64> = (wanted.start..wanted.end.min(100_000)).collect();
        assert_eq!(numbers, expected, "{wanted:?}");
        let counts = count_labels(&config, &ledger, wanted.clone()).unwrap();
        let count = |label| expected.iter().filter(|row| **row % 3 == label).count() as u64;
        let found = [counts.negatives, counts.positives, counts.unlabelled];
        assert_eq!(found, [count(0), count(1), count(2)], "{wanted:?}");
    }
}

#[test]
fn the_limit_of_memory_is_a_number_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, _) = pipeline(folder.path(), WITH_ID, 3);
    for (mib, rows) in [(1, 4_000), (512, 6_700_000), (4_096, 64_000_000)] {
        config.training.memory_limit_mib = mib;
        let found = max_loaded_rows(&config);
        assert!(found.abs_diff(rows) < rows / 10, "{mib}: {found}");
    }
    config.training.memory_limit_mib = u64::MAX;
    assert!(max_loaded_rows(&config) <= u32::MAX as usize);
}
