//! Rows whose names are markup.

use std::fmt::Write;

/// Texts that would be markup if they were not escaped.
pub(crate) const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "</title></style><b>'&amp;",
    "]]><!-- \u{202e}-->",
];

/// Rows with hostile ids and levels. The first feature decides about the label.
pub(crate) fn hostile_rows(rows: u32, from: u32) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let header = ["id", HOSTILE[0], HOSTILE[1], "left"].map(quoted);
    let mut text = format!("{}\n", header.join(","));
    for row in from..from + rows {
        let number = row * 7919 % 100;
        let left = u32::from((number * 31 + row * 17) % 100 < number);
        let id = quoted(&format!("{} {row}", HOSTILE[row as usize % 4]));
        let level = quoted(HOSTILE[row as usize / 7 % 4]);
        writeln!(text, "{id},{number},{level},{left}").expect("text");
    }
    text
}
