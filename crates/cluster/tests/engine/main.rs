//! Compares values from an SQL engine with values computed in memory. `scripts/check-cluster.sh` starts an engine
//! and runs these tests. Without the address of an engine in `RISK_ENGINE_URL` they print that they are skipped.
#![cfg(feature = "flight")]
#![allow(clippy::unwrap_used, reason = "a test whose engine fails has failed")]

mod comparison;
mod encrypted;
mod rows;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Connection, Dialect, FlightConnection, FlightSettings, Relation, SqlEngine};
use common::Config;
use common::exit::Exit;
use common::ledger::DataPosition;
use dataset::passes::{Division, Engine, LogisticPoint, label_counts};
use dataset::{Fold, Selection, Table};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use crate::comparison::{compare_values, is_close};
use crate::rows::{Rows, Shape, random};

/// Address of the engine of the tests; `None` if there is none.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
fn engine_url() -> Option<String> {
    let url = std::env::var("RISK_ENGINE_URL").ok();
    if url.is_none() {
        eprintln!("skipped: RISK_ENGINE_URL names no engine (scripts/check-cluster.sh)");
    }
    url
}

/// Settings of a connection without TLS and token, which makes no pause before a second attempt.
fn settings(url: &str, timeout: Duration) -> FlightSettings {
    FlightSettings {
        url: url.to_owned(),
        tls_ca: None,
        token: None,
        timeout,
        retry_pause: Duration::ZERO,
    }
}

/// The connection to the engine of the tests; `None` if there is none.
fn connection() -> Option<FlightConnection> {
    let settings = FlightSettings {
        retry_pause: Duration::from_secs(5),
        ..settings(&engine_url()?, Duration::from_secs(120))
    };
    Some(FlightConnection::new(settings).unwrap())
}

/// The same rows in memory and on the engine.
fn both(rows: &Rows, connection: FlightConnection) -> (Table, Table) {
    rows.lay(&connection);
    let engine = SqlEngine::new(connection, rows.source());
    (rows.table(), Table::on_engine(Arc::new(engine)))
}

#[test]
fn every_value_of_random_tables_is_as_in_memory() {
    if connection().is_none() {
        return;
    }
    let cases = Cases {
        cases: 10,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Cases::default()
    };
    let seeds = (any::<u64>(), 0_usize..160);
    let ended = TestRunner::new_with_rng(cases, rng()).run(&seeds, |(seed, n_rows)| {
        let rows = random(
            seed,
            Shape {
                rows: n_rows,
                hostile: true,
                is_usable: false,
            },
        );
        let (memory, engine) = both(&rows, connection().unwrap());
        compare_values(seed, &rows, &memory, &engine);
        Ok(())
    });
    ended.unwrap();
}

/// The same cases in every run.
fn rng() -> proptest::test_runner::TestRng {
    let algorithm = proptest::test_runner::RngAlgorithm::ChaCha;
    proptest::test_runner::TestRng::deterministic_rng(algorithm)
}

fn config(rows: &Rows, form: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"form":"{form}","verify_rows":0}}}}"#
    );
    let path = std::env::temp_dir().join("config.json");
    let mut config = Config::parse(&path, &text).unwrap();
    config.schema = rows.schema();
    config
}

#[test]
fn a_model_fitted_on_the_engine_is_as_in_memory() {
    let Some(first) = connection() else { return };
    let rows = random(
        7,
        Shape {
            rows: 900,
            hostile: true,
            is_usable: true,
        },
    );
    let (memory, engine) = both(&rows, first);
    for form in ["linear", "curves", "pairs"] {
        let config = config(&rows, form);
        let trained = |table: &Table| {
            training::train(&config, table, 0..table.rows(), DataPosition::default()).unwrap()
        };
        let (wanted, found) = (trained(&memory), trained(&engine));
        assert_eq!(found.predictor.form(), wanted.predictor.form(), "{form}");
        let coefficients = found.coefficients().zip(wanted.coefficients());
        for (found, wanted) in coefficients {
            let [found, wanted] = [found.value, wanted.value];
            assert!(is_close(found, wanted, 1e-6), "{form}: {found} {wanted}");
        }
        let [found, wanted] = [&found, &wanted].map(|model| model.threshold.log_odds());
        assert!(
            is_close(found, wanted, 1e-6),
            "{form}: threshold {found} {wanted}"
        );
    }
}

#[test]
fn the_number_of_a_client_begins_the_md5_of_its_id() {
    let Some(connection) = connection() else {
        return;
    };
    let number = Dialect::Spark.client_number(&Dialect::Spark.text("abc"));
    let answer = connection
        .ask("a number", &format!("SELECT {number}"), 1)
        .unwrap();
    assert_eq!(answer.lines, [[cluster::Cell::Whole(0x9001_5098)]]);
}

#[test]
fn a_failure_names_the_query() {
    let Some(connection) = connection() else {
        return;
    };
    let rows = random(
        3,
        Shape {
            rows: 50,
            hostile: false,
            is_usable: false,
        },
    );
    let mut missing = rows.source();
    missing.relation = Relation::Named("no such table".into());
    let engine = SqlEngine::new(connection, missing);
    let failure = engine.counts(&[], &Selection::rows(0..50)).unwrap_err();
    assert_eq!(failure.exit, Exit::InputOutput);
    assert!(failure.message.contains("counts of rows"), "{failure}");
}

