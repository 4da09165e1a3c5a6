use std::path::Path;

use common::digest;
use common::exit::{Exit, classify};
use common::ledger::{DataPosition, Ledger};
use dataset::Table;
use serde_json::json;

use super::*;

const SCHEMA: &str = r#""schema":{"id":"client","features":["=size",{"name":"plan","kind":"category"},"age"],
    "target":"left"}"#;

fn config(folder: &Path) -> Config {
    config_with(folder, SCHEMA)
}

fn config_with(folder: &Path, more: &str) -> Config {
    let folders = r#""input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state""#;
    let text = format!("{{{folders},{more}}}");
    Config::parse(&folder.join("config.json"), &text).unwrap()
}

/// A model for which large clients leave, on the plan `basic` more often than on `gold`.
fn model(config: &Config) -> Model {
    let mut table = Table::new(&config.schema);
    let plans = ["basic", "gold"].map(|plan| table.add_level(1, plan));
    for row in 0..400_u32 {
        let size = f64::from(row % 20);
        let plan = usize::from(row % 3 == 0);
        let leaves = (row * 7 + row / 20) % 20 + 6 * u32::from(plan == 1) < row % 20;
        let values = [size, plans[plan], f64::from(row % 7)];
        table.push(&row.to_le_bytes(), &values, Some(leaves));
    }
    training::train(config, &table, 0..table.rows(), DataPosition::default()).unwrap()
}

/// Makes the model the live release.
fn deploy(config: &Config) -> Model {
    let model = model(config);
    let folder = config.layout.release("000007");
    files::create_folder(&folder).unwrap();
    let bytes = model.encode().unwrap();
    files::replace(&folder.join(names::MODEL), &bytes).unwrap();
    let manifest = json!({
        "version": 1, "release": "000007", "run": null, "created_at": "2026-01-01T00:00:00Z",
        "parent": null, "score": 0.7, "files": {names::MODEL: digest::of_bytes(&bytes)},
        "data": DataPosition::default(),
    });
    let manifest = manifest.to_string();
    files::replace(&folder.join(names::MANIFEST), manifest.as_bytes()).unwrap();
    files::replace_link(&config.layout.current(), Path::new("releases/000007")).unwrap();
    model
}

fn put_final_data(config: &Config, text: &str) -> History {
    files::create_folder(config.layout.output()).unwrap();
    files::replace(&config.layout.final_data(), text.as_bytes()).unwrap();
    let history = History::open(&config.layout).unwrap();
    let ledger = Ledger {
        committed_bytes: text.len() as u64,
        digest: digest::of_bytes(text.as_bytes()),
        rows: text.lines().count() as u64 - 1,
        schema: config.data_digest(),
        ..Ledger::default()
    };
    history.save_ledger(&ledger).unwrap();
    history
}

fn stored(config: &Config) -> Vec<RankedClient> {
    let path = config.layout.risk_ranking();
    let mut list = StoredList::open(&path).unwrap().expect("a list");
    std::iter::from_fn(|| list.next_client().unwrap()).collect()
}

fn ids(config: &Config) -> Vec<String> {
    stored(config).into_iter().map(|client| client.id).collect()
}

const HEADER: &str = "client,=size,plan,age,left\n";

#[test]
fn clients_whose_latest_row_has_no_label_are_ranked_by_probability_and_id() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let model = deploy(&config);
    let rows = "b,19,basic,1,\nknown,19,basic,1,\na,19,basic,1,\nmoved,19,gold,1,\n\
                again,1,gold,2,1\nknown,18,basic,1,0\nagain,2,gold,2,\nmoved,3,gold,,\n";
    put_final_data(&config, &format!("{HEADER}{rows}"));
    let report = rank(&config, None).unwrap();
    assert_eq!((report.rows.rows, report.rows.labelled), (8, 2));
    assert_eq!(report.list.clients, 4);
    let found = stored(&config);
    assert_eq!(ids(&config), ["a", "b", "moved", "again"]);
    let ranks: Vec<u64> = found.iter().map(|client| client.rank).collect();
    assert_eq!(ranks, [1, 2, 3, 4]);
    let scorer = model.scorer();
    let row = [3.0, dataset::level_code("gold"), f64::NAN];
    assert_eq!(found[2].probability, scorer.probability(&row), "to the bit");
    assert!(found.iter().all(|client| client.model_version == "000007"));
    assert_eq!(found[0].band, Band::High);
    assert_eq!(found[3].band, Band::Low);
}

