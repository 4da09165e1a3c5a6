//! Properties over any sequence of steps: every row is accounted for, evaluated rows stay
//! evaluated, and appending gives the same bytes as a rebuild.

use std::collections::{BTreeMap, BTreeSet};

use common::ledger::FileStatus;
use proptest::prelude::*;

use super::pipeline::Pipeline;
use super::step::{Step, step};
use crate::run;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_accounted_for_and_rebuilding_gives_the_same_bytes(
        steps in prop::collection::vec((step(), any::<bool>()), 1..12)
    ) {
        let mut pipeline = Pipeline::new();
        for (step, keeps_rows) in &steps {
            pipeline.apply(step);
            pipeline.old_carry = pipeline.carry();
            if *keeps_rows {
                pipeline.ingest_as_a_run_does();
            }
            run(&pipeline.config).unwrap();

            let ledger = pipeline.ledger();
            let mut kept = 0;
            for file in &ledger.files {
                let rows = file.rows;
                prop_assert_eq!(rows.read, rows.kept + rows.duplicate + rows.rejected);
                if file.status == FileStatus::Ingested {
                    kept += rows.kept;
                }
            }
            let lines = pipeline.final_lines();
            prop_assert_eq!(kept, lines.len() as u64);
            prop_assert_eq!(ledger.rows, lines.len() as u64);
            let distinct: BTreeSet<Vec<u8>> = lines.iter().cloned().collect();
            prop_assert_eq!(distinct.len(), lines.len());
            prop_assert_eq!(&distinct, &pipeline.expected_rows());
            prop_assert!(!ledger.rebuilding);

            // Exactly the evaluated rows come first.
            let (evaluated, new) = lines.split_at(ledger.evaluated_rows as usize);
            prop_assert!(evaluated.iter().all(|line| pipeline.evaluated.contains(line)));
            prop_assert!(!new.iter().any(|line| pipeline.evaluated.contains(line)));

            // The saved summary matches the rows, whatever the steps were.
            prop_assert_eq!(pipeline.summary(), pipeline.expected_summary());
        }
        // Appending step by step and a rebuild give the same bytes.
        let before = (pipeline.final_data(), pipeline.ledger(), pipeline.summary());
        pipeline.apply(&Step::LoseFinalData);
        run(&pipeline.config).unwrap();
        let after = (pipeline.final_data(), pipeline.ledger(), pipeline.summary());
        prop_assert_eq!(&after.0, &before.0);
        prop_assert_eq!(after.1.evaluated_rows, before.1.evaluated_rows);
        prop_assert_eq!(after.1.digest, before.1.digest);
        prop_assert_eq!(&after.2, &before.2);
    }

    #[test]
    fn any_csv_content_survives_the_round_trip(
        ids in prop::collection::vec(prop::collection::vec(any::<char>(), 1..8), 1..20),
        values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 20),
    ) {
        let pipeline = Pipeline::new();
        let mut expected = BTreeMap::new();
        let mut writer = csv::Writer::from_path(pipeline.input(0)).unwrap();
        writer.write_record(["client", "x", "left"]).unwrap();
        for (id, value) in ids.iter().zip(&values) {
            let id: String = id.iter().collect();
            let value = value.to_string();
            writer.write_record([id.as_str(), &value, "1"]).unwrap();
            expected.insert((id, value), ());
        }
        writer.flush().unwrap();
        drop(writer);
        run(&pipeline.config).unwrap();

        let mut reader = csv::Reader::from_path(pipeline.config.layout.final_data()).unwrap();
        let found: BTreeMap<(String, String), ()> = reader
            .records()
            .map(|record| {
                let record = record.unwrap();
                ((record[0].to_owned(), record[1].to_owned()), ())
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
