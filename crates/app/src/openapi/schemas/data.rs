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
        ("top", list(&level)),
        ("others", count()),
    ]);
    let column = object(
        &[
            ("name", text()),
            ("count", count()),
            ("missing", count()),
            ("mean", or_null("number")),
            ("median", or_null("number")),
            ("std", or_null("number")),
            ("min", or_null("number")),
            ("max", or_null("number")),
            ("levels", levels),
        ],
        &["levels"],
    );
    closed(&[
        ("rows", count()),
        (
            "superseded",
            described(
                count(),
                "Rows without a label that are left out, because a later row brought it",
            ),
        ),
        ("columns", list(&column)),
        ("medians_are_exact", flag()),
    ])
}
