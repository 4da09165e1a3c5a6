//! Schema of the statistics of the ingested data.

use serde_json::Value;

use super::types::{closed, count, described, flag, list, object, or_null, text};

/// Statistics of each column.
pub(super) fn summary() -> Value {
    let level = closed(&[("level", text()), ("rows", count())]);
    let levels = closed(&[
        (
            "distinct",
            described(count(), "Different levels that are counted one by one"),
        ),
        (
            "distinct_is_exact",
            described(
                flag(),
                "Whether there are no others; else there are more than distinct",
            ),
        ),
        ("top", described(list(&level), "The most frequent levels")),
        (
            "others",
            described(count(), "Rows with a level that is not in top"),
        ),
    ]);
    let column = object(
        &[
            ("name", described(text(), "Name of the column")),
            ("count", described(count(), "Rows with a value")),
            ("missing", described(count(), "Rows without a value")),
            ("mean", or_null("number")),
            ("median", or_null("number")),
            (
                "std",
                described(or_null("number"), "Standard deviation (n − 1)"),
            ),
            ("min", or_null("number")),
            ("max", or_null("number")),
            ("levels", described(levels, "The levels of a category")),
        ],
        &["levels"],
    );
    closed(&[
        ("rows", described(count(), "Number of ingested rows")),
        (
            "superseded",
            described(
                count(),
                "Rows without a label that are left out, because a later row brought it",
            ),
        ),
        (
            "columns",
            described(list(&column), "The features and the target"),
        ),
        (
            "medians_are_exact",
            described(
                flag(),
                "Whether the medians are of all rows; else they are of a sample",
            ),
        ),
    ])
}
