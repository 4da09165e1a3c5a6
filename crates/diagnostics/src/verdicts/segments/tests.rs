use common::Config;
use common::ledger::DataPosition;
use dataset::Table;

use super::super::verdicts;
use super::*;
use crate::draws::Draws;
use crate::statistics::CumulativeScore;

const ALPHA: f64 = 0.005;
const PLAN: usize = 2;

fn config(training: &str) -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","training":{TRAINING},
        "schema":{"features":["size","y",{"name":"plan","kind":"category"}]}}"#;
    let text = text.replace("TRAINING", training);
    Config::parse(&std::env::temp_dir().join("config.json"), &text).unwrap()
}

/// A client whose label is drawn.
struct Client<'a> {
    size: f64,
    y: f64,
    plan: &'a str,
}

/// Draws clients. `change` is added to the log-odds of leaving.
fn clients(seed: u64, rows: usize, change: fn(&Client<'_>) -> f64) -> Table {
    let mut draws = Draws(seed);
    let mut table = Table::new(&config("").schema);
    for row in 0..rows {
        let plans = ["basic", "basic", "plus", "plus", "gold", ""];
        let client = Client {
            size: (10.0 * (1.0 + draws.normal()).exp()).ceil(),
            y: draws.normal(),
            plan: plans[(draws.uniform() * 6.0) as usize],
        };
        let of_plan = f64::from(u8::from(client.plan == "basic"));
        let log_odds = 0.6 * client.y + of_plan - 1.2 + change(&client);
        let left = draws.uniform() < 1.0 / (1.0 + (-log_odds).exp());
        let plan = match client.plan {
            "" => f64::NAN,
            plan => table.add_level(PLAN, plan),
        };
        let id = row.to_string();
        table.push(id.as_bytes(), &[client.size, client.y, plan], Some(left));
    }
    table
}

fn as_before(_: &Client<'_>) -> f64 {
    0.0
}

fn model_of(rows: usize) -> Model {
    let table = clients(1, rows, as_before);
    let config = config("\"verify_rows\":0");
    training::train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap()
}

fn checked(model: &Model, table: &Table) -> SegmentCheck {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    let found = verdicts(model, &batch, &CumulativeScore::default(), ALPHA).unwrap();
    let segments = found.segments.clone().unwrap();
    let parts = [
        segments.verdict,
        found.model.verdict,
        found.worst_feature_verdict(),
    ];
    assert_eq!(found.verdict, Verdict::worst(parts));
    segments
}

#[test]
fn without_a_change_no_segment_differs() {
    let found = checked(&model_of(4_000), &clients(2, 2_000, as_before));
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert_eq!(found.finding(), None);
    assert_eq!((found.rows, found.differing), (2_000, 0));
    // All clients, ten bins of each number, three plans and the clients without one.
    assert_eq!(found.tested, 1 + 20 + 4);
    assert_eq!(found.segments.len(), MAX_LISTED);
}

#[test]
fn the_clients_who_leave_more_often_are_named() {
    let model = model_of(4_000);
    let of_size = |client: &Client<'_>| f64::from(u8::from((20.0..=60.0).contains(&client.size)));
    let found = checked(&model, &clients(3, 2_000, of_size));
    assert_eq!(found.verdict, Verdict::Drift, "{found:#?}");
    let finding = found.finding().unwrap();
    assert!(finding.starts_with("clients with size "), "{finding}");

    let of_plan = |client: &Client<'_>| f64::from(u8::from(client.plan == "gold"));
    let found = checked(&model, &clients(4, 2_000, of_plan));
    let finding = found.finding().unwrap();
    assert!(
        finding.starts_with("clients with plan = gold: "),
        "{finding}"
    );
    let worst = &found.segments[0];
    assert!(worst.odds_ratio.unwrap() > 2.0 && worst.statistic > 4.0);
    assert_eq!(
        worst.part,
        SegmentPart::Level {
            level: Some("gold".into())
        }
    );

    let without = |client: &Client<'_>| -f64::from(u8::from(client.plan.is_empty())) * 2.0;
    let found = checked(&model, &clients(5, 2_000, without));
    let finding = found.finding().unwrap();
    assert!(finding.starts_with("clients without plan: "), "{finding}");
}

#[test]
fn a_change_of_all_clients_names_no_segment() {
    let found = checked(&model_of(4_000), &clients(6, 2_000, |_| -0.7));
    let finding = found.finding().unwrap();
    assert!(finding.starts_with("all clients: "), "{finding}");
}

#[test]
fn a_significant_but_small_difference_is_not_drift() {
    let model = model_of(40_000);
    let table = clients(7, 60_000, |_| 0.12);
    let found = checked(&model, &table);
    let all = found.segments.iter().find(|it| it.feature.is_none());
    let all = all.unwrap();
    assert!(all.corrected_p_value < 1e-6, "{all:?}");
    assert_eq!(all.verdict, Verdict::Ok);
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
}

#[test]
fn too_few_rows_give_insufficient_data() {
    let model = model_of(4_000);
    let found = checked(&model, &clients(8, 20, as_before));
    assert_eq!(found.verdict, Verdict::InsufficientData, "{found:#?}");
    let mut unlabelled = clients(9, 20, as_before);
    unlabelled.in_memory_mut().labels.fill(None);
    let batch = Batch {
        table: &unlabelled,
        rows: 0..20,
    };
    let found = verdicts(&model, &batch, &CumulativeScore::default(), ALPHA).unwrap();
    assert_eq!(found.segments, None);
    let no_covariance = Model {
        covariance: None,
        ..model
    };
    let found = checked(&no_covariance, &clients(2, 2_000, as_before));
    assert_eq!(
        (found.verdict, found.tested),
        (Verdict::InsufficientData, 0)
    );
}

/// Repeated rows of a client give less information than rows of different clients.
#[test]
fn rows_of_one_client_count_less() {
    let model = model_of(4_000);
    let once = clients(10, 60, as_before);
    let mut table = once.clone();
    for _ in 0..19 {
        table.extend(&once);
    }
    let found = checked(&model, &table);
    assert_eq!(found.rows, 1_200);
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    *table.in_memory_mut().clients = (0..1_200).collect();
    assert_eq!(checked(&model, &table).verdict, Verdict::Drift);
}

#[test]
fn a_bad_column_changes_no_other_finding() {
    let model = model_of(4_000);
    let mut table = clients(2, 2_000, as_before);
    for value in [f64::NAN, 1e9, 1e300, f64::MAX] {
        table.in_memory_mut().features[0].fill(value);
        let found = checked(&model, &table);
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<SegmentCheck>(&text).unwrap(), found);
    }
}