#[test]
fn an_engine_that_cannot_be_reached_is_named_with_its_query() {
    // Nobody listens on this port of the loopback address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("grpc://{}", listener.local_addr().unwrap());
    drop(listener);
    let limit = Duration::from_secs(20);
    let connection = FlightConnection::new(settings(&url, limit)).unwrap();
    let failure = connection.ask("the answer", "SELECT 42", 1).unwrap_err();
    assert_eq!(failure.exit, Exit::InputOutput);
    for part in ["the answer", &url] {
        assert!(failure.message.contains(part), "{failure}");
    }
    for url in ["http://x:1", "grpc://", "grpc://a b"] {
        let failure = FlightConnection::new(settings(url, limit)).unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration, "{url}");
    }
}

#[test]
fn an_engine_that_does_not_answer_is_given_up_after_the_time_limit() {
    // It accepts connections and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("grpc://{}", listener.local_addr().unwrap());
    let limit = Duration::from_millis(300);
    let connection = FlightConnection::new(settings(&url, limit)).unwrap();
    let failure = connection.ask("the answer", "SELECT 42", 1).unwrap_err();
    assert_eq!(failure.exit, Exit::InputOutput);
    assert!(failure.message.contains("timeout_seconds"), "{failure}");
}

/// Measures values of a million rows. `scripts/check-cluster.sh --times` runs it.
#[test]
#[ignore = "it takes a minute and checks nothing"]
#[expect(
    clippy::print_stdout,
    reason = "the times are for a person who asks for them"
)]
fn times() {
    let Some(connection) = connection() else {
        return;
    };
    let n_rows = std::env::var("RISK_ENGINE_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok());
    let n_rows = n_rows.unwrap_or(1_000_000);
    let rows = rows::generated(n_rows);
    rows.lay_generated(&connection);
    let engine = Table::on_engine(Arc::new(SqlEngine::new(connection, rows.source())));
    let memory = rows.table();
    let config = config(&rows, "linear");
    let (terms, axes) = rows.point();
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: vec![0.1; terms.len() + 1].into(),
    };
    let model = training::train(&config, &memory, 0..n_rows, DataPosition::default()).unwrap();
    let expression = model.predictor.expression();
    type Work<'a> = (&'static str, Box<dyn Fn(&Table) + 'a>);
    let work: Vec<Work<'_>> = vec![
        (
            "label counts",
            Box::new(|table| {
                label_counts(table, &table.all()).unwrap();
            }),
        ),
        (
            "profile",
            Box::new(|table| {
                drop(dataset::passes::profile(&config.schema, table, &table.all()).unwrap());
            }),
        ),
        (
            "moments by fold",
            Box::new(|table| {
                drop(dataset::passes::moments_by_fold(&terms, table, &table.labelled()).unwrap());
            }),
        ),
        (
            "one Newton step",
            Box::new(|table| {
                drop(dataset::passes::logistic_terms(&point, table, &table.all()).unwrap());
            }),
        ),
        (
            "Newton steps by fold",
            Box::new(|table| {
                drop(dataset::passes::logistic_terms_by_fold(&point, table, &table.all()).unwrap());
            }),
        ),
        (
            "rows by log-odds",
            Box::new(|table| {
                drop(dataset::passes::score_groups(&expression, table, &table.all()).unwrap());
            }),
        ),
        (
            "confusion",
            Box::new(|table| {
                dataset::passes::confusion(&expression, 0.0, table, &table.all()).unwrap();
            }),
        ),
        (
            "paired losses by client",
            Box::new(|table| {
                let both = [&expression, &expression];
                dataset::passes::paired_losses(both, None, table, &table.all()).unwrap();
            }),
        ),
        (
            "sums by group",
            Box::new(|table| {
                let whole = [Division::Whole];
                dataset::passes::group_sums(&whole, &point, 30.0, table, &table.all()).unwrap();
            }),
        ),
        (
            "a whole fold outside",
            Box::new(|table| {
                let outside = table.all().of_fold(Fold::Outside(1));
                drop(dataset::passes::logistic_terms(&point, table, &outside).unwrap());
            }),
        ),
        (
            "a fit",
            Box::new(|table| {
                let settings = training::FitSettings { c: 1.0 };
                let profile = &model.profile;
                let design = model::Design::choose(&config.schema, profile);
                drop(training::fit(&settings, &design, table, &table.all()).unwrap());
            }),
        ),
    ];
    println!(
        "{n_rows} rows, {} terms: seconds in memory, on the engine",
        terms.len()
    );
    for (name, work) in work {
        let seconds = [&memory, &engine].map(|table| {
            let clock = Instant::now();
            work(table);
            clock.elapsed().as_secs_f64()
        });
        println!("{name:24} {:8.3} {:8.3}", seconds[0], seconds[1]);
    }
}
