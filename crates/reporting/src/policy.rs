//! The policy that permits a browser nothing except the style of a page.

use common::digest;

/// Digits of base64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The Content-Security-Policy of a page: nothing is permitted except the page's own style, the content
/// of its element `style`, which its hash identifies.
pub fn style_policy(style: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(style)
    )
}

/// The hash of a style, as a policy names it.
fn hash(style: &str) -> String {
    base64(&bytes(&digest::of_bytes(style.as_bytes())))
}

/// The Content-Security-Policy of a page of the dashboard: its own style, the icon within the page, and
/// forms that ask this server.
pub(crate) fn dashboard_policy(style: &str) -> String {
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'self'",
        hash(style)
    )
}

/// The content of the element `style` of a page; empty if it has none.
pub fn style_of(page: &str) -> &str {
    let after = page.split_once("<style>").map(|(_, after)| after);
    let style = after.and_then(|after| after.split_once("</style>"));
    style.map_or("", |(style, _)| style)
}

/// The bytes of a digest that is written in hexadecimal.
fn bytes(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | value(*digit)))
        .collect()
}

/// Value of a hexadecimal digit in lower case.
fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize % DIGITS.len()];
            // One byte fills two digits, two bytes fill three.
            let is_padding = place > three.len();
            text.push(if is_padding { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_standard() {
        for (bytes, wanted) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), wanted);
        }
        assert_eq!(
            base64(&bytes(&digest::of_bytes(b""))),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    #[test]
    fn the_policy_matches_the_style_of_the_page() {
        let page = "<head><style>p{}</style></head><style>q{}</style>";
        assert_eq!(style_of(page), "p{}");
        assert_eq!(style_of("<p>"), "");
        assert_eq!(
            style_policy(""),
            "default-src 'none'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; base-uri 'none'; form-action 'none'"
        );
    }
}
