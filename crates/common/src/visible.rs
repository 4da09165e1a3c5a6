//! Text of foreign origin on screens and pages. Invisible characters are written out.

use std::borrow::Cow;

/// Text in which each character that is invisible or changes the direction of text is written out: control
/// characters as `\x0A`, others as `\u{202e}`. So names that differ only in such a character look different,
/// and no name moves the cursor of a terminal.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        // Persian, Indian scripts and emoji need joiners; between other letters nobody sees them.
        let joins = is_joiner(character) && before.is_some_and(|it: char| it > '\u{2ff}');
        match character {
            _ if joins => shown.push(character),
            _ if character.is_control() => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    shown += &format!("\\x{byte:02X}");
                }
            }
            _ if is_invisible(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
        before = Some(character);
    }
    shown
}

/// Like [`visible`] for a text of several lines, whose line breaks stay.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    let is_kept =
        |character: char| character == '\n' || !(character.is_control() || is_invisible(character));
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    Cow::Owned(lines.join("\n"))
}

/// True for the joiners and the selectors of a form, which change how their neighbours are written.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// True for a character that takes no ink, or that only changes the direction of text. Two texts that differ in
/// it alone look alike. Spaces and control characters are not among them.
pub fn is_invisible(character: char) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn line_breaks_of_a_text_stay() {
        assert_eq!(
            visible_lines("a\nb\u{202e}\u{1b}[2J\n"),
            "a\nb\\u{202e}\\x1B[2J\n"
        );
        assert!(
            matches!(visible_lines("ä\n👩\u{200d}💻"), Cow::Owned(kept) if kept == "ä\n👩\u{200d}💻")
        );
        assert!(matches!(visible_lines("two\nlines\n"), Cow::Borrowed(_)));
    }
}
