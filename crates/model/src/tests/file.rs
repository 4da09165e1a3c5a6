//! Tests of the model's file: which contents are accepted and which are rejected.

use super::*;

#[test]
fn a_stored_model_is_loaded_unchanged() {
    let model = model();
    let bytes = model.encode().unwrap();
    assert_eq!(Model::decode(&bytes).unwrap(), model);
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    assert_eq!(model().encode().unwrap(), model().encode().unwrap());
}

#[test]
fn a_truncated_or_changed_file_is_refused() {
    let bytes = model().encode().unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Model::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut changed = bytes.clone();
    let middle = bytes.len() / 2;
    changed[middle] ^= 1;
    assert!(matches!(
        Model::decode(&changed).unwrap_err(),
        LoadError::Damaged
    ));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for text in [
        decoding_error(|model| linear(model).intercept = f64::NAN),
        decoding_error(|model| linear(model).coefficients[1] = f64::INFINITY),
        decoding_error(|model| linear(model).imputed[0] = f64::NAN),
        decoding_error(|model| covariance_of(model)[[2, 1]] = f64::NEG_INFINITY),
        decoding_error(|model| model.convergence.loss = f64::NAN),
        decoding_error(|model| model.profile.sample.columns[0][0] = f64::INFINITY),
    ] {
        assert!(text.contains("not finite"), "{text}");
    }
}

#[test]
fn parts_of_different_sizes_are_refused() {
    let coefficients = decoding_error(|model| {
        linear(model).coefficients.pop();
    });
    assert!(
        coefficients.contains("one coefficient per column"),
        "{coefficients}"
    );
    let covariance = decoding_error(|model| {
        *covariance_of(model) = Array2::eye(2).into();
    });
    assert!(covariance.contains("covariance"), "{covariance}");
    let profile = decoding_error(|model| {
        model.profile.sample.columns[1].pop();
    });
    assert!(profile.contains("profile"), "{profile}");
    let rows = decoding_error(|model| model.positives = 81);
    assert!(rows.contains("rows"), "{rows}");
}

#[test]
fn a_variance_below_zero_is_refused() {
    let text = decoding_error(|model| covariance_of(model)[[2, 2]] = -1e-300);
    assert!(text.contains("variance below 0"), "{text}");
}

#[test]
fn a_model_without_covariance_is_valid() {
    let model = Model {
        covariance: None,
        ..model()
    };
    let bytes = model.encode().unwrap();
    assert_eq!(Model::decode(&bytes).unwrap(), model);
}

#[test]
fn a_missing_value_in_the_sample_is_valid() {
    let mut model = model();
    model.profile.sample.columns[0][5] = f64::NAN;
    assert!(Model::decode(&model.encode().unwrap()).is_ok());
}

#[test]
fn an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trainedmodel.msgpack");
    let absent = Model::load(&path).unwrap_err();
    assert!(absent.to_string().contains("trainedmodel.msgpack"));
    files::replace(&path, b"no model").unwrap();
    let foreign = Model::load(&path).unwrap_err();
    assert!(foreign.to_string().contains("trainedmodel.msgpack"));
    for error in [absent, foreign] {
        assert_eq!(
            common::exit::classify(&error),
            common::exit::Exit::InputOutput
        );
    }
    let bytes = model().encode().unwrap();
    files::replace(&path, &bytes).unwrap();
    let (loaded, digest) = Model::load(&path).unwrap();
    assert_eq!((loaded, digest), (model(), digest::of_bytes(&bytes)));
}

#[test]
fn only_features_and_target_must_fit_the_schema() {
    let model = model();
    let mut schema = model.schema.clone();
    schema.id = Some("client".into());
    schema.features[0].kind = Kind::Number(NumberRules {
        range: ValueRange::new(Some(0.0), None).unwrap(),
        ..NumberRules::default()
    });
    assert!(model.fits_schema(&schema));
    let mut of_categories = schema.clone();
    of_categories.features[0].kind = Kind::Category(CategoryRules::default());
    assert!(!model.fits_schema(&of_categories));
    let labels = |positive: &str, negative: &str| {
        Labels::new(vec![positive.into()], vec![negative.into()]).unwrap()
    };
    let mut of_texts = model.clone();
    of_texts.schema.labels = labels("Yes", "No");
    schema.labels = labels("Gone", "No");
    assert!(of_texts.fits_schema(&schema));
    schema.labels = labels("No", "Yes");
    assert!(!of_texts.fits_schema(&schema), "the labels are swapped");
    schema.features.reverse();
    assert!(!model.fits_schema(&schema));
}
