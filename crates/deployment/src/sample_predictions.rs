//! Sample predictions: a model's predictions for a few training rows, stored in the release. A program that
//! loads the model checks that the predictions are unchanged.

use common::manifest::SamplePrediction;
use model::Model;

/// Number of sample predictions in a release.
const SAMPLE_PREDICTIONS: usize = 20;
/// Largest accepted difference of two probabilities. The last bits may differ between processors.
const PROBABILITY_TOLERANCE: f64 = 1e-9;

/// Predictions for the first rows of the model's sample. Rows with a level whose text is unknown
/// are skipped.
pub(crate) fn sample_predictions(model: &Model) -> Vec<SamplePrediction> {
    let n_features = model.schema.features.len();
    let columns = model.profile.sample.columns.iter().take(n_features);
    let columns: Vec<&[f64]> = columns.map(Vec::as_slice).collect();
    let n_rows = columns.first().map_or(0, |column| column.len());
    let (scorer, writer) = (model.scorer(), model.row_writer());
    let row = |place: usize| {
        columns
            .iter()
            .map(|column| column[place])
            .collect::<Vec<_>>()
    };
    (0..n_rows)
        .map(row)
        .filter_map(|row| {
            Some(SamplePrediction {
                probability: scorer.probability(&row),
                row: writer.written(&row)?,
            })
        })
        .take(SAMPLE_PREDICTIONS)
        .collect()
}

/// Checks a model against the stored sample predictions. The error completes a sentence about the
/// model's file.
pub(crate) fn check_sample_predictions(
    model: &Model,
    stored: &[SamplePrediction],
) -> Result<(), String> {
    let scorer = model.scorer();
    for sample in stored {
        let Some(row) = model.read_row(&sample.row) else {
            return Err("reads other columns than the sample predictions in its manifest".into());
        };
        let found = scorer.probability(&row);
        // A comparison with NaN is false, so a prediction of NaN counts as changed.
        let is_same = (found - sample.probability).abs() <= PROBABILITY_TOLERANCE;
        if !is_same {
            return Err(format!(
                "predicts {found} for a row for which it predicted {} when it was published",
                sample.probability
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use common::Config;
    use common::ledger::DataPosition;
    use common::manifest::SampleCell;
    use dataset::{Table, level_code};

    use super::*;

    fn model_with_category() -> Model {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "schema":{"features":["x",{"name":"plan","kind":"category"}]}}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let mut table = Table::new(&config.schema);
        for row in 0..90_u32 {
            let plan = table.add_level(
                1,
                if row.is_multiple_of(3) {
                    "gold"
                } else {
                    "basic"
                },
            );
            let label = Some(row.is_multiple_of(4) || row > 60);
            table.push(
                row.to_string().as_bytes(),
                &[f64::from(row % 7), plan],
                label,
            );
        }
        training::train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap()
    }

    #[test]
    fn rows_that_cannot_be_written_down_are_replaced_by_others() {
        let mut model = model_with_category();
        for cell in &mut model.profile.sample.columns[1][..40] {
            *cell = level_code("a text that nobody kept");
        }
        let predictions = sample_predictions(&model);
        assert_eq!(predictions.len(), SAMPLE_PREDICTIONS);
        assert!(matches!(predictions[0].row[1], Some(SampleCell::Level(_))));
        assert_eq!(check_sample_predictions(&model, &predictions), Ok(()));
    }
}