#[test]
fn reasons_are_the_largest_contributions_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let model = deploy(&config);
    let file = folder.path().join("new.csv");
    let text = "client,=size,plan,age\nx,18.5,gold,\ny,,never seen,3\n";
    files::replace(&file, text.as_bytes()).unwrap();
    rank(&config, Some(&file)).unwrap();
    let found = stored(&config);
    let of = |id: &str| &found.iter().find(|client| client.id == id).unwrap().reasons;
    let row = [18.5, dataset::level_code("gold"), f64::NAN];
    let contributions = model.scorer().contributions(&row);
    assert!(contributions[0] > 0.0 && contributions[1] < 0.0);
    let size = format!("=size 18.5: {:+.2}", contributions[0]);
    let plan = format!("plan gold: {:+.2}", contributions[1]);
    assert_eq!(of("x")[..2], [size, plan]);
    assert!(
        !of("x").concat().contains("age"),
        "an imputed mean is no reason"
    );
    assert!(of("y").iter().any(|it| it.starts_with("plan never seen: ")));
}

#[test]
fn a_pair_is_named_with_both_values_and_a_missing_cell_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let more = r#""training":{"form":"pairs"},"schema":{"id":"client","features":["x","y"],"target":"left"}"#;
    let config = config_with(folder.path(), more);
    let mut table = Table::new(&config.schema);
    for row in 0..2_000_u32 {
        let (x, y) = (row % 20, row / 20 % 20);
        let leaves = (x < 10) == (y < 10);
        let leaves = leaves != (row * 7 % 11 == 0);
        table.push(
            &row.to_le_bytes(),
            &[f64::from(x), f64::from(y)],
            Some(leaves),
        );
    }
    let model = training::train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap();
    assert!(!model.pair_names().is_empty());
    let levels = dataset::LevelNames::default();
    let reasons = Reasons::new(&model, &levels);
    let of = reasons.of(&[3.0, 4.0]);
    assert!(of[0].starts_with("x 3 × y 4: +"), "{of:?}");
    assert_eq!(reasons.with_value(1, &[3.0, f64::NAN]), "y missing");
}

#[test]
fn no_cell_is_a_formula_and_each_id_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    deploy(&config);
    let names = [
        "=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x", "a\"b", "c,d", "e\nf", "",
    ];
    let file = folder.path().join("new.csv");
    let mut text = b"client,=size,plan,age\n".to_vec();
    for name in names {
        dataset::push_field(&mut text, name.as_bytes());
        text.extend_from_slice(b",19,=gold,1\n");
    }
    files::replace(&file, &text).unwrap();
    let report = rank(&config, Some(&file)).unwrap();
    let mut found = ids(&config);
    let mut wanted = names.map(str::to_owned).to_vec();
    if report.rows.rejected > 0 {
        // An empty id may be rejected.
        wanted.retain(|name| !name.is_empty());
    }
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let text = regular::read_to_string(&config.layout.risk_ranking()).unwrap();
    let mut reader = dataset::RecordReader::open(text.as_bytes()).unwrap();
    while let Some(fields) = reader.next_record().unwrap() {
        for field in fields {
            assert!(
                !field
                    .first()
                    .is_some_and(|first| b"=+-@\t\r".contains(first))
            );
        }
    }
}

#[test]
fn rows_without_an_id_have_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_with(folder.path(), &SCHEMA.replace("\"client\"", "null"));
    deploy(&config);
    let file = folder.path().join("new.csv");
    let rows = "=size,plan,age,left\n1,gold,1,\nx,gold,1,\n19,basic,1,1\n18,basic,1,\n1,gold,1,\n";
    files::replace(&file, rows.as_bytes()).unwrap();
    let report = rank(&config, Some(&file)).unwrap();
    assert_eq!(ids(&config), ["4", "1", "5"]);
    assert_eq!(report.rows.rejected, 1);
    let warning = &report.rows.warnings[0];
    assert!(
        warning.contains("1 row was rejected") && warning.contains(": 3:1: "),
        "{warning}"
    );
}

