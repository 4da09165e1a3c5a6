use std::collections::HashMap;

use common::files;

use super::*;
use crate::fingerprint::{client_hash, client_number};

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
    for max_rows in [300, 5_000, 29_999] {
        let loaded = load_within(&config, &ledger, max_rows).unwrap();
        let rows = loaded.table.rows();
        let sample = loaded.sample.expect("a sample");
        assert_eq!((sample.rows, sample.of), (rows as u64, 30_000));
        assert!(rows <= max_rows, "{rows} of {max_rows}");
        assert!(rows + 1 + max_rows / 4 > max_rows, "{rows} of {max_rows}");
        let mut of_client = HashMap::<u64, u64>::new();
        for position in 0..rows {
            // The feature is the number of the row.
            let number = loaded.table.features[0][position] as u64;
            assert_eq!(loaded.numbers.number(position), number);
            assert_eq!(loaded.numbers.position(number), position);
            let client = loaded.table.clients[position];
            assert_eq!(
                client,
                client_hash((number % 10_000).to_string().as_bytes())
            );
            *of_client.entry(client).or_default() += 1;
        }
        assert!(
            of_client.values().all(|rows| *rows == 3),
            "parts of clients"
        );
    }
    let all = load_within(&config, &ledger, 30_000).unwrap();
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
    let loaded = load_within(&config, &ledger, 3_000).unwrap();
    let rows = loaded.table.rows();
    assert!((2_400..=3_000).contains(&rows), "{rows}");
    // From all parts of the file, and from all labels.
    let first_third = loaded.numbers.position(10_000);
    assert!(
        (rows / 4..rows / 2).contains(&first_third),
        "{first_third} of {rows}"
    );
    let labels = label_counts(&loaded.table, &loaded.table.all()).unwrap();
    assert!(labels.rarer().min(labels.unlabelled) > 600, "{labels:?}");
}

#[test]
fn a_sample_does_not_depend_on_the_order_of_the_rows_and_larger_ones_hold_smaller_ones() {
    let sampled = |max_rows: usize, reversed: bool| {
        let mut sampler = Sampler {
            limit: u64::MAX,
            ..Sampler::new(&Schema::default(), 4_000, max_rows)
        };
        let mut clients: Vec<u64> = (0..4_000).map(|row| row / 4).collect();
        if reversed {
            clients.reverse();
        }
        for clients in clients.chunks(700) {
            let mut rows = ParsedRows::default();
            rows.features = vec![vec![0.0; clients.len()]; Schema::default().features.len()];
            rows.labels = vec![Some(true); clients.len()];
            let ids = || clients.iter().map(|client| client.to_le_bytes());
            rows.clients = ids().map(|id| client_hash(&id)).collect();
            rows.numbers = ids().map(|id| client_number(&id)).collect();
            sampler.add(&rows);
        }
        let mut clients = sampler.finish(4_000, 1).table.clients;
        clients.sort_unstable();
        clients
    };
    let few = sampled(500, false);
    assert_eq!(few, sampled(500, true));
    assert!((400..=500).contains(&few.len()), "{}", few.len());
    let more = sampled(900, false);
    assert!(few.iter().all(|client| more.binary_search(client).is_ok()));
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
