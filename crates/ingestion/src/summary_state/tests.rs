use std::collections::VecDeque;

use common::artifact::{self, Format};
use common::schema::{CategoryRules, Feature, Kind};
use common::{History, Layout, Ledger};
use dataset::Label;
use dataset::passes::profile;
use proptest::prelude::*;

use super::*;

const FORMAT: Format = Format {
    name: "rows that are summarised",
    version: 1,
};

/// A floating-point sum of multiples of this number depends on their order.
const UNIT: f64 = 0.3;

/// Reference implementation: the counted rows, in the order of [`SummaryState`]. Takes time
/// quadratic in the rows.
pub(crate) fn counted(table: &Table, max_window: usize) -> Table {
    let (mut settled, mut waiting) = (Vec::new(), Vec::new());
    let mut window: VecDeque<(usize, bool)> = VecDeque::new();
    for row in 0..table.rows() {
        if table.in_memory().labels[row].is_none() {
            if window.len() == max_window
                && let Some((oldest, false)) = window.pop_front()
            {
                settled.push(oldest);
            }
            waiting.push(row);
            window.push_back((row, false));
            continue;
        }
        let is_of_client =
            |other: &usize| table.in_memory().clients[*other] == table.in_memory().clients[row];
        let is_same = |other: &usize| is_of_client(other) && have_equal_values(table, *other, row);
        let same = waiting.iter().rposition(is_same);
        if let Some(place) = same.or_else(|| waiting.iter().rposition(is_of_client)) {
            let superseded = waiting.remove(place);
            let in_window = window.iter_mut().find(|(other, _)| *other == superseded);
            in_window
                .into_iter()
                .for_each(|(_, is_superseded)| *is_superseded = true);
        }
        settled.push(row);
    }
    let newest = window
        .into_iter()
        .filter(|(_, is_superseded)| !is_superseded);
    let mut counted = table.filtered(|_| false);
    for row in settled.into_iter().chain(newest.map(|(row, _)| row)) {
        counted.push_from(table, row);
    }
    counted
}

fn have_equal_values(table: &Table, one: usize, other: usize) -> bool {
    let mut pairs = table.row(one).zip(table.row(other));
    pairs.all(|(one, other)| one == other || (one.is_nan() && other.is_nan()))
}

/// A numeric feature and a category.
fn schema() -> Schema {
    let plan = Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    };
    Schema {
        id: Some("client".into()),
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
            plan => table.add_level(1, &format!("plan {plan}")),
        };
        table.push(&[*client], &[x, plan], *label);
    }
    table
}

/// A state, and the rows that wait for their labels.
struct Summarised {
    summary_state: SummaryState,
    pairing: Pairing,
    folder: tempfile::TempDir,
}

impl Summarised {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            summary_state: SummaryState::new(&schema()),
            pairing: opened(&folder),
            folder,
        }
    }

    fn add(&mut self, table: &Table, rows: Range<usize>, max_rows: usize) {
        let (summary_state, pairing) = (&mut self.summary_state, &mut self.pairing);
        summary_state
            .add_within(table, rows, pairing, max_rows)
            .unwrap();
    }

    /// Stores the state and the waiting rows, and loads them again.
    fn stored_and_loaded(mut self) -> Self {
        let ledger = Ledger {
            digest: "digest".into(),
            ..Ledger::default()
        };
        self.pairing
            .commit(&ledger, &history_of(&self.folder))
            .unwrap();
        let pairing = opened(&self.folder);
        assert!(pairing.belongs_to("digest", false));
        Self {
            summary_state: stored_and_loaded(self.summary_state),
            pairing,
            ..self
        }
    }
}

fn history_of(folder: &tempfile::TempDir) -> History {
    History::open(&Layout::in_scratch(folder.path())).unwrap()
}

fn opened(folder: &tempfile::TempDir) -> Pairing {
    let layout = Layout::in_scratch(folder.path());
    Pairing::open(&layout, &history_of(folder), &schema(), 0).unwrap()
}

/// The state after a round trip through its stored form.
fn stored_and_loaded(mut summary_state: SummaryState) -> SummaryState {
    summary_state.shrink();
    let bytes = artifact::encode(FORMAT, &summary_state).unwrap();
    artifact::decode(FORMAT, &bytes).unwrap()
}

fn all_at_once(table: &Table) -> SummaryState {
    let mut summarised = Summarised::new();
    summarised.add(table, 0..table.rows(), usize::MAX);
    summarised.summary_state
}

/// Counts for rows of one client with these values and labels: counted rows, superseded rows, and
/// the sum of the counted values.
fn counts(rows: &[(u8, Label)]) -> (u64, u64, f64) {
    let rows: Vec<_> = rows.iter().map(|(x, label)| (7, *x, 0, *label)).collect();
    let summary_state = all_at_once(&table(&rows));
    let profile = summary_state.profile(&schema());
    let summary = summary_state.summary(&profile);
    let mean = summary.columns[0].mean.unwrap();
    let sum = (mean * summary.rows as f64 / UNIT).round();
    (summary.rows, summary.superseded, sum)
}

#[test]
fn an_unlabelled_row_counts_until_its_label_comes() {
    let (unlabelled, negative, positive) = (None, Some(false), Some(true));
    assert_eq!(counts(&[(3, unlabelled), (4, unlabelled)]), (2, 0, 7.0));
    assert_eq!(counts(&[(3, unlabelled), (3, positive)]), (1, 1, 3.0));
    // Other values: the label belongs to the latest row of the client.
    assert_eq!(
        counts(&[(3, unlabelled), (4, unlabelled), (5, negative)]),
        (2, 1, 8.0)
    );
    // The same values: the label belongs to that row, although the client has a later unlabelled
    // row.
    assert_eq!(
        counts(&[(3, unlabelled), (4, unlabelled), (3, negative)]),
        (2, 1, 7.0)
    );
    // Each label belongs to one row.
    let both = [
        (3, unlabelled),
        (4, unlabelled),
        (3, negative),
        (3, positive),
    ];
    assert_eq!(counts(&both), (2, 2, 6.0));
    assert_eq!(
        counts(&[(3, unlabelled), (3, negative), (3, positive)]),
        (2, 1, 6.0)
    );
}

