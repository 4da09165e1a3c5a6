//! The sample data: ten thousand artificial corporate clients in a world that changes.
//!
//! The story: until the end of 2025 a client leaves after it goes quiet. The sign is much use over
//! the year and little in the last month. Large companies stay, because moving is hard for them. In
//! 2026 a competitor sells a package by the seat and moves its buyers for free. Now a client is the
//! more likely to leave, the more employees it has, whether it is active or not. These clients were
//! the most loyal ones before. A model of 2025 misses them, and a model trained on the exports of
//! 2026 finds them. `testdata` was held back over the whole period. One half is from before the
//! change and one half from after it, so it is fair to both models.
//!
//! A client exits by a draw from a logistic law that is linear in the three raw columns. A logistic
//! regression is therefore the right model, and its errors are only noise. The exports are
//! realistic: they overlap, have missing cells, write numbers in two ways, and have a few broken
//! rows. One file lacks a column. `newclients` are a thousand clients of which nobody knows yet who
//! leaves.
//!
//! Limits: there is only integer arithmetic, so that every machine writes the same bytes. A client
//! has one row and is not followed over time. All drawn clients are in memory at once.

use crate::draws::Draws;

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Path of the file, relative to the repository's `data` folder.
    pub path: &'static str,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

/// A world: the law by which clients leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Up to 2025: quiet clients leave, large ones stay.
    Before,
    /// From 2026: the competitor's package draws the large ones away.
    After,
    /// As `Before` with less noise: a model of `Before` scores higher here than at home.
    Clear,
}

/// A client, and whether it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// A made-up name and a number no other client of any seed has; the name may hold a comma.
    pub corporation: String,
    /// Actions in the last month, 0 to about 1,900.
    pub lastmonth_activity: u32,
    /// Actions in the last year, about 480 to 17,000.
    pub lastyear_activity: u32,
    /// Employees, 1 to about 1,000.
    pub number_of_employees: u32,
    /// True if the client left.
    pub exited: bool,
}

/// Draws `n` clients. The same seed gives the same companies in every world: only who exits
/// differs. Different seeds share no client as long as `n` is at most 100,000. The shipped files
/// use the seeds below 10.
pub fn clients(world: World, seed: u64, n: usize) -> Vec<Client> {
    let mut draws = Draws { state: seed };
    let first = seed.wrapping_mul(100_000);
    (0..n as u64)
        .map(|index| client(world, first.wrapping_add(index), &mut draws))
        .collect()
}

/// The clients as a clean CSV file; of no clients, the header alone.
pub fn to_csv(clients: &[Client]) -> Vec<u8> {
    csv(&table(clients))
}

/// All shipped files, sorted by path.
pub fn files() -> Vec<SampleFile> {
    let before = clients(World::Before, 1, 4_900);
    let after = clients(World::After, 2, 3_100);
    let mut held_back = clients(World::Before, 3, 1_000);
    held_back.extend(clients(World::After, 4, 1_000));
    let new = clients(World::After, 5, 1_000);
    let files = [
        ("newclients/clients_2026_q3.csv", without_labels(&new)),
        (
            "practicedata/clients_2025_h1.csv",
            export(&before[..2_600], 0, &BLEMISHES_2025_H1),
        ),
        (
            "practicedata/clients_2025_h2.csv",
            export(&before[2_300..], 300, &BLEMISHES_2025_H2),
        ),
        (
            "sourcedata/clients_2026_q1.csv",
            export(&after[..1_650], 0, &BLEMISHES_2026_Q1),
        ),
        (
            "sourcedata/clients_2026_q2.csv",
            export(&after[1_500..], 150, &BLEMISHES_2026_Q2),
        ),
        (
            "sourcedata/export_without_employees.csv",
            without_employees(&after[1_650..1_700]),
        ),
        ("testdata/clients_held_back.csv", to_csv(&held_back)),
    ];
    files
        .map(|(path, bytes)| SampleFile { path, bytes })
        .to_vec()
}

/// The header of every complete file.
pub const HEADER: &str =
    "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited";

