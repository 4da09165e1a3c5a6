//! Rows of the tests, in memory and as a view or table of the engine.

use std::fmt::Write;

use cluster::{Column, Connection, Dialect, FlightConnection, Relation, Source};
use common::Schema;
use common::schema::{CategoryRules, Feature, Kind};
use dataset::Table;
use dataset::passes::{Axis, Term};

/// Features that are numbers; the categories follow.
const NUMBERS: usize = 3;

/// Names of features, levels and views that would leave their quotes if quoting was wrong.
const HOSTILE_NAMES: [&str; 5] = ["x`; DROP", "it's \"y\"", "place", "plan\\`", "é 'z' --"];
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
    /// The client. Its id and its number are the same here.
    number: u32,
    label: Option<bool>,
    cells: Vec<Value>,
}

/// Rows in ingestion order.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    view: String,
    names: Vec<String>,
    rows: Vec<Row>,
}

/// How random rows are made.
pub(crate) struct Shape {
    pub(crate) rows: usize,
    /// True if names and levels contain quotes and other characters with a meaning in SQL.
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

/// Rows with ties, missing cells and labels, and several rows of most clients.
pub(crate) fn random(seed: u64, shape: Shape) -> Rows {
    let mut draws = Draws(seed);
    let mut rows = Vec::new();
    for _ in 0..shape.rows {
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
            number: (client as u32).wrapping_mul(2_654_435_761),
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

/// Rows that are computed from their place by whole numbers only, so that the engine can compute them too.
pub(crate) fn generated(n_rows: usize) -> Rows {
    let rows = (0..n_rows as u64).map(|id| {
        let x = id * 7919 % 1000;
        let y = id * 104_729 % 2003;
        let z = id * 1_299_709 % 601;
        let plan = ["basic", "plus", "gold"][(id % 3) as usize];
        let city = format!("city {}", id * 31 % 12);
        Row {
            number: ((id / 2) * 2_654_435_761 % (1 << 32)) as u32,
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
        Source {
            dialect: Dialect::Spark,
            relation: Relation::Named(self.view.clone()),
            features: self.schema().features.iter().map(Column::of).collect(),
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
            table.push_of_client(u64::from(row.number), row.number, &cells, row.label);
        }
        table
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
        let never = Row {
            number: 0,
            label: None,
            cells: vec![
                Value::Number(None),
                Value::Number(None),
                Value::Number(None),
                Value::Level(None),
                Value::Level(None),
            ],
        };
        let places: Vec<usize> = (0..self.rows.len()).collect();
        let hashes = self.table().row_hashes(&places);
        let rows = self.rows.iter().zip(hashes).zip(0_i64..);
        let rows = rows.map(|((row, hash), place)| (row, hash >> 32, place));
        let mut lines = String::new();
        for (row, draw, place) in rows.chain([(&never, 0, -1)]) {
            let label = row.label.map(|label| f64::from(u8::from(label)));
            let comma = if lines.is_empty() { "" } else { ", " };
            write!(
                lines,
                "{comma}(CAST({place} AS BIGINT), CAST({client} AS BIGINT), CAST({client} AS BIGINT), CAST({draw} AS BIGINT), {}",
                number(label),
                client = row.number,
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
        let features = (0..self.names.len()).map(|feature| format!("x{feature}"));
        let names = ["place", "client", "number", "draw", "y"].map(str::to_owned);
        let names: Vec<String> = names.into_iter().chain(features).collect();
        let statement = format!(
            "CREATE OR REPLACE TEMPORARY VIEW {} AS SELECT * FROM VALUES {lines} AS v ({}) WHERE place >= 0",
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
             SELECT id AS place,
             (id DIV 2) * 2654435761 % 4294967296 AS client,
             (id DIV 2) * 2654435761 % 4294967296 AS number,
             CAST(0 AS BIGINT) AS draw,
             CASE WHEN id * 15485863 % 997 < 200 + (id * 7919 % 1000) DIV 2 THEN 1e0 ELSE 0e0 END AS y,
             CAST(id * 7919 % 1000 AS DOUBLE) / 100e0 AS x0,
             CASE WHEN id * 104729 % 2003 > 40 THEN CAST(id * 104729 % 2003 AS DOUBLE) / 10e0 END AS x1,
             CAST(id * 1299709 % 601 AS DOUBLE) AS x2,
             CASE id % 3 WHEN 0 THEN 'basic' WHEN 1 THEN 'plus' ELSE 'gold' END AS x3,
             CONCAT('city ', CAST(id * 31 % 12 AS STRING)) AS x4
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
