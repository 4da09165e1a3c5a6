use common::artifact::{self, Format};
use common::schema::{CategoryRules, Feature, Kind};
use dataset::Label;
use dataset::passes::profile;
use proptest::prelude::*;

use super::*;

const FORMAT: Format = Format {
    name: "rows that are summarised",
    version: 1,
};

/// Sums of its multiples hang on their order.
const UNIT: f64 = 0.3;

/// The rows that are counted, in the order in which that was certain: what is promised, word for
/// word, in a time that grows with the square of the rows.
pub(crate) fn counted(table: &Table, most: usize) -> Table {
    let (mut settled, mut waiting) = (Vec::new(), Vec::new());
    for row in 0..table.rows() {
        if table.labels[row].is_none() {
            if waiting.len() == most {
                settled.push(waiting.remove(0));
            }
            waiting.push(row);
            continue;
        }
        let is_of_client = |other: &usize| table.clients[*other] == table.clients[row];
        let is_same = |other: &usize| is_of_client(other) && have_equal_values(table, *other, row);
        let same = waiting.iter().rposition(is_same);
        if let Some(place) = same.or_else(|| waiting.iter().rposition(is_of_client)) {
            waiting.remove(place);
        }
        settled.push(row);
    }
    let mut counted = Table {
        features: vec![Vec::new(); table.features.len()],
        levels: table.levels.clone(),
        ..Table::default()
    };
    for row in settled.into_iter().chain(waiting) {
        counted.push_from(table, row);
    }
    counted
}

fn have_equal_values(table: &Table, one: usize, other: usize) -> bool {
    let mut pairs = table.row(one).zip(table.row(other));
    pairs.all(|(one, other)| one == other || (one.is_nan() && other.is_nan()))
}

/// A number and a category.
fn schema() -> Schema {
    let plan = Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    };
    Schema {
        features: vec!["x".into(), plan],
        ..Schema::default()
    }
}

fn table(rows: &[(u8, u8, u8, Label)]) -> Table {
    let mut table = Table::new(&schema());
    for (client, x, plan, label) in rows {
        let x = match x {
            2 => f64::NAN,
            1 => -0.0,
            x => f64::from(*x) * UNIT,
        };
        let plan = match plan {
            2 => f64::NAN,
            plan => table.levels.add(1, &format!("plan {plan}")),
        };
        table.push(&[*client], &[x, plan], *label);
    }
    table
}

/// As it comes back from where it is kept.
fn kept(mut summarised: Summarised) -> Summarised {
    summarised.shrink();
    let bytes = artifact::encode(FORMAT, &summarised).unwrap();
    artifact::decode(FORMAT, &bytes).unwrap()
}

fn all_at_once(table: &Table) -> Summarised {
    let mut summarised = Summarised::new(&schema());
    summarised.add(table, 0..table.rows());
    summarised
}

/// Of rows of one client with these values and classes: how many are counted, how many are left out,
/// and the sum of the values that are counted.
fn counts(rows: &[(u8, Label)]) -> (u64, u64, f64) {
    let rows: Vec<_> = rows.iter().map(|(x, label)| (7, *x, 0, *label)).collect();
    let summarised = all_at_once(&table(&rows));
    let profile = summarised.profile(&schema());
    let summary = summarised.summary(&profile);
    let mean = summary.columns[0].mean.unwrap();
    let sum = (mean * summary.rows as f64 / UNIT).round();
    (summary.rows, summary.superseded, sum)
}

#[test]
fn a_row_without_a_class_counts_until_its_class_comes() {
    let (waits, stays, leaves) = (None, Some(false), Some(true));
    assert_eq!(counts(&[(3, waits), (4, waits)]), (2, 0, 7.0));
    assert_eq!(counts(&[(3, waits), (3, leaves)]), (1, 1, 3.0));
    // Other values: it is of the latest row of the client.
    assert_eq!(counts(&[(3, waits), (4, waits), (5, stays)]), (2, 1, 8.0));
    // The same values, though a later row waits.
    assert_eq!(counts(&[(3, waits), (4, waits), (3, stays)]), (2, 1, 7.0));
    // Each class is of one row.
    let both = [(3, waits), (4, waits), (3, stays), (3, leaves)];
    assert_eq!(counts(&both), (2, 2, 6.0));
    assert_eq!(counts(&[(3, waits), (3, stays), (3, leaves)]), (2, 1, 6.0));
}

#[test]
fn a_class_above_a_row_is_not_its_own() {
    assert_eq!(counts(&[(3, Some(true)), (3, None)]), (2, 0, 6.0));
    let between = [(3, Some(true)), (3, None), (3, Some(true))];
    assert_eq!(counts(&between), (2, 1, 6.0));
}

#[test]
fn a_class_is_of_its_own_client() {
    let rows = [(1, 3, 0, None), (2, 3, 0, Some(true))];
    let summarised = all_at_once(&table(&rows));
    assert_eq!(summarised.profile(&schema()).rows, 2);
}

