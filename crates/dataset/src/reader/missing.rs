//! Counts the missing cells of a file, if the schema limits their share.
//!
//! The share is known only after the last row. A separate pass therefore counts the missing cells
//! before any row of the file is ingested. It keeps only the counts.

use std::path::Path;

use common::Schema;

use super::{BulkReader, FileProblem, ParsedRows, Scratch, TargetColumn, Wanted};
use crate::data_file::DataFile;
use crate::text::escaped;
use crate::tokenizer::Format;

/// Counts of missing cells in the rows read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingCounts {
    rows: u64,
    /// By feature, in schema order. Empty if the schema limits no share.
    missing: Vec<u64>,
}

impl MissingCounts {
    /// Adds rows that were parsed under the schema, including rejected ones.
    pub fn add(&mut self, rows: &ParsedRows) {
        self.rows += rows.read();
        if self.missing.len() < rows.missing.len() {
            self.missing.resize(rows.missing.len(), 0);
        }
        for (sum, count) in self.missing.iter_mut().zip(&rows.missing) {
            *sum += count;
        }
    }

    /// The reason to reject a file with these counts, with all columns that exceed their share.
    /// `None` if no column does.
    pub fn rejection(&self, schema: &Schema) -> Option<String> {
        let rows = self.rows;
        let columns = schema.features.iter().zip(&self.missing);
        let reasons: Vec<String> = columns
            .filter_map(|(feature, missing)| {
                let largest = feature.kind.missing_share().largest()?;
                let is_beyond = *missing as f64 / rows as f64 > largest;
                is_beyond.then(|| {
                    let name = escaped(feature.name.as_bytes());
                    format!("{name} is missing in {missing} of {rows} rows, and the largest share the schema allows is {largest}")
                })
            })
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// The reason to reject a file because of its missing cells; `None` if there is none.
///
/// Also `None` if the file is unusable for another reason, such as its header or a quote that is
/// never closed. Reading its rows then reports that reason.
pub fn missing_too_often(
    path: &Path,
    format: Format,
    schema: &Schema,
) -> Result<Option<String>, FileProblem> {
    if !schema.limits_missing_shares() {
        return Ok(None);
    }
    let file = DataFile::open(path).map_err(FileProblem::Unreadable)?;
    let mut reader = match BulkReader::open(file, format, schema, TargetColumn::Read) {
        Ok(reader) => reader,
        Err(FileProblem::Unusable(_)) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let mut counts = MissingCounts::default();
    let read = reader.take_rows(Wanted::VALUES, &mut Scratch::default(), |rows| {
        counts.add(rows);
        Ok(())
    });
    match read {
        Ok(()) => Ok(counts.rejection(schema)),
        Err(FileProblem::Unusable(_)) => Ok(None),
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use common::schema::{Kind, MissingShare, NumberRules, Presence};

    use super::*;

    fn schema(largest: f64) -> Schema {
        let mut schema = Schema::default();
        schema.features[1].kind = Kind::Number(NumberRules {
            missing_share: MissingShare::new(largest).unwrap(),
            ..NumberRules::default()
        });
        schema
    }

    fn asked(rows: &str, schema: &Schema) -> Option<String> {
        let header = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n";
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{header}{rows}").unwrap();
        missing_too_often(file.path(), Format::FOREIGN, schema).unwrap()
    }

    #[test]
    fn a_share_is_of_all_rows_and_may_be_reached() {
        let rows = "a,1,,3\nb,1,NA,3\nc,1,2,3\nd,1,2,3\n";
        assert_eq!(asked(rows, &schema(0.5)), None);
        assert_eq!(
            asked(rows, &schema(0.49)).unwrap(),
            "lastyear_activity is missing in 2 of 4 rows, and the largest share the schema allows is 0.49"
        );
        assert_eq!(asked("", &schema(0.0)), None, "no row misses nothing");
        assert_eq!(asked(rows, &Schema::default()), None);
    }

    #[test]
    fn a_share_written_in_decimals_is_reached_exactly() {
        let rows: String = (0..100)
            .map(|row| if row < 29 { "a,1,,3\n" } else { "a,1,2,3\n" })
            .collect();
        assert_eq!(asked(&rows, &schema(0.29)), None);
        assert!(asked(&rows, &schema(0.28)).is_some());
    }

    #[test]
    fn rejected_rows_count_too() {
        let mut schema = schema(0.5);
        let Kind::Number(rules) = &mut schema.features[1].kind else {
            panic!("a column of numbers");
        };
        rules.presence = Presence::Required;
        let rows = "a,x,,3\nb,1,,3\nc,1,2\n";
        assert!(asked(rows, &schema).unwrap().contains("2 of 3 rows"));
    }

    #[test]
    fn blocks_are_counted_together() {
        let row = "a client with a name of some length,1,,3\n";
        let rows = row.repeat(40_000);
        assert!(
            asked(&rows, &schema(0.5))
                .unwrap()
                .contains("40000 of 40000")
        );
    }
}
