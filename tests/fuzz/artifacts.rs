//! The files of a release and of the state folder.

use acceptance::fuzzing::fuzz;
use common::artifact::{self, Format, LoadError};
use common::exit::{Exit, classify};
use common::layout::names;
use common::ledger::Ledger;
use common::{History, Manifest, digest};
use dataset::FingerprintKey;
use deployment::Release;
use model::{FORMAT, Model};

use crate::pipeline::{Pipeline, write};

/// The format of the state for appending, as in `ingestion`.
const CARRY: Format = Format {
    name: "risk ingestion carry",
    version: 3,
};

/// The envelope of a model with any content and a correct checksum.
fn sealed(content: &[u8]) -> Vec<u8> {
    sealed_as(FORMAT, content)
}

fn sealed_as(format: Format, content: &[u8]) -> Vec<u8> {
    fn text(envelope: &mut Vec<u8>, text: &str) {
        envelope.extend([0xd9, text.len() as u8]);
        envelope.extend(text.as_bytes());
    }
    let mut envelope = vec![0x84];
    text(&mut envelope, "format");
    text(&mut envelope, format.name);
    text(&mut envelope, "version");
    envelope.push(format.version as u8);
    text(&mut envelope, "sha256");
    text(&mut envelope, &digest::of_bytes(content));
    text(&mut envelope, "content");
    envelope.push(0xc6);
    envelope.extend((content.len() as u32).to_be_bytes());
    envelope.extend(content);
    envelope
}

/// Checks the promises of every model that is accepted.
fn check_model(model: &Model) {
    let n_features = model.schema.features.len();
    assert!(n_features > 0);
    let extremes = [
        0.0,
        1.0,
        -1.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::NAN,
    ];
    let scorer = model.scorer();
    for first in extremes {
        for others in extremes {
            let mut row = vec![others; n_features];
            row[0] = first;
            let (log_odds, probability) = (scorer.log_odds(&row), scorer.probability(&row));
            assert!(log_odds.is_finite(), "{row:?}: {log_odds}");
            assert!((0.0..=1.0).contains(&probability), "{row:?}: {probability}");
        }
    }
    let bytes = model.encode().expect("a model encodes");
    let again = Model::decode(&bytes).expect("an encoded model decodes");
    assert_eq!(again.encode().expect("a model encodes"), bytes);
}

/// The seeds are contents without the envelope, so that most mutations pass the checksum.
#[test]
fn a_model_predicts_probabilities_or_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(names::MODEL);
    fuzz("model", 400, |content| {
        for bytes in [&sealed(content)[..], content] {
            if let Ok(model) = Model::decode(bytes) {
                check_model(&model);
            }
        }
        write(&path, content);
        if let Err(error) = Model::load(&path) {
            assert_eq!(classify(&error), Exit::InputOutput, "{error:#}");
        }
    });
}

#[test]
fn a_seed_of_the_models_is_a_valid_model() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/model/v1");
    let content = std::fs::read(corpus).expect("a seed");
    check_model(&Model::decode(&sealed(&content)).expect("a model"));
}

#[test]
fn a_manifest_is_valid_or_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fuzz("manifest", 400, |bytes| {
        write(&folder.path().join(names::MANIFEST), bytes);
        match Manifest::read(folder.path()) {
            Ok(manifest) => {
                let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
                assert!(is_number(&manifest.release), "{}", manifest.release);
                assert!((0.0..=1.0).contains(&manifest.score));
                let release = Release::open(folder.path()).expect("a release");
                assert!(release.verify().is_err(), "its files are not there");
            }
            Err(error) => assert_eq!(classify(&error), Exit::InputOutput, "{error:#}"),
        }
    });
}

#[test]
fn a_score_is_a_share_or_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(names::SCORE);
    fuzz("score", 400, |bytes| {
        write(&path, bytes);
        match scoring::read_score(&path) {
            Ok(score) => assert!((0.0..=1.0).contains(&score)),
            Err(error) => {
                assert_eq!(classify(&error), Exit::InputOutput);
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
            }
        }
    });
}

#[test]
fn a_key_has_its_length_or_is_refused() {
    let pipeline = Pipeline::new();
    fuzz("key", 200, |bytes| {
        write(&pipeline.config.layout.fingerprint_key(), bytes);
        match FingerprintKey::load(&pipeline.config.layout) {
            Ok(Some(key)) => {
                key.of_row(b"a", &[1.0], Some(true));
                assert_eq!(bytes.len(), 16);
            }
            // An empty file is no key.
            Ok(None) => assert!(bytes.is_empty()),
            Err(error) => assert_eq!(classify(&error), Exit::InputOutput, "{error:#}"),
        }
    });
}

#[test]
fn fingerprints_of_evaluated_rows_are_all_there_or_refused() {
    let pipeline = Pipeline::new();
    let layout = &pipeline.config.layout;
    fuzz("fingerprints", 200, |bytes| {
        write(&layout.evaluated_fingerprints(), bytes);
        let whole = bytes.len() as u64 / 16;
        for count in [0, 1, whole, whole + 1, u64::MAX / 16 + 1, u64::MAX] {
            let ledger = Ledger {
                evaluated_fingerprints: count,
                ..Ledger::default()
            };
            match ingestion::find_evaluated(layout, &ledger, &[0]) {
                Ok(found) => assert_eq!((found.len(), count.min(whole)), (1, count)),
                Err(error) => {
                    assert!(count > whole);
                    assert_eq!(classify(&error), Exit::InputOutput, "{error:#}");
                }
            }
        }
    });
}

/// The seed is the content of the carry after [`Pipeline::ingested`]. Most mutations therefore reach the
/// check whether a carry can belong to the committed rows.
#[test]
fn rows_are_appended_whatever_the_carry_contains() {
    let whole = Pipeline::ingested();
    fuzz("carry", 60, |content| {
        let pipeline = whole.copy();
        let config = &pipeline.config;
        write(&config.layout.ingestion_carry(), &sealed_as(CARRY, content));
        pipeline.write("in/b.csv", b"client,x,y,left\nd,1,2,\nc,1,2,0\n");
        ingestion::run(config).expect("an ingestion");
        let history = History::read(&config.layout).expect("a history");
        let ledger = history.expect("a history").ledger().expect("a ledger");
        let table = dataset::load_final_data(config, &ledger).expect("the data");
        assert_eq!((table.rows(), ledger.rows), (5, 5));
    });
}

#[test]
fn the_carry_has_the_format_that_is_tested() {
    let pipeline = Pipeline::ingested();
    let carry = std::fs::read(pipeline.config.layout.ingestion_carry()).expect("a carry");
    let read = |version| artifact::decode::<()>(Format { version, ..CARRY }, &carry);
    assert!(matches!(
        read(CARRY.version),
        Err(LoadError::Undecodable(_))
    ));
    assert!(matches!(
        read(CARRY.version - 1),
        Err(LoadError::Newer { .. })
    ));
}
