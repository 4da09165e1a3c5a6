//! Tests of the verdicts on features where clients have several rows, or no id.

use common::Config;
use common::ledger::DataPosition;
use dataset::{RowIds, Table};
use model::Model;

use super::*;
use crate::draws::Draws;

const FEATURES: usize = 4;
const PLAN: usize = 3;

fn config(id: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","training":{{"form":"linear"}},
        "schema":{{"id":{id},"features":["a","b","c",{{"name":"plan","kind":"category"}}]}}}}"#
    );
    Config::parse(&std::env::temp_dir().join("config.json"), &text).unwrap()
}

/// Clients with this number of rows each, which differ little.
fn clients(draws: &mut Draws, clients: usize, rows: usize) -> Table {
    let mut table = Table::new(&config(r#""client""#).schema);
    for client in 0..clients {
        let plan = ["basic", "plus", "gold"][(draws.uniform() * 3.0) as usize];
        let plan = table.add_level(PLAN, plan);
        let own: Vec<f64> = (0..PLAN).map(|_| draws.normal()).collect();
        let is_missing = draws.uniform() < 0.1;
        for _ in 0..rows {
            let mut cells: Vec<f64> = own.iter().map(|it| it + 0.1 * draws.normal()).collect();
            if is_missing {
                cells[1] = f64::NAN;
            }
            cells.push(plan);
            assert_eq!(cells.len(), FEATURES);
            let label = draws.uniform() < 1.0 / (1.0 + (-own[0]).exp());
            let id = format!("{} {client}", draws.0);
            table.push(id.as_bytes(), &cells, Some(label));
            // All rows of a client have its id.
            if let Some(last) = table.in_memory_mut().clients.last_mut() {
                *last = client as u64;
            }
        }
    }
    table
}

fn trained(config: &Config, table: &Table) -> Model {
    training::train(config, table, 0..table.rows(), DataPosition::default()).unwrap()
}

fn feature_verdict(model: &Model, table: &Table) -> Verdict {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    verdicts(model, &batch, &CumulativeScore::default(), 0.005)
        .unwrap()
        .worst_feature_verdict()
}

#[test]
fn several_rows_of_a_client_raise_no_false_alarms() {
    let config = config(r#""client""#);
    let mut alarms = 0;
    for seed in 0..10 {
        let mut draws = Draws(seed);
        let model = trained(&config, &clients(&mut draws, 250, 12));
        let places = model.profile.sample.of_clients.as_ref().unwrap();
        assert_eq!(places.len(), 250);
        for _ in 0..20 {
            let found = feature_verdict(&model, &clients(&mut draws, 100, 12));
            alarms += u32::from(found == Verdict::Drift);
        }
    }
    // Two alarms are expected at most. More than seven occur in one of a thousand such tests.
    assert!(alarms <= 7, "{alarms}");
}

#[test]
fn drift_of_clients_with_several_rows_is_found() {
    let config = config(r#""client""#);
    let mut draws = Draws(77);
    let model = trained(&config, &clients(&mut draws, 250, 12));
    let mut moved = clients(&mut draws, 200, 3);
    moved.in_memory_mut().features[2]
        .iter_mut()
        .for_each(|it| *it += 0.8);
    assert_eq!(feature_verdict(&model, &moved), Verdict::Drift);
    // One row of each client is enough to find a new level.
    let mut renamed = clients(&mut draws, 200, 3);
    let level = renamed.add_level(PLAN, "platinum");
    renamed.in_memory_mut().features[PLAN][..90].fill(level);
    assert_eq!(feature_verdict(&model, &renamed), Verdict::Drift);
}

#[test]
fn without_an_id_equal_rows_are_different_clients() {
    let config = config("null");
    let table = |draws: &mut Draws, rows: usize| {
        let mut table = Table::new(&config.schema);
        let plan = table.add_level(PLAN, "basic");
        let mut ids = RowIds::default();
        for _ in 0..rows {
            let mut cell = || (draws.uniform() * 2.0).floor();
            let cells = [cell(), cell(), cell(), plan];
            let label = Some(draws.uniform() < 0.5);
            let id = ids.next(&cells, label).to_vec();
            let id = id.split(|byte| *byte == b'-').next().unwrap();
            table.push(id, &cells, label);
        }
        table
    };
    let mut draws = Draws(5);
    let model = trained(&config, &table(&mut draws, 1000));
    assert_eq!(model.profile.sample.of_clients, None);
    let mut moved = table(&mut draws, 300);
    moved.in_memory_mut().features[0][..100].fill(1.0);
    let batch = Batch {
        table: &moved,
        rows: 0..300,
    };
    let found = verdicts(&model, &batch, &CumulativeScore::default(), 0.005).unwrap();
    assert_eq!(found.features[0].verdict, Verdict::Drift);
    assert_eq!(found.features[0].distribution.rows, [1000, 300]);
    assert!(found.features[0].part.is_some(), "each part is tested");
}
