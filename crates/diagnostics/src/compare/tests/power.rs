//! Measured power, with a reference of 3,000 rows: how often a fault in a batch is found, how often
//! a batch without a fault raises an alarm, and how long the checks take.
//!
//! The measurements take minutes, so they run only when asked for. `POWER_TRIALS` and `ALARM_TRIALS`
//! set the numbers of batches. `WORLD` chooses the lines of the output that begin with it, such as
//! `mixed, 60 columns`, and `ROWS` the rows of a batch:
//!
//! ```sh
//! cargo test --release -p diagnostics --lib -- --ignored --nocapture measured_
//! ```

use std::time::Instant;

use super::false_alarms::{SIZES, columns_without_drift};
use super::*;
use crate::compare::part::check_part_of_numbers;
use crate::draws::Draws;
use crate::statistics::SortedColumn;

const REFERENCE: usize = 3000;
const BATCHES: [usize; 4] = [26, 100, 500, 2000];
/// Correlation of the first two numbers.
const FIRST_CORRELATION: f64 = 0.6;
/// Correlation of all others, with each other and with the first two.
const CORRELATION: f64 = 0.2;

/// Distribution of the numbers of generated data, which is called a world.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Normal,
    Lognormal,
    ZeroInflated,
    /// All of these, whole numbers, missing values and categories.
    Mixed,
}

const FAMILIES: [(&str, Family); 4] = [
    ("normal", Family::Normal),
    ("lognormal", Family::Lognormal),
    ("zero-inflated", Family::ZeroInflated),
    ("mixed", Family::Mixed),
];
const COLUMNS: [usize; 4] = [3, 10, 30, 60];

/// Clients by column: numbers, and the numbers of levels.
struct Clients {
    numbers: Vec<Vec<f64>>,
    levels: Vec<Vec<f64>>,
}

/// What is wrong with a batch.
type Fault = fn(&mut Draws, &mut Clients);

const FAULTS: [(&str, Fault); 12] = [
    ("correlation 0.6 to 0", |draws, clients| {
        // The same values, by new clients.
        shuffle(draws, &mut clients.numbers[0]);
    }),
    ("wrong join", |draws, clients| {
        // The last column is weakly related to each other one.
        if let Some(last) = clients.numbers.last_mut() {
            shuffle(draws, last);
        }
    }),
    ("sign flipped", |_, clients| {
        clients.numbers[0].iter_mut().for_each(|it| *it = -*it);
    }),
    ("spread times 1.2", |_, clients| {
        spread(&mut clients.numbers[0], 1.2)
    }),
    ("all numbers moved by 0.25 sd", |_, clients| {
        for column in &mut clients.numbers {
            let by = 0.25 * deviation(column);
            column.iter_mut().for_each(|it| *it += by);
        }
    }),
    ("new level in 5 %", |draws, clients| {
        change_some_values(draws, clients.levels.first_mut(), 0.05, |_| 999.0);
    }),
    ("missing: 0 to 1.5 %", |draws, clients| {
        change_some_values(draws, clients.numbers.first_mut(), 0.015, |_| f64::NAN);
    }),
    ("times 100 in 2 %", |draws, clients| {
        change_some_values(draws, clients.numbers.first_mut(), 0.02, |it| it * 100.0);
    }),
    ("-999 in 2 %", |draws, clients| {
        change_some_values(draws, clients.numbers.first_mut(), 0.02, |_| -999.0);
    }),
    ("zero in 5 %", |draws, clients| {
        change_some_values(draws, clients.numbers.first_mut(), 0.05, |_| 0.0);
    }),
    ("levels in upper case", |_, clients| {
        if let Some(levels) = clients.levels.first_mut() {
            levels.iter_mut().for_each(|it| *it += 1000.0);
        }
    }),
    ("levels of a wrong join", |draws, clients| {
        if let Some(levels) = clients.levels.first_mut() {
            shuffle(draws, levels);
        }
    }),
];

