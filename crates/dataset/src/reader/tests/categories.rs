//! Tests of categories: the code and the text of a level, and rejected levels.

use common::schema::{CategoryRules, Feature, Kind, ListedLevels};
use proptest::prelude::*;

use super::*;
use crate::fingerprint::FingerprintKey;
use crate::level::level_code;

const HEADER: &str = "corporation,plan,x,exited\n";

fn schema(rules: CategoryRules) -> Schema {
    Schema {
        features: vec![
            Feature {
                name: "plan".into(),
                kind: Kind::Category(rules),
            },
            "x".into(),
        ],
        ..Schema::default()
    }
}

fn listed(levels: &[&str]) -> CategoryRules {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    CategoryRules {
        listed: ListedLevels::new(levels).unwrap(),
        ..CategoryRules::default()
    }
}

/// The rows as the bulk reader reads them, in blocks of `block_bytes` bytes.
pub(super) fn parsed(text: &[u8], schema: &Schema, block_bytes: usize) -> ParsedRows {
    let mut reader =
        BulkReader::open_in_blocks(text, schema, TargetColumn::Read, block_bytes).unwrap();
    let mut all = ParsedRows::default();
    let taken: Result<(), FileProblem> = reader.take_rows(
        Wanted {
            key: Some(&FingerprintKey::PUBLIC),
            lines: Lines::Kept,
            client_numbers: true,
        },
        &mut Scratch::default(),
        |rows| {
            all.append(rows);
            all.rejections.append(&mut rows.rejections);
            Ok(())
        },
    );
    taken.unwrap();
    all
}

#[test]
fn a_level_stands_in_a_table_as_its_code_and_its_text_beside_it() {
    let text = format!("{HEADER}a, gold ,1,0\nb, ,2,1\nc,\"a,\"\"b\n\",3,1\nd,Gold,4,0\n");
    for block_bytes in [32, 1 << 16] {
        let rows = parsed(
            text.as_bytes(),
            &schema(CategoryRules::default()),
            block_bytes,
        );
        let plan = &rows.features[0];
        assert!(plan[1].is_nan());
        assert_eq!(
            [plan[0], plan[2], plan[3]],
            ["gold", "a,\"b", "Gold"].map(level_code)
        );
        for (row, level) in [(0, "gold"), (2, "a,\"b"), (3, "Gold")] {
            assert_eq!(rows.levels.name(0, plan[row]), Some(level));
        }
        // Rows that were written are read again with the same values.
        let laid = [HEADER.as_bytes(), rows.lines(0..4)].concat();
        let again = parsed(&laid, &schema(CategoryRules::default()), 1 << 16);
        assert_eq!(again.fingerprints, rows.fingerprints);
        assert_eq!(again.levels, rows.levels);
    }
}

#[test]
fn rows_with_other_levels_are_refused_with_the_reason() {
    let long = "x".repeat(201);
    let text = format!("{HEADER}a,basic,1,0\nb,silver,1,0\nc,,1,0\nd,{long},1,1\n");
    let reasons = |rules: CategoryRules| -> Vec<String> {
        let rows = parsed(text.as_bytes(), &schema(rules), 1 << 16);
        let reasons = rows.rejections.iter();
        reasons
            .map(|row| format!("{}:{}: {}", row.line, row.column, row.reason))
            .collect()
    };
    let too_long = "5:2: plan: the text is longer than 200 bytes, so it is no category";
    assert_eq!(reasons(CategoryRules::default()), [too_long]);
    assert_eq!(
        reasons(listed(&["basic", "gold"])),
        [
            "3:2: plan: silver is none of the values the schema allows",
            too_long
        ]
    );
    let required = CategoryRules {
        presence: common::schema::Presence::Required,
        ..CategoryRules::default()
    };
    assert_eq!(
        reasons(required),
        [
            "4:2: plan: the value is missing, and the schema requires it",
            too_long
        ]
    );
}

proptest! {
    #[test]
    fn blocks_of_any_size_give_the_same_levels(
        rows in "(([a-c]{1,2}),( ?gold ?|NA|é|\"[a-b]{0,2}\"|x y),[0-9]?,[01 ]\n){0,8}",
    ) {
        let text = format!("{HEADER}{rows}");
        let schema = schema(listed(&["gold", "é", "a", "x y"]));
        let (small, large) = (parsed(text.as_bytes(), &schema, 16), parsed(text.as_bytes(), &schema, 1 << 16));
        prop_assert_eq!(&small.fingerprints, &large.fingerprints);
        prop_assert_eq!(&small.levels, &large.levels);
    }
}
