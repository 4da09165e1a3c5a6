//! The style of the pages, and the policy that permits a browser only that style.

use std::sync::OnceLock;

/// Content of the element `style` of every page.
pub(super) const STYLE: &str = include_str!("../../assets/docs.css");

/// The header `Content-Security-Policy` of a page: nothing is permitted except the page's own style,
/// which its hash identifies.
pub(crate) fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| format!("{}; frame-ancestors 'none'", reporting::style_policy(STYLE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_stays_within_its_element() {
        assert!(!STYLE.contains('<') && policy().contains("'sha256-"));
    }
}
