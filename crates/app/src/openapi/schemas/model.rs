//! Schemas of the model: its coefficients, its score and its releases.

use serde_json::{Value, json};

use super::types::{
    closed, count, described, flag, form, forms, interval_or_null, labels, list, number, object,
    or_null, share, share_or_null, text, time, windows,
};

/// The served model.
pub(super) fn model() -> Value {
    let level = closed(&[
        (
            "level",
            described(or_null("string"), "The level; null for any other level"),
        ),
        (
            "coefficient",
            described(number(), "Its weight in the log-odds"),
        ),
        (
            "imputed",
            described(
                number(),
                "Share of the training rows, which replaces a missing level",
            ),
        ),
    ]);
    let feature = object(
        &[
            ("name", described(text(), "Column of the feature")),
            (
                "coefficient",
                described(number(), "Weight of a number in the log-odds"),
            ),
            (
                "imputed",
                described(number(), "Replacement of a missing number"),
            ),
            (
                "levels",
                described(list(&level), "The levels of a category"),
            ),
            (
                "knots",
                described(
                    list(&number()),
                    "Numbers between which the effect of a number is straight; it is constant outside",
                ),
            ),
            (
                "effect",
                described(list(&number()), "Log-odds that a number adds, at each knot"),
            ),
            (
                "missing",
                described(
                    closed(&[
                        (
                            "coefficient",
                            described(number(), "Its weight in the log-odds"),
                        ),
                        ("share", described(share(), "Share of the training rows")),
                    ]),
                    "The level of missing cells; absent if they are imputed",
                ),
            ),
            (
                "allowed",
                described(
                    json!({"type": ["object", "null"]}),
                    "Rules for the values of a request; null without rules",
                ),
            ),
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
    let side = object(
        &[
            ("feature", described(text(), "Column of the feature")),
            (
                "knots",
                described(
                    list(&number()),
                    "Numbers between which the effect is straight",
                ),
            ),
            (
                "levels",
                described(list(&text()), "Levels; any other level has no effect"),
            ),
        ],
        &["knots", "levels"],
    );
    let pair = closed(&[
        ("first", described(side.clone(), "The rows of the table")),
        ("second", described(side, "The columns of the table")),
        (
            "effect",
            described(
                list(&list(&number())),
                "Log-odds that both features add together, row by row",
            ),
        ),
    ]);
    let file = closed(&[("folder", text()), ("name", text()), ("sha256", text())]);
    let members = [
        (
            "model_version",
            described(text(), "The release that serves"),
        ),
        ("created_at", described(time(), "When the release was made")),
        (
            "run",
            described(
                or_null("integer"),
                "The run that made the release; null when it was deployed by hand",
            ),
        ),
        (
            "parent",
            described(or_null("string"), "The release that was live before it"),
        ),
        (
            "deployed_score",
            described(share(), "F1 on the test data when it was deployed"),
        ),
        (
            "program",
            described(text(), "Version of the program that trained the model"),
        ),
        ("id", described(or_null("string"), "Column of the id")),
        ("target", described(text(), "Column of the label")),
        ("labels", labels()),
        (
            "intercept",
            described(
                number(),
                "The part of the log-odds that does not depend on any feature",
            ),
        ),
        (
            "features",
            described(list(&feature), "The features in the order of the schema"),
        ),
        (
            "pairs",
            described(
                list(&pair),
                "Effects of two features together, beside those of each; empty unless the form is `pairs`",
            ),
        ),
        (
            "c",
            described(number(), "Inverse strength of the penalty (training.c)"),
        ),
        (
            "threshold",
            described(
                share(),
                "The positive label is predicted above this probability",
            ),
        ),
        (
            "form",
            described(
                form(),
                "How the log-odds depend on the features: on numbers as straight lines or as curves, and on pairs",
            ),
        ),
        (
            "forms",
            described(
                forms(),
                "The forms that were tried on rows left out of the fit; empty without a choice",
            ),
        ),
        (
            "windows",
            described(
                windows(),
                "The training windows that were tried; empty if there was no choice",
            ),
        ),
        (
            "rows",
            described(count(), "Labelled rows that the model was fitted to"),
        ),
        (
            "positives",
            described(count(), "Positive labels among these rows"),
        ),
        (
            "convergence",
            described(
                closed(&[
                    ("iterations", count()),
                    ("gradient_norm", number()),
                    ("loss", number()),
                ]),
                "How the fit ended",
            ),
        ),
        (
            "check",
            described(
                json!({"type": "string", "enum": ["confirmed", "unconfirmed", "not_checked"]}),
                "Whether an independent calculation confirmed the fit",
            ),
        ),
        (
            "data",
            described(
                closed(&[
                    (
                        "rows",
                        described(
                            count(),
                            "Rows of finaldata.csv, those without a label included",
                        ),
                    ),
                    (
                        "committed_bytes",
                        described(count(), "Length of finaldata.csv"),
                    ),
                    ("digest", described(text(), "SHA-256 of finaldata.csv")),
                    ("files", described(list(&file), "The input files")),
                ]),
                "The ingested data that the model is from",
            ),
        ),
    ];
    object(&members, &["labels"])
}

/// The metrics of the served model.
pub(super) fn score() -> Value {
    closed(&[
        (
            "f1",
            described(
                share_or_null(),
                "F1 on the test data; null where it is not defined",
            ),
        ),
        (
            "f1_interval",
            described(interval_or_null(), "95 % interval of F1"),
        ),
        (
            "precision",
            described(
                share_or_null(),
                "Share of the predicted positive labels that are correct",
            ),
        ),
        (
            "recall",
            described(
                share_or_null(),
                "Share of the positive labels that are predicted",
            ),
        ),
        (
            "roc_auc",
            described(share_or_null(), "Area under the ROC curve"),
        ),
        (
            "ranking",
            described(
                ranking(),
                "How well the model ranks the rows, whatever the threshold",
            ),
        ),
        (
            "confusion_matrix",
            described(
                closed(&[
                    ("true_positive", count()),
                    ("false_positive", count()),
                    ("false_negative", count()),
                    ("true_negative", count()),
                ]),
                "Counts of rows by prediction and label",
            ),
        ),
        ("n", described(count(), "Number of rows of the test data")),
        (
            "model_version",
            described(text(), "The release that was scored"),
        ),
        (
            "deployed_score",
            described(share(), "F1 when the release was deployed"),
        ),
    ])
}

/// How well a model ranks rows.
fn ranking() -> Value {
    let decile = closed(&[
        (
            "decile",
            described(count(), "1 for the highest predictions, 10 for the lowest"),
        ),
        ("rows", described(count(), "Number of rows")),
        (
            "positives",
            described(
                number(),
                "Number of positive labels; a fraction where equal predictions are on both sides of a boundary",
            ),
        ),
        (
            "rate",
            described(share(), "Share of positive labels in the decile"),
        ),
        (
            "cumulative_gain",
            described(
                share_or_null(),
                "Share of all positive labels in this decile and those before it",
            ),
        ),
        (
            "lift",
            described(
                or_null("number"),
                "Rate of the decile divided by the rate of all rows",
            ),
        ),
    ]);
    closed(&[
        (
            "deciles",
            described(
                list(&decile),
                "Tenths of the rows, the highest predictions first; empty tenths are left out",
            ),
        ),
        (
            "ks",
            described(share_or_null(), "Kolmogorov-Smirnov statistic"),
        ),
        (
            "gini",
            json!({
                "type": ["number", "null"],
                "minimum": -1,
                "maximum": 1,
                "description": "Gini coefficient: 2 ROC-AUC - 1",
            }),
        ),
        (
            "average_precision",
            described(share_or_null(), "Average precision"),
        ),
        (
            "calibration_slope",
            described(
                or_null("number"),
                "Below 1, the probabilities are too extreme; null where a threshold separates the labels",
            ),
        ),
        (
            "calibration_intercept",
            described(or_null("number"), "Above 0, the probabilities are too low"),
        ),
        ("calibration", calibration()),
        (
            "curve",
            described(
                list(&list(&count())),
                "Points of the ROC and of the precision-recall curve: numbers of positive and of negative rows above a threshold, from the highest threshold to the lowest",
            ),
        ),
    ])
}

/// Calibration in bins.
fn calibration() -> Value {
    let bin = closed(&[
        ("rows", described(count(), "Number of rows")),
        (
            "mean_probability",
            described(share(), "Mean probability of the bin"),
        ),
        (
            "share",
            described(share(), "Share of positive labels in the bin"),
        ),
    ]);
    closed(&[
        (
            "expected_error",
            described(
                share(),
                "Mean distance of probability and share over the rows",
            ),
        ),
        (
            "curve",
            described(
                list(&bin),
                "At most ten bins, in ascending order of probability",
            ),
        ),
    ])
}

/// A release in the list of releases.
pub(super) fn release() -> Value {
    closed(&[
        ("release", described(text(), "Name of the release")),
        ("is_live", described(flag(), "Whether it serves now")),
        ("created_at", described(time(), "When the release was made")),
        (
            "score",
            described(share(), "F1 on the test data when it was deployed"),
        ),
        (
            "parent",
            described(or_null("string"), "The release that was live before it"),
        ),
        (
            "run",
            described(
                or_null("integer"),
                "The run that made it; null when it was deployed by hand",
            ),
        ),
    ])
}