#[test]
fn what_cannot_be_ranked_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let file = folder.path().join("new.csv");
    let of = |file: Option<&Path>| {
        let error = rank(&config, file).unwrap_err();
        (classify(&error), format!("{error:#}"))
    };
    let (exit, text) = of(None);
    assert_eq!(exit, Exit::InputOutput);
    assert!(
        text.contains("no model is deployed: run `fullprocess`"),
        "{text}"
    );
    deploy(&config);
    let (exit, text) = of(Some(&file));
    assert_eq!(exit, Exit::InputOutput);
    assert!(text.contains("new.csv"), "{text}");
    files::replace(&file, b"client,plan\na,gold\n").unwrap();
    let (exit, text) = of(Some(&file));
    assert_eq!(exit, Exit::DataUnusable);
    assert!(text.contains("=size"), "{text}");
    assert!(
        StoredList::open(&config.layout.risk_ranking())
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_list_of_clients_with_labels_is_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let history = put_final_data(&config, &format!("{HEADER}a,1,gold,1,\n"));
    assert!(
        call_list(&config, &history, None).unwrap().is_none(),
        "no model"
    );
    deploy(&config);
    let run = folder.path().join("run");
    let ListOfRun { list, .. } = call_list(&config, &history, None).unwrap().expect("a list");
    list.write_for_run(&config, &run).unwrap();
    let copy = regular::read(&run.join(names::RISK_RANKING)).unwrap();
    assert_eq!(copy, regular::read(&config.layout.risk_ranking()).unwrap());
    drop(history);
    let history = put_final_data(&config, &format!("{HEADER}a,1,gold,1,\na,1,gold,1,0\n"));
    let ListOfRun { list, .. } = call_list(&config, &history, None).unwrap().expect("a list");
    assert!(list.is_empty());
    list.write(&config).unwrap();
    assert_eq!(ids(&config), Vec::<String>::new());
}

#[test]
fn a_damaged_list_is_an_error_that_says_how_to_rebuild_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("riskranking.csv");
    let header = entry::COLUMNS.join(",");
    for (text, says) in [
        (
            "rank,id\n1,a\n".to_owned(),
            "line 1: the column probability is missing",
        ),
        (
            format!("{header}\n1,a,nan,high,,,,,,,,000001\n"),
            "line 2: this is no line",
        ),
        (
            format!("{header}\n1,a,0.5,highest,,,,,,,,000001\n"),
            "line 2: this is no line",
        ),
        (
            format!("{header}\n1,a,0.5,high,,maybe,,,,,,000001\n"),
            "line 2: this is no line",
        ),
        (
            format!("{header}\n1,\"a\nb\",0.5,high,,,,,,,,000001\ngarbage\n"),
            "line 4: this is no line",
        ),
        (format!("{header}\n1,\"a"), "line 2"),
    ] {
        files::replace(&path, text.as_bytes()).unwrap();
        let error = first_error(&path);
        assert_eq!(classify(&error), Exit::InputOutput);
        let flaw = CallListFlaw::of(&error).expect("a flaw").without_folder();
        assert!(
            flaw.starts_with("riskranking.csv, ") && flaw.contains(says),
            "{flaw}"
        );
        let error = format!("{error:#}");
        assert!(
            error.contains(says) && error.contains("`scoring --rank`"),
            "{error}"
        );
        assert!(error.starts_with(&*path.to_string_lossy()), "{error}");
    }
}

/// The first error of reading a list to its end.
fn first_error(path: &Path) -> anyhow::Error {
    let mut list = match StoredList::open(path) {
        Ok(list) => list.expect("a file"),
        Err(error) => return error,
    };
    loop {
        match list.next_client() {
            Ok(client) => assert!(client.is_some(), "no error"),
            Err(error) => return error,
        }
    }
}

/// Ranks four clients of different risk, and returns them and the report.
fn ranked_with(scoring: &str) -> (Vec<RankedClient>, RankReport) {
    let folder = tempfile::tempdir().unwrap();
    let config = config_with(folder.path(), &format!("{SCHEMA},\"scoring\":{scoring}"));
    deploy(&config);
    let file = folder.path().join("new.csv");
    let text = "client,=size,plan,age\nsure,19,basic,1\nvaluable,10,basic,6\nunknown,18,basic,\n\
                calm,1,gold,3\n";
    files::replace(&file, text.as_bytes()).unwrap();
    let report = rank(&config, Some(&file)).unwrap();
    (stored(&config), report)
}

fn names_of(clients: &[RankedClient]) -> Vec<&str> {
    clients.iter().map(|client| client.id.as_str()).collect()
}