#[test]
fn a_label_that_comes_before_a_row_does_not_belong_to_it() {
    assert_eq!(counts(&[(3, Some(true)), (3, None)]), (2, 0, 6.0));
    let between = [(3, Some(true)), (3, None), (3, Some(true))];
    assert_eq!(counts(&between), (2, 1, 6.0));
}

#[test]
fn a_label_belongs_to_its_own_client_only() {
    let rows = [(1, 3, 0, None), (2, 3, 0, Some(true))];
    let summary_state = all_at_once(&table(&rows));
    assert_eq!(summary_state.profile(&schema()).rows, 2);
}

#[test]
fn beyond_the_limit_the_oldest_row_counts_for_good() {
    let mut rows: Vec<_> = (0..4).map(|client| (client, client, 0, None)).collect();
    rows.extend((0..4).map(|client| (client, client, 0, Some(true))));
    let table = table(&rows);
    let mut summarised = Summarised::new();
    summarised.add(&table, 0..table.rows(), 3);
    let summary_state = summarised.summary_state;
    let profile = summary_state.profile(&schema());
    assert_eq!(summary_state.rows(), 8);
    assert_eq!((profile.rows, profile.columns[2].missing), (5, 1));
    assert_eq!(profile.columns[0].moments().unwrap().minimum(), Some(-0.0));
    assert_eq!(summary_state.summary(&profile).superseded, 3);
}

/// A valid checksum does not prove who wrote the state.
#[test]
fn a_state_that_does_not_fit_the_rows_is_detected() {
    let rows: Vec<_> = (0..200_u8)
        .map(|row| (row % 5, row % 3, row % 2, (row % 4 == 0).then_some(true)))
        .collect();
    let whole = stored_and_loaded(all_at_once(&table(&rows)));
    let still_fits = |summary_state: &SummaryState| {
        let back = stored_and_loaded(summary_state.clone());
        back.fits(200, &schema())
    };
    assert!(still_fits(&whole) && whole.window.counted_rows() > 0);
    assert!(!whole.fits(201, &schema()));
    assert!(!whole.fits(200, &Schema::default()));
    for rows in [0, 100, 201, u64::MAX] {
        let other = SummaryState {
            rows,
            ..whole.clone()
        };
        assert!(!still_fits(&other), "{rows}");
        assert!(!other.fits(200, &schema()));
    }
    let with = |change: &dyn Fn(&mut Window)| {
        let mut changed = whole.clone();
        change(&mut changed.window);
        changed
    };
    let changes: [&dyn Fn(&mut Window); 7] = [
        &|window| window.slots.in_memory_mut().features.truncate(1),
        &|window| window.slots.in_memory_mut().features.push(Vec::new()),
        &|window| window.slots.in_memory_mut().features[1].clear(),
        &|window| window.slots.in_memory_mut().features[0].push(1.0),
        &|window| window.places.push(199),
        &|window| window.is_superseded.clear(),
        &|window| window.places[0] = 500,
    ];
    assert!(still_fits(&with(&|_| ())));
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!still_fits(&with(change)), "change {number}");
    }
}

/// A row with few clients and values, so that many match. Half of the rows have a label.
fn row() -> impl Strategy<Value = (u8, u8, u8, Label)> {
    let label = prop_oneof![2 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    (0..6_u8, 0..4_u8, 0..3_u8, label)
}

/// The profile with its sampled values in order. Their order has no meaning, so tests ignore it.
fn with_sorted_sample(mut profile: Profile) -> Profile {
    let columns = profile.sample.columns.iter_mut();
    columns.for_each(|column| column.sort_unstable_by(f64::total_cmp));
    profile
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_counted_rows_equal_the_reference_in_whichever_blocks_the_rows_come(
        rows in prop::collection::vec(row(), 0..900),
        blocks in prop::collection::vec((0..120_usize, any::<bool>()), 0..12),
        max_window in prop_oneof![1..40_usize, Just(1000)],
    ) {
        let schema = schema();
        let table = table(&rows);
        let mut at_once = Summarised::new();
        at_once.add(&table, 0..table.rows(), max_window);
        let mut in_parts = Summarised::new();
        let mut start = 0;
        for (length, is_kept) in blocks.into_iter().chain([(table.rows(), true)]) {
            let end = (start + length).min(table.rows());
            in_parts.add(&table, start..end, max_window);
            start = end;
            if is_kept {
                in_parts = in_parts.stored_and_loaded();
            }
            let summary_state = &in_parts.summary_state;
            prop_assert!(summary_state.fits(end as u64, &schema));
            let so_far = table.filtered(|row| row < end);
            let counted = counted(&so_far, max_window);
            let expected = profile(&schema, &counted, &counted.all()).unwrap();
            let found = summary_state.profile(&schema);
            let summary = summary_state.summary(&found);
            let (found, expected) = (with_sorted_sample(found), with_sorted_sample(expected));
            prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
            prop_assert_eq!(summary.rows + summary.superseded, end as u64);
        }
        let (one, other) = (at_once.summary_state, in_parts.summary_state);
        let (one, other) = (one.profile(&schema), other.profile(&schema));
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
