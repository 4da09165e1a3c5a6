//! Files that are copied, renamed, or rewritten, and training rows of a
//! deployed model.

use std::fs;

use common::schema::{CategoryRules, Kind};

use super::pipeline::{Pipeline, damage};
use super::step::Step;
use crate::run;

#[test]
fn renaming_keeps_a_file_known_and_new_content_makes_it_new() {
    let mut pipeline = Pipeline::new();
    let write = |file, rows: &[(u8, u8)]| Step::Write {
        file,
        rows: rows.to_vec(),
    };
    pipeline.apply(&write(0, &[(1, 1), (2, 2)]));
    assert_eq!(run(&pipeline.config).unwrap().rows.kept, 2);

    pipeline.apply(&write(1, &[(1, 1), (2, 2)]));
    let copied = run(&pipeline.config).unwrap();
    assert!(copied.files.is_empty(), "{copied}");

    fs::remove_file(pipeline.input(0)).unwrap();
    let moved = run(&pipeline.config).unwrap();
    assert!(
        moved.files.is_empty() && moved.removed.is_empty(),
        "{moved}"
    );

    pipeline.apply(&write(1, &[(3, 3)]));
    let changed = run(&pipeline.config).unwrap();
    assert_eq!(changed.total_rows, 1, "{changed}");
    assert!(changed.rebuilt.is_some());
}

#[test]
fn a_known_file_that_is_being_rewritten_does_not_count_as_removed() {
    let mut pipeline = Pipeline::new();
    for file in [0, 1] {
        pipeline.apply(&Step::Write {
            file,
            rows: vec![(file, 1), (file, 2)],
        });
    }
    run(&pipeline.config).unwrap();
    let before = pipeline.final_data();

    // Half of the new content is written, and the last line is incomplete.
    pipeline.foreign(0, "client,x,left\nc7,7");
    let report = run(&pipeline.config).unwrap();
    assert_eq!(
        (report.waiting.len(), report.removed.len()),
        (1, 0),
        "{report}"
    );
    assert_eq!(pipeline.final_data(), before);

    // The removal of another file waits as well, and new files do not.
    fs::remove_file(pipeline.input(1)).unwrap();
    let report = run(&pipeline.config).unwrap();
    assert_eq!(
        (report.waiting.len(), report.removed.len()),
        (1, 0),
        "{report}"
    );
    assert_eq!(pipeline.final_data(), before);
    pipeline.foreign(2, "client,x,left\nc9,9,1\n");
    assert_eq!(run(&pipeline.config).unwrap().rows.kept, 1);
    assert!(pipeline.final_data().starts_with(&before));

    // Damage cannot wait. The message names the file.
    let path = pipeline.config.layout.final_data();
    damage(&path, before.len() - 2);
    let error = run(&pipeline.config).unwrap_err();
    assert!(format!("{error:#}").contains("in/0.csv"), "{error:#}");

    pipeline.foreign(0, "client,x,left\nc7,7,1\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 2);
}

#[test]
fn a_changed_schema_is_applied_after_a_deployment_by_hand_too() {
    let mut pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left,y\nc1,1,1,5\nc2,2,0,6\n");
    run(&pipeline.config).unwrap();
    let live = pipeline.live_manifest();
    pipeline.config.schema.features = vec!["y".into()];
    let ingested = pipeline.ingest_with_deployed(&live);
    assert_eq!(ingested.ledger.evaluated_rows, 2);
    assert_eq!(pipeline.final_lines()[0], b"c1,5,1");
}

#[test]
fn after_a_lost_history_the_training_rows_count_as_evaluated() {
    let mut pipeline = Pipeline::new();
    pipeline.apply(&Step::Write {
        file: 1,
        rows: vec![(1, 1), (2, 2)],
    });
    run(&pipeline.config).unwrap();
    let live = pipeline.live_manifest();
    fs::remove_dir_all(pipeline.config.layout.state()).unwrap();
    // A file that sorts before the training file.
    pipeline.apply(&Step::Write {
        file: 0,
        rows: vec![(7, 7), (2, 2)],
    });
    let ingested = pipeline.ingest_with_deployed(&live);
    assert_eq!(ingested.ledger.evaluated_rows, 2);
    assert_eq!(
        pipeline.final_lines(),
        [&b"c2,2,0"[..], b"c1,1,1", b"c7,7,1"].map(<[u8]>::to_vec)
    );
}

#[test]
fn a_category_of_too_many_levels_is_ingested_with_a_warning() {
    let mut pipeline = Pipeline::new();
    pipeline.config.schema.features[0].kind = Kind::Category(CategoryRules::default());
    let rows = |from: u32, to: u32| -> String {
        let rows = (from..to).map(|row| format!("client {row},name {row},{}\n", row % 2));
        std::iter::once("client,x,left\n".to_owned())
            .chain(rows)
            .collect()
    };
    pipeline.foreign(0, &rows(0, 10_000));
    assert_eq!(
        run(&pipeline.config).unwrap().warnings,
        Vec::<String>::new()
    );
    pipeline.foreign(1, &rows(10_000, 10_001));
    let report = run(&pipeline.config).unwrap();
    assert_eq!((report.rows.kept, report.warnings.len()), (1, 1));
    let warning = &report.warnings[0];
    assert!(
        warning.starts_with("x has more than 10,000 levels"),
        "{warning}"
    );
}
