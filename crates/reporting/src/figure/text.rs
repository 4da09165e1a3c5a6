//! Text of the figures: made harmless, measured and shortened.

use common::visible;

use crate::canvas::advance;

/// Text size in pixels of the picture.
pub(super) const TEXT_SIZE: f64 = 12.0;

/// Line height of the built-in font per text size.
pub(super) const LINE_HEIGHT: f64 = 1.21;

/// Slack for the reader's font, which may be wider than the built-in font.
const SLACK: f64 = 1.15;

/// Maximum number of characters that are measured. No picture has room for more.
const MAX_CHARACTERS: usize = 160;

/// Estimated width of a text in pixels of the picture, with slack.
pub(super) fn width(text: &str, size: f64) -> f64 {
    // Measured large, so that rounding does not matter.
    let per_size = advance(text, 100).map(|width| width / 100.0 * LINE_HEIGHT);
    // The built-in font always loads. Without it the estimate is generous.
    let per_size = per_size.unwrap_or_else(|_| text.chars().count() as f64);
    // The built-in font has no ideographs and no emoji. Other fonts draw them wide.
    let wide = text.chars().filter(|character| *character >= '\u{2e80}');
    (per_size + wide.count() as f64 * 0.8) * size * SLACK
}

/// One line without characters that XML forbids or that change the direction of text.
pub(super) fn clean(text: &str) -> String {
    let kept: String = text.chars().take(MAX_CHARACTERS).collect();
    let mut line = visible(&kept)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// Name of a feature, a level or a stage as one line. An empty name is visible.
pub(super) fn name_of(text: &str) -> String {
    let line = clean(text);
    if line.is_empty() {
        "(empty)".to_owned()
    } else {
        line
    }
}

/// The text itself if it fits. Otherwise its longest start that fits, with an ellipsis.
pub(super) fn shorten(text: &str, size: f64, room: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= room {
        return text;
    }
    let ends: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let shortened = |end: usize| format!("{}…", text[..end].trim_end());
    let fits = ends.partition_point(|end| width(&shortened(*end), size) <= room);
    shortened(
        ends.get(fits.saturating_sub(1))
            .copied()
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_harmless_line() {
        assert_eq!(clean("a\nb\t c\u{202e}d"), r"a\x0Ab\x09 c\u{202e}d");
        assert_eq!(name_of(" \u{a0}"), "(empty)");
        assert_eq!(name_of("\u{200b}"), r"\u{200b}");
        assert_eq!(clean("<&>\"'"), "<&>\"'");
        assert_eq!(clean(&"x".repeat(300)).chars().count(), MAX_CHARACTERS + 1);
    }

    #[test]
    fn long_text_ends_in_an_ellipsis_and_fits() {
        for text in [
            "contract duration in months",
            "漢字漢字漢字漢字",
            "שלום עולם שלום",
        ] {
            let short = shorten(text, TEXT_SIZE, 60.0);
            assert!(short.ends_with('…'), "{short}");
            assert!(width(&short, TEXT_SIZE) <= 60.0, "{short}");
        }
        assert_eq!(shorten("age", TEXT_SIZE, 60.0), "age");
        assert_eq!(shorten("age", TEXT_SIZE, 0.0), "…");
    }
}
