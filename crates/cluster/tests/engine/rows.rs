//! Rows of the tests, in memory and as a view or table of the engine.

use std::fmt::Write;

use cluster::{Batch, Column, Dialect, FlightConnection, Source};
use common::Schema;
use common::schema::{CategoryRules, Feature, Kind};
use dataset::Table;
use dataset::passes::{Axis, Term};

/// Features that are numbers; the categories follow.
const NUMBERS: usize = 3;

/// Names of features, levels and views that would leave their quotes if quoting was wrong.
const HOSTILE_NAMES: [&str; 5] = ["x`; DROP", "it's \"y\"", "batch", "plan\\`", "é 'z' --"];
/// The last two are no levels of a model, but may be in a table.
const HOSTILE_LEVELS: [&str; 7] = [
    "plain",
    "it's",
    "back\\slash\\'",
    "\"quoted\"",
    "${x} %s ü\u{1F600}",
    "line\nbreak\ttab",
    " ",
];

/// A cell of a row.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Number(Option<f64>),
    Level(Option<String>),
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    client: String,
    number: u32,
    batch: usize,
    label: Option<bool>,
    cells: Vec<Value>,
}

/// Rows in ingestion order, in a few batches.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    view: String,
    names: Vec<String>,
    rows: Vec<Row>,
}

/// How random rows are made.
pub(crate) struct Shape {
    pub(crate) rows: usize,
    /// True if names and levels contain quotes and other signs of SQL.
    pub(crate) hostile: bool,
    /// True if a model can be fitted to the rows.
    pub(crate) is_usable: bool,
}

/// Random numbers.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// A number from −1 to 1.
    pub(crate) fn signed(&mut self) -> f64 {
        self.below(2_000_001) as f64 / 1e6 - 1.0
    }
}

/// Rows with ties, missing cells and labels, and several rows of most clients, in three batches.
pub(crate) fn random(seed: u64, shape: Shape) -> Rows {
    let mut draws = Draws(seed);
    let mut rows = Vec::new();
    for place in 0..shape.rows {
        let client = draws.below(shape.rows / 2 + 1);
        let x = (draws.below(9) > 0).then(|| draws.below(8) as f64 - 3.5);
        let y = (draws.below(12) > 0).then(|| draws.signed() * 1e3);
        let level = |draws: &mut Draws| {
            let n_levels = HOSTILE_LEVELS.len() - if shape.is_usable { 2 } else { 0 };
            let level = HOSTILE_LEVELS[draws.below(n_levels)];
            (draws.below(8) > 0).then(|| level.to_owned())
        };
        let cells = vec![
            Value::Number(x),
            Value::Number(y),
            Value::Number(Some(7.25)),
            Value::Level(level(&mut draws)),
            Value::Level(level(&mut draws)),
        ];
        let log_odds = x.unwrap_or(1.0) + y.unwrap_or(0.0) / 500.0 + 3.0 * draws.signed();
        rows.push(Row {
            client: format!("client '{client}' \\"),
            number: (client as u32).wrapping_mul(2_654_435_761),
            batch: place * 3 / shape.rows,
            label: (draws.below(10) > 0).then_some(log_odds > 0.0),
            cells,
        });
    }
    let names = match shape.hostile {
        true => HOSTILE_NAMES.map(str::to_owned),
        false => ["x", "y", "z", "plan", "city"].map(str::to_owned),
    };
    let process = std::process::id();
    Rows {
        view: format!("rows` '\" {seed} {process}"),
        names: names.to_vec(),
        rows,
    }
}

