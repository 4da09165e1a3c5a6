//! Attacks by models that somebody else wrote into a release.

use std::fs;

use model::{LinearPredictor, Model, Predictor};
use serde_json::{Value, json};

use crate::api::{ROWS, serving, still_answers};

fn linear(model: &mut Model) -> &mut LinearPredictor {
    let Predictor::Linear(linear) = &mut model.predictor;
    linear
}

#[test]
fn a_model_that_is_truncated_foreign_or_holds_no_numbers_is_refused_and_counted() {
    let (workspace, server) = serving(&[]);
    let before = server.post("/prediction", "text/csv", ROWS).json(200);
    let release = "production_deployment/releases/000001";
    let model_file = format!("{release}/trainedmodel.msgpack");
    let manifest_file = format!("{release}/manifest.json");
    let whole = fs::read(workspace.path(&model_file)).expect("a model");
    let manifest = workspace.text(&manifest_file);
    let mut spoilt = Model::decode(&whole).expect("a model");
    linear(&mut spoilt).coefficients[1] = f64::NAN;
    let mut other = Model::decode(&whole).expect("a model");
    linear(&mut other).coefficients[1] += 0.01;
    let mut tampered = whole.clone();
    tampered[whole.len() / 2] ^= 1;
    for (bytes, is_reported) in [
        // An attacker who can write the model can also write the manifest.
        (spoilt.encode().expect("encoded"), true),
        (other.encode().expect("encoded"), true),
        (whole[..whole.len() - 1].to_vec(), true),
        (b"\x80\x04\x95sklearn".to_vec(), true),
        (Vec::new(), true),
        (tampered, false),
    ] {
        let mut said: Value = serde_json::from_str(&manifest).expect("JSON");
        if is_reported {
            said["files"]["trainedmodel.msgpack"] = json!(common::digest::of_bytes(&bytes));
        }
        workspace.write(&manifest_file, said.to_string());
        workspace.write(&model_file, &bytes);
        server.signal(rustix::process::Signal::HUP);
        server.log_line(|line| line.contains("cannot be used"));
        let after = server.post("/prediction", "text/csv", ROWS).json(200);
        assert_eq!(after["probabilities"], before["probabilities"]);
    }
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("risk_model_reloads_total{result=\"refused\"} 6"),
        "{metrics}"
    );
    workspace.write(&manifest_file, manifest);
    workspace.write(&model_file, whole);
    server.signal(rustix::process::Signal::HUP);
    server.log_line(|line| line.contains("model loaded"));
    still_answers(&server);
}
