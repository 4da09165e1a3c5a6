//! Text of the figures: made harmless, measured and shortened.

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

/// Text in which each character that is invisible or changes the direction of text is written out: control
/// characters as `\x0A`, as in messages, others as `\u{202e}`. So names that differ only in such a character
/// look different.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        // Persian, Indian scripts and emoji need joiners; between other letters nobody sees them.
        let joins = is_joiner(character) && before.is_some_and(|it: char| it > '\u{2ff}');
        match character {
            _ if joins => shown.push(character),
            _ if character.is_control() => {
                shown += &dataset::escaped(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ if is_invisible(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
        before = Some(character);
    }
    shown
}

/// True for the joiners and the selectors of a form, which change how their neighbours are written.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
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

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
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
    fn an_invisible_character_is_written_out_and_joiners_that_a_script_needs_stay() {
        let names = [
            "ab",
            "a b",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{7}b",
            "a\u{e0041}b",
            "a\u{3164}b",
        ];
        let shown: std::collections::BTreeSet<String> = names.map(visible).into();
        assert_eq!(shown.len(), names.len(), "{shown:?}");
        assert!(shown.iter().all(|it| it.is_ascii()), "{shown:?}");
        for kept in ["می\u{200c}خواهم", "👩\u{200d}💻", "❤\u{fe0f}", "Müller"] {
            assert_eq!(visible(kept), kept);
        }
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
