//! The password of HTTP Basic authentication (RFC 7617).

/// Value of a padding character.
const PADDING: u8 = b'=';

/// The password in the header `Authorization`, whatever the name of the user. `None` for another scheme,
/// and for credentials that cannot be read.
pub(super) fn password(credentials: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let both = decoded(encoded.trim_ascii())?;
    let end_of_name = both.iter().position(|byte| *byte == b':')?;
    Some(both[end_of_name + 1..].to_vec())
}

/// The bytes that a text in base64 stands for (RFC 4648, section 4), with or without padding. `None` for
/// any other text.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [digits @ .., PADDING, PADDING] | [digits @ .., PADDING]
            if text.len().is_multiple_of(4) =>
        {
            digits
        }
        digits => digits,
    };
    // A single leftover digit encodes less than a byte.
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for four in digits.chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            bits = bits << 6 | four.get(place).map_or(Some(0), |digit| value(*digit))?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(&three[..four.len() - 1]);
    }
    Some(bytes)
}

/// Value of a digit; `None` for any other character.
fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_follows_the_first_colon() {
        for (credentials, wanted) in [
            // Aladdin:open sesame, the example of RFC 7617.
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some("open sesame")),
            ("bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ", Some("open sesame")),
            // :a, a:, a:b:c
            ("Basic OmE=", Some("a")),
            ("Basic YTo=", Some("")),
            ("Basic YTpiOmM=", Some("b:c")),
            // Without a colon, without credentials, and not base64.
            ("Basic YWJj", None),
            ("Basic ", None),
            ("Basic", None),
            ("Basic YTo*", None),
            ("Basic YTo==", None),
            ("Basic =", None),
            ("Bearer YTpi", None),
        ] {
            let found = password(credentials.as_bytes());
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{credentials}");
        }
    }

    #[test]
    fn base64_matches_the_standard() {
        for (text, wanted) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYmFy", Some("foobar")),
            ("Z", None),
            ("Zm9vY", None),
            ("Zm=v", None),
            ("\u{e9}abc", None),
        ] {
            let found = decoded(text.as_bytes());
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{text}");
        }
    }
}