#[test]
fn beyond_the_bound_the_oldest_row_counts_for_good() {
    let mut rows: Vec<_> = (0..4).map(|client| (client, client, 0, None)).collect();
    rows.extend((0..4).map(|client| (client, client, 0, Some(true))));
    let table = table(&rows);
    let mut summarised = Summarised::new(&schema());
    summarised.add_within(&table, 0..table.rows(), 3);
    let profile = summarised.profile(&schema());
    assert_eq!(summarised.rows(), 8);
    assert_eq!((profile.rows, profile.columns[2].missing), (5, 1));
    assert_eq!(profile.columns[0].moments().unwrap().minimum(), Some(-0.0));
    assert_eq!(summarised.summary(&profile).superseded, 3);
}

/// Each class is that of the latest row, so that more and more rows behind it have met theirs.
#[test]
fn very_many_rows_of_one_client_take_no_longer_than_those_of_many() {
    const ROWS: usize = 300_000;
    let mut table = Table::new(&schema());
    let plan = table.levels.add(1, "plan");
    for row in 0..ROWS {
        table.push(b"one", &[row as f64, plan], None);
    }
    for row in (0..ROWS).rev() {
        table.push(b"one", &[row as f64, plan], Some(true));
    }
    let summarised = all_at_once(&table);
    let profile = summarised.profile(&schema());
    assert_eq!(
        (profile.rows, summarised.rows()),
        (ROWS as u64, 2 * ROWS as u64)
    );
    assert_eq!(profile.columns[2].missing, 0);
}

/// A checksum is no proof of who wrote it.
#[test]
fn what_cannot_be_of_these_rows_is_told() {
    let rows: Vec<_> = (0..200_u8)
        .map(|row| (row % 5, row % 3, row % 2, (row % 4 == 0).then_some(true)))
        .collect();
    let whole = kept(all_at_once(&table(&rows)));
    let can_be = |summarised: &Summarised| {
        let back = kept(summarised.clone());
        back.can_be_of(200, &schema())
    };
    assert!(can_be(&whole) && whole.waiting.rows() > 0);
    assert!(!whole.can_be_of(201, &schema()));
    assert!(!whole.can_be_of(200, &Schema::default()));
    for rows in [0, 100, 201, u64::MAX] {
        let other = Summarised {
            rows,
            ..whole.clone()
        };
        assert!(!can_be(&other), "{rows}");
        assert!(!other.can_be_of(200, &schema()));
    }
    let with = |change: &dyn Fn(&mut Table)| {
        let mut changed = whole.waiting.table().into_owned();
        change(&mut changed);
        let waiting = Waiting::of(changed);
        Summarised {
            waiting,
            ..whole.clone()
        }
    };
    let changes: [&dyn Fn(&mut Table); 5] = [
        &|rows| rows.features.truncate(1),
        &|rows| rows.features.push(Vec::new()),
        &|rows| rows.features[1].clear(),
        &|rows| rows.features[0].push(1.0),
        &|rows| rows.clients.clear(),
    ];
    assert!(can_be(&with(&|_| ())));
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!can_be(&with(change)), "change {number}");
    }
    // More than there are.
    let too_many = with(&|rows| rows.extend(&table(&[(1, 1, 1, None); 200])));
    assert!(!can_be(&too_many));
    // A class is not kept, so none can be read back.
    let labelled = with(&|rows| rows.labels.fill(Some(true)));
    let back = kept(labelled);
    assert!(back.waiting.table().labels.iter().all(Option::is_none));
}

/// A row: few clients and values, so that many meet; half of them have a class.
fn row() -> impl Strategy<Value = (u8, u8, u8, Label)> {
    let label = prop_oneof![2 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    (0..6_u8, 0..4_u8, 0..3_u8, label)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn however_the_rows_come_those_are_counted_that_are_promised(
        rows in prop::collection::vec(row(), 0..900),
        blocks in prop::collection::vec((0..120_usize, any::<bool>()), 0..12),
        most in prop_oneof![1..40_usize, Just(1000)],
    ) {
        let schema = schema();
        let table = table(&rows);
        let mut at_once = Summarised::new(&schema);
        at_once.add_within(&table, 0..table.rows(), most);
        let mut in_parts = Summarised::new(&schema);
        let mut start = 0;
        for (length, is_kept) in blocks.into_iter().chain([(table.rows(), true)]) {
            let end = (start + length).min(table.rows());
            in_parts.add_within(&table, start..end, most);
            start = end;
            if is_kept {
                in_parts = kept(in_parts);
            }
            prop_assert!(in_parts.can_be_of(end as u64, &schema));
            let so_far = table.filtered(|row| row < end);
            let counted = counted(&so_far, most);
            let expected = profile(&schema, &counted, &counted.all());
            let found = in_parts.profile(&schema);
            prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
            let summary = in_parts.summary(&found);
            prop_assert_eq!(summary.rows + summary.superseded, end as u64);
        }
        let (one, other) = (at_once.profile(&schema), in_parts.profile(&schema));
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