fn shuffle(draws: &mut Draws, values: &mut [f64]) {
    for place in (1..values.len()).rev() {
        let other = (draws.uniform() * (place + 1) as f64) as usize;
        values.swap(place, other);
    }
}

fn mean(values: &[f64]) -> f64 {
    let present = values.iter().filter(|it| !it.is_nan());
    present.clone().sum::<f64>() / present.count() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let present = values.iter().filter(|it| !it.is_nan());
    let squares: f64 = present.clone().map(|it| (it - mean).powi(2)).sum();
    (squares / present.count() as f64).sqrt()
}

fn spread(values: &mut [f64], factor: f64) {
    let mean = mean(values);
    values
        .iter_mut()
        .for_each(|it| *it = mean + factor * (*it - mean));
}

fn change_some_values(
    draws: &mut Draws,
    values: Option<&mut Vec<f64>>,
    share: f64,
    change: impl Fn(f64) -> f64,
) {
    for value in values.into_iter().flatten() {
        if draws.uniform() < share {
            *value = change(*value);
        }
    }
}

/// Unchanged clients of a world with so many columns.
fn clients(draws: &mut Draws, family: Family, columns: usize, rows: usize) -> Clients {
    let n_levels = match family {
        Family::Mixed => columns.div_ceil(4),
        _ => 0,
    };
    let n_numbers = columns - n_levels;
    let mut clients = Clients {
        numbers: vec![Vec::with_capacity(rows); n_numbers],
        levels: vec![Vec::with_capacity(rows); n_levels],
    };
    for _ in 0..rows {
        let common = draws.normal();
        let own = (1.0 - CORRELATION).sqrt();
        let mut latent: Vec<f64> = (0..columns)
            .map(|_| CORRELATION.sqrt() * common + own * draws.normal())
            .collect();
        if n_numbers > 1 {
            let rest = (1.0 - FIRST_CORRELATION.powi(2)).sqrt();
            latent[1] = FIRST_CORRELATION * latent[0] + rest * draws.normal();
        }
        for (column, numbers) in clients.numbers.iter_mut().enumerate() {
            numbers.push(number(draws, family, column, latent[column]));
        }
        for (column, levels) in clients.levels.iter_mut().enumerate() {
            // 40 levels of equal share, or four of which one is rare.
            let share = 1.0 / (1.0 + (-1.7 * latent[n_numbers + column]).exp());
            levels.push(match column % 2 {
                0 => (share * 40.0).floor(),
                _ => (share * 4.0).powi(2).floor().min(3.0),
            });
        }
    }
    clients
}

fn number(draws: &mut Draws, family: Family, column: usize, latent: f64) -> f64 {
    match (family, column % 5) {
        (Family::Normal, _) | (Family::Mixed, 1) => latent,
        (Family::Lognormal, _) | (Family::Mixed, 0) => (8.0 + latent / 2.0).exp(),
        (Family::ZeroInflated, _) | (Family::Mixed, 2) => (latent - 0.3).max(0.0),
        (Family::Mixed, 3) => (latent * 2.0).round(),
        (Family::Mixed, _) => match draws.uniform() {
            share if share < 0.1 => f64::NAN,
            _ => latent,
        },
    }
}

fn pairs([reference, current]: &[Clients; 2]) -> Vec<ColumnPair> {
    let numbers = reference.numbers.iter().zip(&current.numbers);
    let numbers = numbers.enumerate().map(|(column, (before, now))| {
        let sides = [before.clone(), now.clone()];
        ColumnPair::numbers(&format!("number {column}"), [0, 0], sides)
    });
    let levels = reference.levels.iter().zip(&current.levels);
    let levels = levels.enumerate().map(|(column, (before, now))| {
        let counted = [before, now].map(|codes| {
            let mut levels = dataset::Levels::default();
            for code in codes {
                *levels.counts.entry(format!("level {code}")).or_default() += 1;
            }
            levels
        });
        let codes = [before.clone(), now.clone()];
        ColumnPair::categories(&format!("category {column}"), counted).with_codes(codes)
    });
    numbers.chain(levels).collect()
}

