//! The promise of a scorecard: its points, added by hand, give the model's probability.
//!
//! The reader in these tests knows only the file and its documentation. It uses no code of the
//! program.

use std::collections::HashMap;

use common::config::ScorecardSettings;
use common::ledger::DataPosition;
use dataset::{Table, level_code};
use model::{Model, Scorecard};

use super::Config;

/// Levels, most of them hostile to spreadsheets. Each is frequent enough for a row of its own.
const LEVELS: [&str; 6] = [
    "=cmd|' /C calc'!A0",
    "-1",
    "'=1+1",
    "=1+1",
    "@x, \"y\"",
    "plain",
];
/// Largest rounding error of the points of one row.
const ROUNDING: f64 = 0.005;

fn config(form: &str, scorecard: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "training":{{"form":"{form}","c":10.0}},"scorecard":{scorecard},
            "schema":{{"features":["=spend",{{"name":"plan","kind":"category"}},"age",
                {{"name":"region","kind":"category"}}]}}}}"#
    );
    let folder = tempfile::tempdir().unwrap();
    Config::parse(&folder.path().join("config.json"), &text).unwrap()
}

/// Rows of clients. Many spends and plans are missing, and a few ages and regions.
fn clients(config: &Config) -> Table {
    let mut table = Table::new(&config.schema);
    for row in 0..900_u32 {
        let draw = |of: u32| f64::from((row * 7919 + of * 104_729) % 1009) / 1009.0;
        let missing = |value: f64, is_missing: bool| if is_missing { f64::NAN } else { value };
        let spend = 400.0 * draw(1) - 100.0;
        let place = (draw(2) * LEVELS.len() as f64) as usize;
        let plan = table.add_level(1, LEVELS[place]);
        let region = table.add_level(3, ["north", "south"][usize::from(draw(3) > 0.6)]);
        let age = f64::from(20 + (row.wrapping_mul(2_654_435_761) >> 16) % 50);
        // The effect of the age depends on the plan: a pair of features.
        let pair_effect = if place > 2 { age - 45.0 } else { 45.0 - age } / 12.0;
        let risk = ((spend - 100.0).abs() / 150.0) + place as f64 / 6.0 + draw(5) + pair_effect;
        let cells = [
            missing(spend, row % 11 == 0),
            missing(plan, row % 13 == 0),
            missing(age, row % 200 == 0),
            missing(region, row % 250 == 0),
        ];
        table.push(row.to_string().as_bytes(), &cells, Some(risk > 1.7));
    }
    table
}

fn trained(config: &Config) -> (Model, Table) {
    let table = clients(config);
    let model = training::train(config, &table, 0..table.rows(), DataPosition::default());
    (model.unwrap(), table)
}

/// A client as a person knows it: a text for each feature.
type Client = [Option<String>; 4];

/// The file as a spreadsheet reads it.
struct Sheet(Vec<HashMap<String, String>>);

impl Sheet {
    fn of(csv: &[u8]) -> Self {
        let mut records = records(std::str::from_utf8(csv).unwrap()).into_iter();
        let header = records.next().unwrap();
        let named = records.map(|record| {
            assert_eq!(record.len(), header.len(), "{record:?}");
            header.iter().cloned().zip(record).collect()
        });
        Self(named.collect())
    }

    /// The points of a client, and the number of rows that gave them.
    fn points(&self, features: [&str; 4], client: &Client) -> (f64, usize) {
        let mut sum = number(&self.0[0], "points_at_from").unwrap();
        assert_eq!(self.0[0]["part"], "base");
        for (feature, cell) in features.into_iter().zip(client) {
            let own = self.0.iter().filter(|row| text(&row["feature"]) == feature);
            let own: Vec<_> = own.filter(|row| row["second_feature"].is_empty()).collect();
            let of_part = |part: &str| own.iter().copied().find(|row| row["part"] == part);
            sum += match cell {
                None => number(of_part("missing").unwrap(), "points_at_from").unwrap(),
                Some(cell) => match of_part("any other level") {
                    Some(other) => {
                        let mut levels = own.iter().filter(|row| row["part"] == "level");
                        let named = levels.find(|row| text(&row["level"]) == *cell);
                        number(named.copied().unwrap_or(other), "points_at_from").unwrap()
                    }
                    None => points_for_number(&own, cell.parse().unwrap()),
                },
            };
        }
        let pairs = self.pairs(features, client);
        let n_pairs = pairs.len();
        (
            sum + pairs.iter().sum::<f64>(),
            1 + features.len() + n_pairs,
        )
    }