/// A defect: a cell of an export and its wrong text, as line (from 1), column (from 0) and text. A
/// text with a comma makes one field too many. No defect is in rows that two exports share, so that
/// each counts once.
type Blemish = (usize, usize, &'static str);

const BLEMISHES_2025_H1: [Blemish; 7] = [
    (141, 1, ""),
    (418, 1, "12 k"),
    (702, 3, "NA"),
    (977, 4, "2"),
    (1_254, 3, "1,250"),
    (1_530, 2, ""),
    (2_011, 3, ""),
];
const BLEMISHES_2025_H2: [Blemish; 5] = [
    (533, 2, "NA"),
    (871, 3, ""),
    (1_208, 2, "4 k"),
    (1_649, 1, ""),
    (2_322, 4, "2"),
];
const BLEMISHES_2026_Q1: [Blemish; 5] = [
    (96, 3, "NA"),
    (389, 3, "1,100"),
    (745, 1, ""),
    (1_020, 2, "7 k"),
    (1_377, 3, ""),
];
const BLEMISHES_2026_Q2: [Blemish; 4] = [
    (284, 2, ""),
    (655, 4, "2"),
    (1_013, 1, "NA"),
    (1_466, 1, "about 90"),
];

/// The log-odds of leaving, in millionths: at zero, then for each unit of the three columns. The
/// sizes were chosen so that a logistic regression has a ROC-AUC near 0.84 and an F1 near 0.7 in
/// its own world, and so that the change costs the old model more than chance could.
type Law = [i64; 4];
const BEFORE: Law = [1_100_000, -10_500, 370, -3_000];
const AFTER: Law = [500_000, -8_600, 50, 3_200];

/// Factor of the log-odds in `World::Clear`, compared with `World::Before`.
const CLEARNESS: i64 = 3;

/// The logistic function at 0, 0.5, 1, … 8, in shares of 65,536. A straight line between two of
/// them is off by less than 0.003, far less than 5,000 rows can show.
const LOGISTIC: [i64; 17] = [
    32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374,
    65438, 65476, 65500, 65514,
];
const LOGISTIC_STEP: i64 = 500_000;

const BEGINNINGS: [&str; 16] = [
    "Bral", "Corv", "Dren", "Felm", "Garv", "Hesk", "Jorl", "Keld", "Lorv", "Morn", "Narv", "Osk",
    "Pelv", "Quor", "Tarn", "Vesk",
];
const ENDINGS: [&str; 12] = [
    "adan", "elis", "imar", "orik", "utan", "avel", "ezon", "imo", "onda", "usta", "arel", "ovin",
];

/// Draws the company first and its label last, so that the draws are the same in every world.
fn client(world: World, number: u64, draws: &mut Draws) -> Client {
    let corporation = name(number, draws);
    // The activity of a usual month. The last month and the year vary around it.
    let usual = 60 + draws.skewed(1_240);
    let mut client = Client {
        corporation,
        lastmonth_activity: usual * draws.below(1_501) / 1_000,
        lastyear_activity: usual * (8_000 + draws.below(5_001)) / 1_000,
        number_of_employees: 1 + draws.skewed(1_000),
        exited: false,
    };
    client.exited = i64::from(draws.below(65_536)) < logistic(log_odds(world, &client));
    client
}

fn name(number: u64, draws: &mut Draws) -> String {
    let mut word = || format!("{}{}", draws.pick(&BEGINNINGS), draws.pick(&ENDINGS));
    let (owner, partner) = (word(), word());
    // One in a hundred is a partnership: a comma in the name, so a quoted field in the file.
    match draws.below(100) {
        0 => format!("{owner}, {partner} & Co {number}"),
        _ => format!("{owner} {number}"),
    }
}

fn log_odds(world: World, client: &Client) -> i64 {
    let ([start, lastmonth, lastyear, employees], clearness) = match world {
        World::Before => (BEFORE, 1),
        World::After => (AFTER, 1),
        World::Clear => (BEFORE, CLEARNESS),
    };
    let sum = start
        + lastmonth * i64::from(client.lastmonth_activity)
        + lastyear * i64::from(client.lastyear_activity)
        + employees * i64::from(client.number_of_employees);
    clearness * sum
}

/// The chance in shares of 65,536 at log-odds in millionths. Beyond log-odds of ±8 it is constant.
fn logistic(log_odds: i64) -> i64 {
    let last = LOGISTIC.len() - 1;
    let distance = log_odds.abs().min(LOGISTIC_STEP * last as i64);
    let left = ((distance / LOGISTIC_STEP) as usize).min(last - 1);
    let rise = LOGISTIC[left + 1] - LOGISTIC[left];
    let chance = LOGISTIC[left] + rise * (distance - LOGISTIC_STEP * left as i64) / LOGISTIC_STEP;
    if log_odds < 0 {
        65_536 - chance
    } else {
        chance
    }
}

/// The header and a row for each client, with every field as written in the file.
fn table(clients: &[Client]) -> Vec<Vec<String>> {
    let header = HEADER.split(',').map(str::to_owned).collect();
    std::iter::once(header)
        .chain(clients.iter().map(cells))
        .collect()
}

fn cells(client: &Client) -> Vec<String> {
    let mut corporation = client.corporation.clone();
    if corporation.contains(',') {
        corporation = format!("\"{corporation}\"");
    }
    vec![
        corporation,
        client.lastmonth_activity.to_string(),
        client.lastyear_activity.to_string(),
        client.number_of_employees.to_string(),
        u8::from(client.exited).to_string(),
    ]
}

fn csv(table: &[Vec<String>]) -> Vec<u8> {
    let mut text = String::new();
    for line in table {
        text.push_str(&line.join(","));
        text.push('\n');
    }
    text.into_bytes()
}

/// An export as it arrives. Its first `repeated` rows are also the last rows of the export before it.
/// Every third of these rows was written by a program that adds `.0` to numbers. It is still the same row.
fn export(clients: &[Client], repeated: usize, blemishes: &[Blemish]) -> Vec<u8> {
    let mut lines = table(clients);
    for row in lines[1..=repeated].iter_mut().step_by(3) {
        row[1..4]
            .iter_mut()
            .for_each(|number| number.push_str(".0"));
    }
    for &(line, column, text) in blemishes {
        lines[line - 1][column] = text.to_owned();
    }
    csv(&lines)
}

/// The first attempt at the second export of 2026: a column short, so the whole file is refused.
fn without_employees(clients: &[Client]) -> Vec<u8> {
    let mut lines = table(clients);
    for line in &mut lines {
        line.remove(3);
    }
    csv(&lines)
}

/// Clients whose label is not known yet: there is no target column.
fn without_labels(clients: &[Client]) -> Vec<u8> {
    let mut lines = table(clients);
    for line in &mut lines {
        line.pop();
    }
    csv(&lines)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Compares only the CSV files of the input folders, because runs and desktops leave other
    /// files beside them.
    #[test]
    fn the_shipped_files_are_what_the_generator_writes() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
        let mut shipped = BTreeMap::new();
        for folder in ["newclients", "practicedata", "sourcedata", "testdata"] {
            for entry in fs::read_dir(data.join(folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if path.ends_with(".csv") {
                    shipped.insert(path, fs::read(entry.path()).unwrap());
                }
            }
        }
        let files = files();
        let expected: BTreeSet<&str> = files.iter().map(|file| file.path).collect();
        let found: BTreeSet<&str> = shipped.keys().map(String::as_str).collect();
        assert_eq!(found, expected);
        for file in &files {
            // Not `assert_eq`: on failure it would print both files.
            assert!(shipped[file.path] == file.bytes, "{} differs", file.path);
        }
    }

    #[test]
    fn a_client_is_the_same_company_in_every_world() {
        let company = |client: Client| Client {
            exited: false,
            ..client
        };
        let draw = |world| clients(world, 9, 500).into_iter().map(company);
        assert!(draw(World::Before).eq(draw(World::After)));
        assert!(draw(World::Before).eq(draw(World::Clear)));
    }

    #[test]
    fn the_chance_is_a_half_at_no_evidence_and_symmetric() {
        assert_eq!(logistic(0), 32_768);
        assert_eq!(logistic(1_250_000), 40_793 + 7_118 + 5_670 / 2);
        assert_eq!(logistic(-1_250_000) + logistic(1_250_000), 65_536);
        assert_eq!(logistic(i64::from(u32::MAX)), 65_514);
    }
}
