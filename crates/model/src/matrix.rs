//! Small matrices, with one row and one column per column of a model, and their decompositions.

mod cholesky;
mod eigen;

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use ndarray::Array2;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

pub use self::cholesky::Cholesky;
pub use self::eigen::{Eigen, dot, eigen};

/// A matrix that is stored: its written form is a list of rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<f64>>", into = "Vec<Vec<f64>>")]
pub struct Matrix(Array2<f64>);

impl From<Array2<f64>> for Matrix {
    fn from(matrix: Array2<f64>) -> Self {
        Self(matrix)
    }
}

impl Deref for Matrix {
    type Target = Array2<f64>;

    fn deref(&self) -> &Array2<f64> {
        &self.0
    }
}

impl DerefMut for Matrix {
    fn deref_mut(&mut self) -> &mut Array2<f64> {
        &mut self.0
    }
}

impl TryFrom<Vec<Vec<f64>>> for Matrix {
    type Error = &'static str;

    fn try_from(rows: Vec<Vec<f64>>) -> Result<Self, &'static str> {
        let columns = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != columns) {
            return Err("the rows of a matrix differ in length");
        }
        let shape = (rows.len(), columns);
        let entries = rows.into_iter().flatten().collect();
        let matrix = Array2::from_shape_vec(shape, entries);
        matrix
            .map(Self)
            .map_err(|_| "a matrix has too many entries")
    }
}

impl From<Matrix> for Vec<Vec<f64>> {
    fn from(matrix: Matrix) -> Self {
        matrix.outer_iter().map(|row| row.to_vec()).collect()
    }
}

impl JsonSchema for Matrix {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<Vec<f64>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Vec<f64>>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_matrix_is_written_row_by_row_and_read_again() {
        let matrix = Matrix::from(array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let text = serde_json::to_string(&matrix).unwrap();
        assert_eq!(text, "[[1.0,2.0,3.0],[4.0,5.0,6.0]]");
        assert_eq!(serde_json::from_str::<Matrix>(&text).unwrap(), matrix);
        assert!(serde_json::from_str::<Matrix>("[]").unwrap().is_empty());
        assert!(serde_json::from_str::<Matrix>("[[1.0],[2.0,3.0]]").is_err());
    }
}