    /// The points of each pair whose two features the client has.
    fn pairs(&self, features: [&str; 4], client: &Client) -> Vec<f64> {
        let cell = |feature: &str| {
            let named = features.iter().position(|name| *name == text(feature));
            client[named.unwrap()].as_deref()
        };
        let named_levels = |feature: &str, second: &str, prefix: &str| -> Vec<String> {
            let own = self.0.iter().filter(|row| row["feature"] == feature);
            let own = own.filter(|row| row["second_feature"] == second);
            own.map(|row| text(&row[&format!("{prefix}level")]))
                .collect()
        };
        let mut found = Vec::new();
        for row in self
            .0
            .iter()
            .filter(|row| !row["second_feature"].is_empty())
        {
            let (feature, second) = (&row["feature"], &row["second_feature"]);
            let sides = [("", feature), ("second_", second)];
            let shares = sides.map(|(prefix, name)| {
                let levels = named_levels(feature, second, prefix);
                share_of_range(row, prefix, cell(name)?, &levels)
            });
            let [Some(along), Some(across)] = shares else {
                continue;
            };
            let corner = |column: &str| number(row, column);
            let at = |from: f64, to: f64| from + (to - from) * along;
            let near = at(
                corner("points_at_from").unwrap(),
                corner("points_at_to").unwrap(),
            );
            let far = corner("points_at_from_second_to").zip(corner("points_at_to_second_to"));
            let far = far.map_or(near, |(from, to)| at(from, to));
            found.push(near + (far - near) * across);
        }
        found
    }
}

/// Position of a client's cell between the ends of a row's range, 0 to 1; 0 for a level. `None` if
/// the row does not apply to the cell.
fn share_of_range(
    row: &HashMap<String, String>,
    prefix: &str,
    cell: &str,
    levels: &[String],
) -> Option<f64> {
    let of = |column: &str| format!("{prefix}{column}");
    match row[&of("part")].as_str() {
        "level" => (text(&row[&of("level")]) == cell).then_some(0.0),
        "any other level" => (!levels.iter().any(|level| level == cell)).then_some(0.0),
        "range" => {
            let x: f64 = cell.parse().unwrap();
            let (from, to) = (number(row, &of("from")), number(row, &of("to")));
            let is_inside = from.is_none_or(|from| from <= x) && to.is_none_or(|to| x < to);
            let ends = from.zip(to);
            is_inside.then(|| ends.map_or(0.0, |(from, to)| (x - from) / (to - from)))
        }
        other => panic!("no part of a pair: {other}"),
    }
}

/// Points for a number, from the rows of its feature.
fn points_for_number(own: &[&HashMap<String, String>], x: f64) -> f64 {
    let holds = |row: &&&HashMap<String, String>| match row["part"].as_str() {
        "line" => true,
        "range" => {
            number(row, "from").is_none_or(|from| from <= x)
                && number(row, "to").is_none_or(|to| x < to)
        }
        _ => false,
    };
    let row = own.iter().find(holds).unwrap();
    let at_from = number(row, "points_at_from").unwrap();
    let at_to = number(row, "points_at_to").unwrap();
    match (
        number(row, "from"),
        number(row, "to"),
        number(row, "points_per_unit"),
    ) {
        (Some(from), _, Some(per_unit)) => at_from + per_unit * (x - from),
        (Some(from), Some(to), None) => at_from + (at_to - at_from) * (x - from) / (to - from),
        _ => {
            assert_eq!(at_from, at_to);
            at_from
        }
    }
}

fn number(row: &HashMap<String, String>, column: &str) -> Option<f64> {
    let cell = &row[column];
    (!cell.is_empty()).then(|| cell.parse().unwrap())
}

/// A name or level without the apostrophe that protects it.
fn text(cell: &str) -> String {
    cell.strip_prefix('\'').unwrap_or(cell).to_owned()
}

fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut is_quoted) =
        (vec![], vec![], String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    records
}

/// All training rows, and some clients that resemble none of them.
fn training_and_unusual_clients(table: &Table) -> Vec<Client> {
    let of_row = |row: usize| -> Client {
        std::array::from_fn(|feature| {
            let cell = table.in_memory().features[feature][row];
            let name = || {
                table
                    .in_memory()
                    .levels
                    .name(feature, cell)
                    .map(str::to_owned)
            };
            match feature {
                _ if cell.is_nan() => None,
                1 | 3 => name(),
                _ => Some(cell.to_string()),
            }
        })
    };
    let strange = [
        [Some("-5000"), Some("never seen"), Some("150"), Some("east")],
        [Some("1e9"), Some("'=1+1"), Some("-3.25"), None],
        [None, None, None, None],
    ];
    let strange = strange.map(|client| client.map(|cell| cell.map(str::to_owned)));
    (0..table.rows()).map(of_row).chain(strange).collect()
}

fn as_row(client: &Client) -> Vec<f64> {
    let cells = client.iter().enumerate();
    let cell = |(feature, cell): (usize, &Option<String>)| match cell {
        None => f64::NAN,
        Some(level) if feature == 1 || feature == 3 => level_code(level),
        Some(number) => number.parse().unwrap(),
    };
    cells.map(cell).collect()
}

