//! Tests of the performance of predictions: estimated, realised, or why either is missing.

use super::*;

const PREDICTIONS: PredictionColumns<'static> = PredictionColumns {
    probability: "p",
    prediction: "predicted",
};

#[test]
fn performance_is_estimated_and_realised() {
    let probability = |row: usize| 0.05 + 0.9 * (row % 10) as f64 / 9.0;
    // In each hundred rows with probability p, a share p of the clients leaves.
    let left = |row: usize| ((row / 10) % 100) as f64 / 100.0 < probability(row);
    let as_label = |is_one: bool| u8::from(is_one).to_string();
    let columns: [(&str, Cell<'_>); 3] = [
        ("p", &|row| probability(row).to_string()),
        ("predicted", &|row| as_label(probability(row) > 0.5)),
        ("left", &|row| as_label(left(row))),
    ];
    let (reference, current) = (file(1000, &columns), file(1000, &columns));
    let asked = |answers| compare(&request(&reference, &current, Some(answers)), &schema());
    let found = asked(PREDICTIONS).unwrap().performance.unwrap();
    let (estimated, realised) = (found.estimated.unwrap(), found.realised.unwrap());
    assert_eq!(
        (estimated.rows, realised.rows, found.unanswered),
        (1000, 1000, 0)
    );
    let difference = (estimated.f1.unwrap() - realised.f1.unwrap()).abs();
    assert!(difference < 0.01, "{estimated:?} {realised:?}");
    assert!(realised.calibration.unwrap().expected_error < 0.01);

    let missing = PredictionColumns {
        probability: "q",
        ..PREDICTIONS
    };
    let error = asked(missing).unwrap_err().to_string();
    assert_eq!(error, "the column q is missing (found: p, predicted, left)");
    let no_label = PredictionColumns {
        prediction: "p",
        ..PREDICTIONS
    };
    let error = asked(no_label).unwrap_err().to_string();
    assert!(error.contains("not a label, 0 or 1"), "{error}");
}

#[test]
fn missing_labels_and_predictions_are_reported_and_true_and_false_are_labels() {
    let columns = |left: Cell<'static>| -> [(&str, Cell<'static>); 3] {
        let p: Cell<'static> = &|row| (0.05 + 0.1 * (row % 10) as f64).to_string();
        let predicted: Cell<'static> = &|row| u8::from(row % 10 > 4).to_string();
        [("p", p), ("predicted", predicted), ("left", left)]
    };
    let truth: Cell<'static> = &|row| (row % 3 == 0).to_string();
    let of = |reference: &NamedTempFile, current: &NamedTempFile| {
        let request = request(reference, current, Some(PREDICTIONS));
        compare(&request, &schema()).unwrap().performance.unwrap()
    };
    let spoken = file(300, &columns(truth));
    let digits = file(300, &columns(&|row| u8::from(row % 3 == 0).to_string()));
    let (of_words, of_digits) = (of(&spoken, &spoken), of(&digits, &digits));
    assert_eq!(of_words.notes, Vec::<String>::new());
    assert_eq!(
        of_words.realised.unwrap().f1,
        of_digits.realised.unwrap().f1
    );

    let raw = file(300, &[("left", truth)]);
    let unknown = file(300, &columns(&|_| "perhaps".into()));
    let found = of(&raw, &unknown);
    assert!(found.realised.is_none());
    assert_eq!(
        found.notes,
        [
            "no label is known in the current file: the column left holds text that is not a number",
            "the probabilities were not recalibrated, because the reference has no usable predictions: \
             the column p is missing (found: left)"
        ]
    );
}
