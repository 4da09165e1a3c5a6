//! The columns of a client table: which one names the client, which ones the model reads, and
//! which one it learns.

use serde::{Deserialize, Serialize};

use crate::digest;

/// The column roles; the default is that of the sample data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Column that names the client.
    pub id: String,
    /// Numeric columns that the model reads, in model order.
    pub features: Vec<String>,
    /// Column with the class, 0 (stayed) or 1 (left).
    pub target: String,
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            id: "corporation".into(),
            features: [
                "lastmonth_activity",
                "lastyear_activity",
                "number_of_employees",
            ]
            .map(String::from)
            .to_vec(),
            target: "exited".into(),
        }
    }
}

impl Schema {
    /// All columns in the order of finaldata.csv: id, features, target.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id)
            .chain(&self.features)
            .chain(std::iter::once(&self.target))
            .map(String::as_str)
    }

    /// Digest of the column roles; data written under another one must be made anew.
    pub fn digest(&self) -> String {
        let columns: Vec<&str> = self.columns().collect();
        digest::of_bytes(columns.join("\n").as_bytes())
    }
}
