//! Rows of clients, with their true labels and as the pipeline gets them; and the configuration of
//! the pipeline that reads them.

use std::path::Path;

use common::schema::{CategoryRules, Feature, Kind};
use common::{Config, Schema};
use dataset::Table;

/// A row of a client.
pub(crate) struct Row {
    /// One value per feature. A category has the number of its level.
    pub(crate) values: Vec<f64>,
    /// The true label.
    pub(crate) left: bool,
    /// The label as the pipeline gets it.
    pub(crate) observed: bool,
    /// Number of the client; `None` if no other row is the client's.
    pub(crate) client: Option<usize>,
}

/// The same rows twice: with true labels, and as the pipeline gets them.
pub(crate) struct Rows {
    pub(crate) observed: Table,
    pub(crate) truth: Table,
    categories: Vec<usize>,
}

impl Row {
    /// The only row of its client, with the true label.
    pub(crate) fn of(values: Vec<f64>, left: bool) -> Self {
        Self {
            values,
            left,
            observed: left,
            client: None,
        }
    }
}

impl Rows {
    pub(crate) fn new(schema: &Schema) -> Self {
        let features = schema.features.iter().enumerate();
        let categories = features.filter(|(_, feature)| feature.kind.is_category());
        Self {
            observed: Table::new(schema),
            truth: Table::new(schema),
            categories: categories.map(|(place, _)| place).collect(),
        }
    }

    /// Adds a row. `id` is the number of its client if no other row is the client's.
    pub(crate) fn push(&mut self, id: usize, row: Row) {
        let name = client(row.client.unwrap_or(id));
        for (table, label) in [
            (&mut self.observed, row.observed),
            (&mut self.truth, row.left),
        ] {
            let mut values = row.values.clone();
            for place in &self.categories {
                values[*place] = table.add_level(*place, &format!("level {}", values[*place]));
            }
            table.push(name.as_bytes(), &values, Some(label));
        }
    }
}

/// The name of a client.
pub(crate) fn client(id: usize) -> String {
    format!("client {id}")
}

/// A schema of numbers, then categories.
pub(crate) fn schema(numbers: &[&str], categories: &[&str]) -> Schema {
    let category = |name: &&str| Feature {
        name: (*name).to_owned(),
        kind: Kind::Category(CategoryRules::default()),
    };
    let numbers = numbers.iter().map(|name| Feature::from(*name));
    Schema {
        features: numbers.chain(categories.iter().map(category)).collect(),
        ..Schema::default()
    }
}

/// A schema of `features` numbers.
pub(crate) fn numbers(features: usize) -> Schema {
    let names: Vec<String> = (1..=features).map(|number| format!("x{number}")).collect();
    schema(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

/// A configuration with this `drift.trigger`, for code that does not use its folders.
pub(crate) fn config(trigger: &str, schema: &Schema) -> Config {
    config_in(Path::new("/"), trigger, schema)
}

/// A configuration with this `drift.trigger` and its folders in `folder`.
pub(crate) fn config_in(folder: &Path, trigger: &str, schema: &Schema) -> Config {
    let features = serde_json::to_string(&schema.features).expect("a schema");
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"verify_rows":0}},"drift":{{"trigger":"{trigger}"}},
        "diagnostics":{{"check_updates":false}},
        "ingestion":{{"settle_seconds":0}},"state_folder_path":"state",
        "schema":{{"features":{features}}}}}"#
    );
    Config::parse(&folder.join("config.json"), &text).expect("a configuration")
}