/// Rows of any number, made of their place by whole numbers, so that the engine can make them too.
pub(crate) fn generated(n_rows: usize) -> Rows {
    let rows = (0..n_rows as u64).map(|id| {
        let x = id * 7919 % 1000;
        let y = id * 104_729 % 2003;
        let z = id * 1_299_709 % 601;
        let plan = ["basic", "plus", "gold"][(id % 3) as usize];
        let city = format!("city {}", id * 31 % 12);
        Row {
            client: (id / 2).to_string(),
            number: ((id / 2) * 2_654_435_761 % (1 << 32)) as u32,
            batch: (id * 3 / n_rows as u64) as usize,
            label: Some(id * 15_485_863 % 997 < 200 + x / 2),
            cells: vec![
                Value::Number(Some(x as f64 / 100.0)),
                Value::Number((y > 40).then_some(y as f64 / 10.0)),
                Value::Number(Some(z as f64)),
                Value::Level(Some(plan.to_owned())),
                Value::Level(Some(city)),
            ],
        }
    });
    Rows {
        view: format!("generated_{n_rows}"),
        names: ["x", "y", "z", "plan", "city"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The first row of each batch.
    pub(crate) fn batches(&self) -> Vec<usize> {
        let starts = self.rows.iter().enumerate();
        let starts =
            starts.filter(|(place, row)| *place == 0 || self.rows[place - 1].batch != row.batch);
        starts.map(|(place, _)| place).collect()
    }

    pub(crate) fn schema(&self) -> Schema {
        let features = self.names.iter().enumerate().map(|(place, name)| Feature {
            name: name.clone(),
            kind: match place < NUMBERS {
                true => Feature::from("x").kind,
                false => Kind::Category(CategoryRules::default()),
            },
        });
        Schema {
            id: Some("client".into()),
            features: features.collect(),
            ..Schema::default()
        }
    }

    pub(crate) fn source(&self) -> Source {
        let batches = self.batches();
        Source {
            dialect: Dialect::Spark,
            table: self.view.clone(),
            client: "the client".into(),
            number: "the number".into(),
            batch: "the run".into(),
            label: "the label".into(),
            features: self
                .names
                .iter()
                .enumerate()
                .map(|(place, name)| match place < NUMBERS {
                    true => Column::Number(name.clone()),
                    false => Column::Category(name.clone()),
                })
                .collect(),
            batches: batches
                .iter()
                .map(|first_row| Batch {
                    number: 10 + self.rows[*first_row].batch as i64,
                    first_row: *first_row,
                })
                .collect(),
            rows: self.rows.len(),
        }
    }

    /// The rows in memory. Folds are chosen by the number of a client.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(&self.schema());
        for row in &self.rows {
            let mut cells = Vec::new();
            for (feature, cell) in row.cells.iter().enumerate() {
                cells.push(match cell {
                    Value::Number(number) => number.unwrap_or(f64::NAN),
                    Value::Level(None) => f64::NAN,
                    Value::Level(Some(level)) => table.add_level(feature, level),
                });
            }
            table.push(row.client.as_bytes(), &cells, row.label);
        }
        let clients = self.rows.iter().map(|row| u64::from(row.number));
        *table.in_memory_mut().clients = clients.collect();
        *table.in_memory_mut().client_numbers = self.rows.iter().map(|row| row.number).collect();
        table
    }

    /// The client of each row.
    pub(crate) fn number_of(&self, client: u64) -> Option<u64> {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| dataset::client_hash(row.client.as_bytes()) == client)?;
        Some(u64::from(row.number))
    }

    /// Makes the view of the rows.
    pub(crate) fn lay(&self, connection: &FlightConnection) {
        let dialect = Dialect::Spark;
        let number = |number: Option<f64>| {
            number.map_or("CAST(NULL AS DOUBLE)".into(), |number| {
                format!("{number:e}")
            })
        };
        let text = |text: &Option<String>| {
            let text = text.as_ref().map(|text| dialect.text(text));
            text.unwrap_or_else(|| "CAST(NULL AS STRING)".into())
        };
        let mut lines = String::new();
        let never = Row {
            client: "nobody".into(),
            number: 0,
            batch: 9,
            label: None,
            cells: vec![
                Value::Number(None),
                Value::Number(None),
                Value::Number(None),
                Value::Level(None),
                Value::Level(None),
            ],
        };
        for row in self.rows.iter().chain([&never]) {
            let label = row
                .label
                .map_or("CAST(NULL AS INT)".into(), |it| u8::from(it).to_string());
            let client = dialect.text(&row.client);
            let comma = if lines.is_empty() { "" } else { ", " };
            write!(
                lines,
                "{comma}({client}, CAST({} AS BIGINT), {}, {label}",
                row.number,
                10 + row.batch
            )
            .unwrap();
            for cell in &row.cells {
                let cell = match cell {
                    Value::Number(value) => number(*value),
                    Value::Level(level) => text(level),
                };
                write!(lines, ", {cell}").unwrap();
            }
            lines.push(')');
        }
        let names = ["the client", "the number", "the run", "the label"].into_iter();
        let names = names.chain(self.names.iter().map(String::as_str));
        let names: Vec<String> = names.map(|name| dialect.name(name)).collect();
        let statement = format!(
            "CREATE OR REPLACE TEMPORARY VIEW {} AS SELECT * FROM VALUES {lines} AS v ({}) WHERE `the run` <> 19",
            dialect.name(&self.view),
            names.join(", ")
        );
        connection
            .execute("the view of a test", &statement)
            .unwrap();
    }

    /// Makes the table of [`generated`] rows, as Parquet.
    pub(crate) fn lay_generated(&self, connection: &FlightConnection) {
        let n_rows = self.rows.len();
        let folder = std::env::var("RISK_ENGINE_STORAGE").unwrap();
        let statement = format!(
            "CREATE TABLE {} USING parquet LOCATION '{folder}/{}' AS
             SELECT CAST(id DIV 2 AS STRING) AS `the client`,
             (id DIV 2) * 2654435761 % 4294967296 AS `the number`,
             10 + id * 3 DIV {n_rows} AS `the run`,
             CASE WHEN id * 15485863 % 997 < 200 + (id * 7919 % 1000) DIV 2 THEN 1 ELSE 0 END AS `the label`,
             CAST(id * 7919 % 1000 AS DOUBLE) / 100e0 AS x,
             CASE WHEN id * 104729 % 2003 > 40 THEN CAST(id * 104729 % 2003 AS DOUBLE) / 10e0 END AS y,
             CAST(id * 1299709 % 601 AS DOUBLE) AS z,
             CASE id % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'gold' END AS plan,
             CONCAT('city ', CAST(id * 31 % 12 AS STRING)) AS city
             FROM range({n_rows})",
            self.view, self.view
        );
        connection
            .execute("the rows to measure", &statement)
            .unwrap();
    }

    /// Terms and axes of a point, for measurements.
    pub(crate) fn point(&self) -> (Vec<Term<'static>>, Vec<Axis>) {
        let terms = Term::numbers(NUMBERS);
        let axis = |scale| Axis {
            scale,
            shift: 0.1,
            imputed: 5.0,
        };
        (terms, [3.0, 60.0, 170.0].map(axis).to_vec())
    }
}