/// Numbers of batches with an alarm, and with an alarm of the joint test.
fn alarms(
    (family, columns): (Family, usize),
    rows: usize,
    trials: u32,
    fault: Option<Fault>,
) -> [u32; 2] {
    let mut draws = Draws(rows as u64);
    let mut found = [0; 2];
    for _ in 0..trials {
        let reference = clients(&mut draws, family, columns, REFERENCE);
        let mut current = clients(&mut draws, family, columns, rows);
        if let Some(fault) = fault {
            fault(&mut draws, &mut current);
        }
        let checked = check_columns(pairs(&[reference, current]), |_| true);
        let joint = checked.joint.map(|joint| joint.verdict);
        found[0] += u32::from(checked.verdict == Verdict::Drift);
        found[1] += u32::from(joint == Some(Verdict::Drift));
    }
    found
}

fn trials(name: &str, usual: u32) -> u32 {
    let asked = std::env::var(name).ok();
    asked
        .and_then(|number| number.parse().ok())
        .unwrap_or(usual)
}

/// True if the line that begins with `name` is asked for.
fn is_asked_for(name: &str) -> bool {
    let asked = std::env::var("WORLD").unwrap_or_default();
    name.starts_with(&asked)
}

/// The numbers of rows that are asked for.
fn batches() -> impl Iterator<Item = usize> {
    let asked = trials("ROWS", 0) as usize;
    let batches = BATCHES.into_iter();
    batches.filter(move |rows| asked == 0 || *rows == asked)
}

