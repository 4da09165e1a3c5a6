//! A small check of markup.

/// Values of an attribute.
pub(super) fn values<'a>(svg: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {attribute}=\"");
    let parts: Vec<&str> = svg.split(start.as_str()).skip(1).collect();
    parts.into_iter().filter_map(|part| part.split('"').next())
}

/// Checks that tags are closed in order, that values are quoted and that text is escaped.
pub(super) fn assert_well_formed(svg: &str, case: &str) {
    let mut open: Vec<&str> = Vec::new();
    for (index, part) in svg.split('<').enumerate() {
        if index == 0 {
            assert!(part.is_empty(), "{case}: text before the root");
            continue;
        }
        let (tag, text) = part.split_once('>').expect("a closed tag");
        assert!(!text.contains('>'), "{case}: {text}");
        assert_entities(part, case);
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{case}");
        } else {
            assert_eq!(tag.matches('"').count() % 2, 0, "{case}: {tag}");
            let name = tag.split([' ', '/']).next().expect("a name");
            assert!(
                !name.is_empty() && name.chars().all(char::is_alphabetic),
                "{case}: {tag}"
            );
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        let is_allowed =
            |c: char| c == '\n' || !(c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c));
        assert!(part.chars().all(is_allowed), "{case}: {part}");
    }
    assert!(open.is_empty(), "{case}: {open:?} is left open");
}

fn assert_entities(text: &str, case: &str) {
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().expect("a part");
        let known = ["lt", "gt", "amp", "quot", "apos"].contains(&name);
        assert!(known, "{case}: &{name}");
    }
}