#[test]
fn with_a_value_clients_are_ranked_by_what_a_call_brings() {
    let actions = r#"{"actions":{"cost":0.3,"save_rate":0.5,"value_column":"age","capacity":1}}"#;
    let (found, report) = ranked_with(actions);
    assert_eq!(names_of(&found), ["valuable", "sure", "calm", "unknown"]);
    for client in &found[..3] {
        let value = match client.id.as_str() {
            "sure" => 1.0,
            "valuable" => 6.0,
            _ => 3.0,
        };
        let wanted = client.probability * 0.5 * value - 0.3;
        assert_eq!(client.expected_value, Some(wanted), "{client:?}");
    }
    assert_eq!(found[3].expected_value, None, "its value is missing");
    let places: Vec<Option<bool>> = found.iter().map(|client| client.in_capacity).collect();
    assert_eq!(places, [Some(true), Some(false), Some(false), Some(false)]);
    let value = report.list.expected_value.clone().expect("a value");
    assert_eq!(value.value, Some(3.0), "the median of 1, 3 and 6");
    assert_eq!(value.break_even, Some(0.3 / (0.5 * 3.0)));
    assert_eq!(value.total, found[0].expected_value.unwrap());
    let text = report.to_string();
    assert!(
        text.contains("break-even at probability 0.2 (cost 0.3, save rate 0.5, value 3)"),
        "{text}"
    );
}

