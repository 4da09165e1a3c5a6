//! The style of the pages, and the policy that permits a browser only that style.

use std::sync::OnceLock;

use common::digest;

/// Content of the element `style` of every page.
pub(super) const STYLE: &str = include_str!("../../assets/docs.css");

/// Digits of base64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The header `Content-Security-Policy` of a page: nothing is permitted except the page's own style,
/// which its hash identifies.
pub(crate) fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            base64(&bytes(&digest::of_bytes(STYLE.as_bytes())))
        )
    })
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
    fn base64_is_that_of_the_standard() {
        for (bytes, wanted) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), wanted);
        }
        assert_eq!(
            base64(&bytes(&digest::of_bytes(b""))),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    #[test]
    fn the_style_stays_within_its_element() {
        assert!(!STYLE.contains('<') && policy().contains("'sha256-"));
    }
}
