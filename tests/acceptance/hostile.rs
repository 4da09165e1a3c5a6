//! Rows whose names are markup, or have characters that nobody can see.

use std::fmt::Write;

/// Texts that would be markup if they were not escaped.
pub(crate) const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "</title></style><b>'&amp;",
    "]]><!-- \u{202e}-->",
];

/// Names with characters that are invisible or change the direction of text, and how pages write them.
pub(crate) const INVISIBLE: [(&str, &str); 4] = [
    ("zero\u{200b}width", r"zero\u{200b}width"),
    ("right\u{202e}left", r"right\u{202e}left"),
    ("bell\u{7}rings", r"bell\x07rings"),
    ("soft\u{ad}hyphen\u{2066}", r"soft\u{ad}hyphen\u{2066}"),
];

/// Rows with hostile ids and levels. The first feature decides about the label.
pub(crate) fn hostile_rows(rows: u32, from: u32) -> String {
    rows_of(HOSTILE, rows, from)
}

/// Rows with these names: the first two are those of features, and each is one of ids and levels.
pub(crate) fn rows_of(names: [&str; 4], rows: u32, from: u32) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let header = ["id", names[0], names[1], "left"].map(quoted);
    let mut text = format!("{}\n", header.join(","));
    for row in from..from + rows {
        let number = row * 7919 % 100;
        let left = u32::from((number * 31 + row * 17) % 100 < number);
        let id = quoted(&format!("{} {row}", names[row as usize % 4]));
        let level = quoted(names[row as usize / 7 % 4]);
        writeln!(text, "{id},{number},{level},{left}").expect("text");
    }
    text
}