#[test]
fn a_call_that_costs_more_than_it_brings_gets_no_place() {
    let (found, report) = ranked_with(r#"{"actions":{"cost":0.5}}"#);
    assert_eq!(names_of(&found), ["sure", "unknown", "valuable", "calm"]);
    for client in &found {
        let pays = client.probability > 0.5;
        assert_eq!(client.in_capacity, Some(pays), "{client:?}");
    }
    assert_eq!(report.list.expected_value.unwrap().break_even, Some(0.5));
    let (_, report) = ranked_with(r#"{"actions":{"cost":3,"save_rate":0.1}}"#);
    assert_eq!(report.list.in_capacity, Some(0));
    let text = report.to_string();
    assert!(
        text.contains("calling a client of median value does not pay"),
        "{text}"
    );
}

#[test]
fn with_a_capacity_alone_the_first_clients_get_the_places() {
    let (found, report) = ranked_with(r#"{"actions":{"capacity":2},"bands":"decile"}"#);
    assert_eq!(names_of(&found), ["sure", "unknown", "valuable", "calm"]);
    let places: Vec<Option<bool>> = found.iter().map(|client| client.in_capacity).collect();
    assert_eq!(places, [Some(true), Some(true), Some(false), Some(false)]);
    assert!(found.iter().all(|client| client.expected_value.is_none()));
    assert_eq!(report.list.in_capacity, Some(2));
    assert_eq!(found[0].band, Band::Decile(1));
    let (found, report) = ranked_with("{}");
    assert!(found.iter().all(|client| client.in_capacity.is_none()));
    assert_eq!(report.list.in_capacity, None);
}

#[test]
fn a_share_of_those_to_be_called_is_held_out_and_their_outcomes_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let scoring = r#"{"actions":{"capacity":100,"holdout":0.3}}"#;
    let config = config_with(folder.path(), &format!("{SCHEMA},\"scoring\":{scoring}"));
    deploy(&config);
    let client = |id: u32| format!("client {id},{},basic,1", id % 20);
    let waiting: String = (0..200).map(|id| client(id) + ",\n").collect();
    let history = put_final_data(&config, &format!("{HEADER}{waiting}"));
    let ListOfRun {
        list,
        outcomes: none,
        ..
    } = call_list(&config, &history, None).unwrap().expect("a list");
    assert!(none.is_empty());
    let run = folder.path().join("run");
    list.write_for_run(&config, &run).unwrap();
    let listed = stored(&config);
    let held_out = listed.iter().filter(|it| it.hold_out == Some(true));
    let held_out: Vec<&str> = held_out.map(|client| client.id.as_str()).collect();
    let called = listed.iter().filter(|it| it.in_capacity == Some(true));
    let called: Vec<&str> = called.map(|client| client.id.as_str()).collect();
    assert_eq!(called.len(), 100, "held-out clients take no place");
    assert!((20..70).contains(&held_out.len()), "{}", held_out.len());
    assert!(held_out.iter().all(|id| !called.contains(id)));
    assert_eq!(list.summary().held_out, Some(held_out.len() as u64));
    let last_called = listed.iter().rposition(|it| it.in_capacity == Some(true));
    let last_held_out = listed.iter().rposition(|it| it.hold_out == Some(true));
    assert!(
        last_held_out < last_called,
        "nobody else would have been called"
    );
    drop(history);

    // Every held-out client leaves, no called client does. One client of each group has no label
    // yet.
    let outcomes: String = (0..200)
        .map(|id| format!("client {id}"))
        .filter(|id| id != held_out[0] && id != called[0])
        .map(|id| {
            let left = u8::from(held_out.contains(&id.as_str()));
            format!("{id},3,basic,1,{left}\n")
        })
        .collect();
    let history = put_final_data(&config, &format!("{HEADER}{waiting}{outcomes}"));
    let earlier = run.join(names::RISK_RANKING);
    let ListOfRun {
        outcomes,
        predictions,
        ..
    } = call_list(&config, &history, Some(&earlier))
        .unwrap()
        .expect("a list");
    let n_held_out = held_out.len() as u64 - 1;
    assert_eq!((outcomes.called.clients, outcomes.called.left), (99, 0));
    assert_eq!(outcomes.held_out.clients, n_held_out);
    assert_eq!(outcomes.held_out.left, n_held_out);
    assert_eq!(outcomes.effect().unwrap().save_rate, Some(1.0));
    let expected = |ids: &[&str]| -> f64 {
        let clients = listed.iter().filter(|it| ids.contains(&it.id.as_str()));
        clients.map(|client| client.probability).sum()
    };
    assert_eq!(predictions.model_version, listed[0].model_version);
    for (found, clients, left, ids) in [
        (predictions.called, 99, 0, &called),
        (predictions.held_out, n_held_out, n_held_out, &held_out),
    ] {
        assert_eq!((found.clients, found.left), (clients, left));
        assert!((found.expected - expected(&ids[1..])).abs() < 1e-9);
    }
}

#[test]
fn equal_clients_are_in_the_order_of_their_ids_and_so_are_their_deciles() {
    let folder = tempfile::tempdir().unwrap();
    let more = format!("{SCHEMA},\"scoring\":{{\"bands\":\"decile\"}}");
    let config = config_with(folder.path(), &more);
    deploy(&config);
    let file = folder.path().join("new.csv");
    let rows: String = (0..20)
        .rev()
        .map(|id| format!("client {id:02},9,basic,1\n"))
        .collect();
    files::replace(&file, format!("client,=size,plan,age\n{rows}").as_bytes()).unwrap();
    rank(&config, Some(&file)).unwrap();
    for (place, client) in stored(&config).iter().enumerate() {
        assert_eq!(client.id, format!("client {place:02}"));
        assert_eq!(client.band, Band::Decile(place as u8 / 2 + 1));
    }
}

#[test]
fn a_line_that_no_ranking_writes_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(names::RISK_RANKING);
    let line = |rank: &str, probability: &str| {
        format!("{rank},a{rank},{probability},high,,,,,,,,000001\n")
    };
    let header = format!("{}\n", CALL_LIST_COLUMNS.join(","));
    let first = line("1", "0.5");
    for (bad, says) in [
        (line("0", "0.5"), "line 3: this is no line of a call list"),
        (line("-1", "0.5"), "line 3: this is no line of a call list"),
        (line("2", "2.0"), "line 3: this is no line of a call list"),
        (line("2", "-0.1"), "line 3: this is no line of a call list"),
        (line("2", "NaN"), "line 3: this is no line of a call list"),
        (
            line("1", "0.5"),
            "line 3: rank 1 is not above the rank before it",
        ),
    ] {
        files::replace(&path, format!("{header}{first}{bad}").as_bytes()).unwrap();
        let error = first_error(&path);
        let flaw = CallListFlaw::of(&error).expect("a flaw");
        assert!(flaw.to_string().ends_with(says), "{bad}: {flaw}");
    }
    // Certain clients are on lists of models that are sure.
    let whole = format!("{header}{}{}", line("1", "1"), line("2", "0"));
    files::replace(&path, whole.as_bytes()).unwrap();
    let mut list = StoredList::open(&path).unwrap().expect("a list");
    let found = std::iter::from_fn(|| list.next_client().unwrap());
    assert_eq!(found.count(), 2);
}
