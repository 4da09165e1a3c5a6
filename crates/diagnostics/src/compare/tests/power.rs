//! Measured power: how often a fault of one column is found in a batch beside a reference of 3,000
//! rows, how often a batch without a fault raises an alarm, and how long the checks take.
//!
//! The measurements take minutes, so they run only when asked for. `POWER_TRIALS` and
//! `ALARM_TRIALS` set the numbers of batches:
//!
//! ```sh
//! cargo test -p diagnostics --lib -- --ignored --nocapture measured_
//! ```

use std::fmt::Write as _;
use std::time::Instant;

use super::false_alarms::{SIZES, columns_without_drift};
use super::*;
use crate::compare::part::check_part_of_numbers;
use crate::draws::Draws;
use crate::statistics::SortedColumn;

const REFERENCE: usize = 3000;
const BATCHES: [usize; 2] = [500, 2000];

/// One client: income, balance, purchases and city.
type Client = ([f64; 3], String);

/// What is wrong with some clients of a batch.
type Fault = fn(&mut Draws, &mut Client);

const FAULTS: [(&str, usize, Fault); 7] = [
    ("a new level in 5 % of rows", 3, |draws, client| {
        if draws.uniform() < 0.05 {
            client.1 = "elsewhere".into();
        }
    }),
    ("missing: none to 1.5 %", 0, |draws, client| {
        if draws.uniform() < 0.015 {
            client.0[0] = f64::NAN;
        }
    }),
    ("times 100 in 2 % of rows", 0, |draws, client| {
        if draws.uniform() < 0.02 {
            client.0[0] *= 100.0;
        }
    }),
    ("-999 in 2 % of rows", 0, |draws, client| {
        if draws.uniform() < 0.02 {
            client.0[0] = -999.0;
        }
    }),
    ("zero in 5 % of rows", 0, |draws, client| {
        if draws.uniform() < 0.05 {
            client.0[0] = 0.0;
        }
    }),
    ("all cities upper-cased", 3, |_, client| {
        client.1 = client.1.to_uppercase();
    }),
    ("spread of the balance times 1.2", 1, |_, client| {
        client.0[1] *= 1.2;
    }),
];

fn client(draws: &mut Draws) -> Client {
    let income = (8.0 + 0.5 * draws.normal()).exp();
    let balance = draws.normal();
    let purchases = match draws.uniform() {
        share if share < 0.5 => 0.0,
        share => (share * 20.0).floor(),
    };
    let city = (draws.uniform() * 40.0).floor();
    ([income, balance, purchases], format!("city {city}"))
}

fn columns(clients: &[Vec<Client>; 2]) -> Vec<ColumnPair> {
    let numbers = |column: usize| {
        let side = |clients: &Vec<Client>| clients.iter().map(|it| it.0[column]).collect();
        let name = ["income", "balance", "purchases"][column];
        ColumnPair::numbers(name, [0, 0], [side(&clients[0]), side(&clients[1])])
    };
    let levels = [0, 1].map(|side: usize| {
        let mut levels = dataset::Levels::default();
        for (_, city) in &clients[side] {
            *levels.counts.entry(city.clone()).or_default() += 1;
        }
        levels
    });
    let category = ColumnPair::categories("city", levels);
    (0..3).map(numbers).chain([category]).collect()
}

/// Shares of the batches with any alarm, and with an alarm of the column with the fault.
fn alarms(rows: usize, trials: u32, column: usize, fault: Option<Fault>) -> [f64; 2] {
    let mut draws = Draws(rows as u64);
    let mut found = [0_u32; 2];
    for _ in 0..trials {
        let mut clients =
            [REFERENCE, rows].map(|rows| (0..rows).map(|_| client(&mut draws)).collect());
        if let Some(fault) = fault {
            let [_, current]: &mut [Vec<Client>; 2] = &mut clients;
            current
                .iter_mut()
                .for_each(|client| fault(&mut draws, client));
        }
        let checked = check_columns(columns(&clients), |_| true);
        found[0] += u32::from(checked.verdict == Verdict::Drift);
        found[1] += u32::from(checked.columns[column].verdict == Verdict::Drift);
    }
    found.map(|alarms| f64::from(alarms) * 100.0 / f64::from(trials))
}

fn trials(name: &str, usual: u32) -> u32 {
    let asked = std::env::var(name).ok();
    asked
        .and_then(|number| number.parse().ok())
        .unwrap_or(usual)
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power() {
    let mut table = String::new();
    for (name, column, fault) in FAULTS {
        write!(table, "{name:34}").unwrap();
        for rows in BATCHES {
            let [any, column] = alarms(rows, trials("POWER_TRIALS", 200), column, Some(fault));
            write!(
                table,
                "  {rows} rows: any {any:5.1} %, column {column:5.1} %"
            )
            .unwrap();
        }
        table.push('\n');
    }
    for rows in [26, 100, 500, 2000] {
        let [any, _] = alarms(rows, trials("ALARM_TRIALS", 2000), 0, None);
        writeln!(table, "nothing changed, {rows} rows: {any:.2} %").unwrap();
    }
    println!("{table}");
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_false_alarms() {
    for rows in SIZES.into_iter().chain([[3000, 500], [3000, 2000]]) {
        let mut draws = Draws(19);
        let trials = trials("ALARM_TRIALS", 2000);
        let alarms = (0..trials).filter(|_| {
            let pairs = columns_without_drift(&mut draws, rows);
            check_columns(pairs, |_| true).verdict == Verdict::Drift
        });
        println!("{rows:?}: {} of {trials}", alarms.count());
    }
}

#[test]
#[ignore = "a measurement of time, not a check"]
fn measured_time() {
    let mut draws = Draws(23);
    for rows in BATCHES {
        for (name, fault) in [
            ("unchanged", None),
            ("all cities upper-cased", Some(FAULTS[5].2)),
        ] {
            let mut clients =
                [REFERENCE, rows].map(|rows| (0..rows).map(|_| client(&mut draws)).collect());
            if let Some(fault) = fault {
                let [_, current]: &mut [Vec<Client>; 2] = &mut clients;
                current
                    .iter_mut()
                    .for_each(|client| fault(&mut draws, client));
            }
            for pair in columns(&clients) {
                let column = pair.name.clone();
                let start = Instant::now();
                let (found, _) = pair.compare(CHECK_LEVEL / 12.0);
                let time = start.elapsed();
                println!(
                    "{rows} rows, {name}: {column} {time:?}, {:?}",
                    found.distribution.method
                );
            }
        }
    }
    for values in ["all different", "1,000 different"] {
        let mut number = |rows: usize| -> Vec<f64> {
            let value = |_| match values {
                "all different" => draws.uniform(),
                _ => (draws.uniform() * 1000.0).floor(),
            };
            (0..rows).map(value).collect()
        };
        let sides = (0..5).map(|_| [number(50_000), number(1_000_000)]);
        let pairs: Vec<ColumnPair> = sides
            .map(|sides| ColumnPair::numbers("x", [0, 0], sides))
            .collect();
        if let Values::Numbers([reference, current]) = &pairs[0].values {
            let [reference, current] = [reference, current].map(|side| SortedColumn::of(side));
            let start = Instant::now();
            let found = check_part_of_numbers(&reference, &current, CHECK_LEVEL);
            println!("part of one column: {:?}", start.elapsed());
            assert!(found.is_some());
        }
        let start = Instant::now();
        let checked = check_columns(pairs, |_| true);
        println!(
            "1,000,000 × 5 beside 50,000, {values}: {:?}, {}",
            start.elapsed(),
            checked.verdict
        );
    }
}