/// Prints how often each fault is found in batches of a world.
fn print_power((world, family): (&str, Family)) {
    let trials = trials("POWER_TRIALS", 100);
    for columns in [3, 60] {
        for (name, fault) in FAULTS {
            if name.contains("level") && family != Family::Mixed {
                continue;
            }
            let line = format!("{world}, {columns} columns, {name}:");
            if !is_asked_for(&line) {
                continue;
            }
            print!("{line}");
            for rows in batches() {
                let found = alarms((family, columns), rows, trials, Some(fault));
                let [any, joint] = found.map(|it| f64::from(it) * 100.0 / f64::from(trials));
                print!("  {rows} rows {any:.0} % (joint {joint:.0} %)");
            }
            println!();
        }
    }
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power_normal() {
    print_power(FAMILIES[0]);
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power_lognormal() {
    print_power(FAMILIES[1]);
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power_zero_inflated() {
    print_power(FAMILIES[2]);
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power_mixed() {
    print_power(FAMILIES[3]);
}

/// Two columns without a correlation: the second is the square of the first and noise.
fn squares(draws: &mut Draws, rows: usize) -> Clients {
    let first: Vec<f64> = (0..rows).map(|_| draws.normal()).collect();
    let square = |value: &f64| value * value + draws.normal();
    let second = first.iter().map(square).collect();
    Clients {
        numbers: vec![first, second],
        levels: Vec::new(),
    }
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_power_without_correlation() {
    let trials = trials("POWER_TRIALS", 100);
    for rows in BATCHES {
        let mut draws = Draws(rows as u64);
        let found = (0..trials).filter(|_| {
            let reference = squares(&mut draws, REFERENCE);
            let mut current = squares(&mut draws, rows);
            shuffle(&mut draws, &mut current.numbers[1]);
            check_columns(pairs(&[reference, current]), |_| true).verdict == Verdict::Drift
        });
        println!(
            "b = a² + noise, b of other clients, {rows} rows: {} of {trials}",
            found.count()
        );
    }
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_alarms() {
    let trials = trials("ALARM_TRIALS", 500);
    let mut sums: Vec<(usize, [u32; 2])> = batches().map(|rows| (rows, [0; 2])).collect();
    let mut worlds = 0;
    for (world, family) in FAMILIES {
        for columns in COLUMNS {
            let line = format!("{world}, {columns} columns, nothing changed:");
            if !is_asked_for(&line) {
                continue;
            }
            print!("{line}");
            worlds += 1;
            for (rows, sums) in &mut sums {
                let found = alarms((family, columns), *rows, trials, None);
                let [any, joint] = found;
                print!("  {rows} rows {any} ({joint} joint)");
                *sums = [sums[0] + any, sums[1] + joint];
            }
            println!(" of {trials}");
        }
    }
    for (rows, [any, joint]) in sums {
        println!(
            "all worlds, {rows} rows: {any} ({joint} joint) of {}",
            trials * worlds
        );
    }
}

/// Prints in how many batches a relation is named although only levels are new.
#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_relations_beside_new_levels() {
    let trials = trials("ALARM_TRIALS", 100);
    let some_new: Fault = |draws, clients| {
        // A tenth of the clients of each category has a new level.
        for levels in &mut clients.levels {
            change_some_values(draws, Some(levels), 0.1, |_| 999.0);
        }
    };
    let renamed: Fault = |_, clients| {
        for level in clients.levels.iter_mut().flatten() {
            *level += f64::from(u8::from(*level < 3.0)) * 1000.0;
        }
    };
    for (name, fault) in [("new levels", some_new), ("renamed levels", renamed)] {
        for columns in COLUMNS {
            print!("mixed, {columns} columns, {name}:");
            for rows in batches() {
                let mut draws = Draws(rows as u64);
                let named = (0..trials).filter(|_| {
                    let reference = clients(&mut draws, Family::Mixed, columns, REFERENCE);
                    let mut current = clients(&mut draws, Family::Mixed, columns, rows);
                    fault(&mut draws, &mut current);
                    let checked = check_columns(pairs(&[reference, current]), |_| true);
                    let joint = checked
                        .joint
                        .map_or(Vec::new(), |it| it.changes_in_words(false));
                    joint.iter().any(|it| it.contains("the relation of"))
                });
                print!("  {rows} rows {}", named.count());
            }
            println!(" of {trials}");
        }
    }
}

#[test]
#[ignore = "takes minutes: a measurement, not a check"]
fn measured_alarms_of_small_files() {
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
    for columns in COLUMNS {
        for rows in BATCHES {
            for (name, fault) in [("unchanged", None), ("spread times 1.2", Some(FAULTS[3].1))] {
                let reference = clients(&mut draws, Family::Mixed, columns, REFERENCE);
                let mut current = clients(&mut draws, Family::Mixed, columns, rows);
                if let Some(fault) = fault {
                    fault(&mut draws, &mut current);
                }
                let pairs = pairs(&[reference, current]);
                let start = Instant::now();
                let joint = JointCells::of(&pairs, |_| true).unwrap();
                let start_of_columns = start.elapsed();
                let checked = check_columns(pairs, |_| true);
                let all = start.elapsed() - start_of_columns;
                let start = Instant::now();
                let found = joint.check(&checked.columns).unwrap();
                println!(
                    "{columns} columns, {rows} rows, {name}: all {all:?}, joint {:?}, p {}",
                    start.elapsed(),
                    found.p_value
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
        let sides: Vec<[Vec<f64>; 2]> = (0..5)
            .map(|_| [number(50_000), number(1_000_000)])
            .collect();
        let [reference, current] = [0, 1].map(|side| SortedColumn::of(&sides[0][side]));
        let start = Instant::now();
        let found = check_part_of_numbers(&reference, &current, CHECK_LEVEL);
        println!("part of one column: {:?}", start.elapsed());
        assert!(found.is_some());
        let sides = sides.into_iter();
        let pairs: Vec<ColumnPair> = sides
            .map(|sides| ColumnPair::numbers("x", [0, 0], sides))
            .collect();
        let start = Instant::now();
        let checked = check_columns(pairs, |_| true);
        println!(
            "1,000,000 × 5 beside 50,000, {values}: {:?}, {}",
            start.elapsed(),
            checked.verdict
        );
    }
}