#[test]
fn added_points_give_the_models_probability_within_rounding() {
    let features = ["=spend", "plan", "age", "region"];
    for (form, scorecard, scale) in [
        ("linear", "{}", (20.0, 600.0, 50.0)),
        ("curves", "{}", (20.0, 600.0, 50.0)),
        (
            "curves",
            r#"{"points_to_double_odds":50,"score":0,"odds":0.25}"#,
            (50.0, 0.0, 0.25),
        ),
        ("pairs", "{}", (20.0, 600.0, 50.0)),
    ] {
        let config = config(form, scorecard);
        let (model, table) = trained(&config);
        assert_eq!(model.predictor.form().to_string(), form);
        let csv = Scorecard::of(&model, config.scorecard).to_csv();
        let sheet = Sheet::of(&csv);
        let (to_double, score, odds): (f64, f64, f64) = scale;
        let mut largest: f64 = 0.0;
        for client in training_and_unusual_clients(&table) {
            let (points, n_rows) = sheet.points(features, &client);
            // More points mean better odds of staying.
            let stays = odds * 2_f64.powf((points - score) / to_double);
            let found = 1.0 / (1.0 + stays);
            let expected = model.scorer().probability(&as_row(&client));
            let bound = 0.25 * ROUNDING * n_rows as f64 * 2_f64.ln() / to_double;
            largest = largest.max((found - expected).abs());
            assert!(
                (found - expected).abs() <= bound + 1e-9,
                "{form}: {client:?}: {found} {expected}"
            );
        }
        assert!(largest > 1e-8, "the points are rounded: {largest}");
    }
}

#[test]
fn shares_and_rates_of_a_features_rows_are_those_of_the_training_rows() {
    let config = config("curves", "{}");
    let (model, table) = trained(&config);
    let sheet = Sheet::of(&Scorecard::of(&model, config.scorecard).to_csv());
    let labels: Vec<f64> = (0..table.rows())
        .map(|row| f64::from(u8::from(table.in_memory().labels[row] == Some(true))))
        .collect();
    let positives: f64 = labels.iter().sum();
    let base = number(&sheet.0[0], "positive_rate").unwrap();
    assert!((base - positives / 900.0).abs() < 1e-6);
    for (feature, name) in ["=spend", "plan", "age", "region"].into_iter().enumerate() {
        let own = sheet.0.iter().filter(|row| text(&row["feature"]) == name);
        let (mut shares, mut rates) = (0.0, 0.0);
        for row in own {
            let share = number(row, "share").unwrap();
            let rate = number(row, "positive_rate").unwrap_or(0.0);
            assert_eq!(row["share_counted"], "all rows");
            shares += share;
            rates += share * rate;
            let has = |cell: f64| match row["part"].as_str() {
                "missing" => cell.is_nan(),
                "level" => cell == level_code(&text(&row["level"])),
                "range" => {
                    number(row, "from").is_none_or(|from| from <= cell)
                        && number(row, "to").is_none_or(|to| cell < to)
                }
                _ => false,
            };
            if row["part"] == "any other level" {
                assert_eq!((share, row["positive_rate"].as_str()), (0.0, ""));
                continue;
            }
            let cells = table.in_memory().features[feature].iter().zip(&labels);
            let in_row: Vec<f64> = cells
                .filter(|(cell, _)| has(**cell))
                .map(|(_, it)| *it)
                .collect();
            assert!(
                (share - in_row.len() as f64 / 900.0).abs() < 1e-6,
                "{row:?}"
            );
            if !in_row.is_empty() {
                let expected = in_row.iter().sum::<f64>() / in_row.len() as f64;
                assert!((rate - expected).abs() < 1e-6, "{row:?}");
            }
        }
        assert!((shares - 1.0).abs() < 1e-4, "{name}: {shares}");
        assert!((rates - base).abs() < 1e-4, "{name}: {rates}");
    }
}

#[test]
fn a_sample_is_called_a_sample() {
    let config = config("curves", "{}");
    let (mut model, _) = trained(&config);
    for column in &mut model.profile.sample.columns {
        column.truncate(500);
    }
    let sheet = Sheet::of(&Scorecard::of(&model, config.scorecard).to_csv());
    for row in &sheet.0 {
        let (share, rate) = match row["part"].as_str() {
            "base" => ("all rows", "all rows"),
            "range" => ("sample", "sample"),
            "any other level" => ("all rows", ""),
            _ => ("all rows", "sample"),
        };
        assert_eq!(row["share_counted"], share, "{row:?}");
        if !row["positive_rate"].is_empty() {
            assert_eq!(row["rate_counted"], rate, "{row:?}");
        }
    }
}

#[test]
fn no_name_and_no_level_is_a_formula() {
    for form in ["linear", "curves"] {
        let config = config(form, "{}");
        let (model, _) = trained(&config);
        let csv = Scorecard::of(&model, ScorecardSettings::default()).to_csv();
        let sheet = Sheet::of(&csv);
        let mut levels = Vec::new();
        for row in &sheet.0 {
            for (column, cell) in row {
                let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                assert!(
                    !is_formula || cell.parse::<f64>().is_ok(),
                    "{column} {cell}"
                );
            }
            for column in ["feature", "level", "second_feature", "second_level"] {
                assert!(!row[column].starts_with(['=', '+', '-', '@']), "{row:?}");
            }
            if row["part"] == "level" && row["feature"] == "plan" {
                levels.push(text(&row["level"]));
            }
        }
        levels.sort();
        let mut expected = LEVELS.map(str::to_owned);
        expected.sort();
        assert_eq!(levels, expected);
    }
}
