//! Schemas of the model: its coefficients, its score and its releases.

use serde_json::{Value, json};

use super::types::{
    closed, count, flag, form, forms, interval_or_null, labels, list, number, object, or_null,
    share, share_or_null, text, time, windows,
};

/// The served model.
pub(super) fn model() -> Value {
    let level = closed(&[
        ("level", or_null("string")),
        ("coefficient", number()),
        ("imputed", number()),
    ]);
    let feature = object(
        &[
            ("name", text()),
            ("coefficient", number()),
            ("imputed", number()),
            ("levels", list(&level)),
            ("knots", list(&number())),
            ("effect", list(&number())),
            (
                "missing",
                closed(&[("coefficient", number()), ("share", share())]),
            ),
            ("allowed", json!({"type": ["object", "null"]})),
        ],
        &[
            "coefficient",
            "effect",
            "imputed",
            "knots",
            "levels",
            "missing",
        ],
    );
    let file = closed(&[("folder", text()), ("name", text()), ("sha256", text())]);
    let members = [
        ("model_version", text()),
        ("created_at", time()),
        ("run", or_null("integer")),
        ("parent", or_null("string")),
        ("deployed_score", share()),
        ("program", text()),
        ("id", or_null("string")),
        ("target", text()),
        ("labels", labels()),
        ("intercept", number()),
        ("features", list(&feature)),
        ("c", number()),
        ("threshold", share()),
        ("form", form()),
        ("forms", forms()),
        ("windows", windows()),
        ("rows", count()),
        ("positives", count()),
        (
            "convergence",
            closed(&[
                ("iterations", count()),
                ("gradient_norm", number()),
                ("loss", number()),
            ]),
        ),
        (
            "check",
            json!({"type": "string", "enum": ["confirmed", "unconfirmed", "not_checked"]}),
        ),
        (
            "data",
            closed(&[
                ("rows", count()),
                ("committed_bytes", count()),
                ("digest", text()),
                ("files", list(&file)),
            ]),
        ),
    ];
    object(&members, &["labels"])
}

/// The metrics of the served model.
pub(super) fn score() -> Value {
    closed(&[
        ("f1", share_or_null()),
        ("f1_interval", interval_or_null()),
        ("precision", share_or_null()),
        ("recall", share_or_null()),
        ("roc_auc", share_or_null()),
        (
            "confusion_matrix",
            closed(&[
                ("true_positive", count()),
                ("false_positive", count()),
                ("false_negative", count()),
                ("true_negative", count()),
            ]),
        ),
        ("n", count()),
        ("model_version", text()),
        ("deployed_score", share()),
    ])
}

/// A release in the list of releases.
pub(super) fn release() -> Value {
    closed(&[
        ("release", text()),
        ("is_live", flag()),
        ("created_at", time()),
        ("score", share()),
        ("parent", or_null("string")),
        ("run", or_null("integer")),
    ])
}
