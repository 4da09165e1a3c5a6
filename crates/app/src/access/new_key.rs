//! A new key. The key is shown once, for a client; the server stores only its digest.

use std::fmt;

use anyhow::Context;
use common::cli::Report;
use common::{Failure, digest};
use serde::Serialize;

use super::keys::Scope;

/// Random bytes of a key; as many as its digest has.
const KEY_BYTES: usize = 32;

/// A new key, which is stored nowhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewKey {
    /// The key that the client sends.
    pub key: String,
    /// Line to add to the keys file.
    pub line: String,
}

/// Makes a key with this name.
pub fn make_key(id: &str, scope: &str) -> anyhow::Result<NewKey> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.is_empty() || !id.bytes().all(is_plain) {
        return Err(usage(
            "the name of a key has letters, digits, '.', '_' and '-' only",
        ));
    }
    let scope =
        Scope::parse(scope).ok_or_else(|| usage(&format!("--scope is one of {}", Scope::NAMES)))?;
    let mut random = [0; KEY_BYTES];
    getrandom::fill(&mut random)
        .map_err(std::io::Error::from)
        .context("failed to draw a random key")?;
    let key = digest::hexadecimal(&random);
    let line = format!("{id}:{}:{}", scope.name(), digest::of_bytes(key.as_bytes()));
    Ok(NewKey { key, line })
}

fn usage(message: &str) -> anyhow::Error {
    Failure {
        exit: common::exit::Exit::Usage,
        message: message.into(),
    }
    .into()
}

impl Report for NewKey {
    /// The key is shown only once.
    fn needs_attention(&self) -> bool {
        true
    }
}

impl fmt::Display for NewKey {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "key for the client; it is shown only once:\n{}",
            self.key
        )?;
        writeln!(to, "line for the file of api.keys_file:\n{}", self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_different_and_its_line_holds_only_the_digest() {
        let one = make_key("dashboard", "read").unwrap();
        let other = make_key("dashboard", "read").unwrap();
        assert_ne!(one.key, other.key);
        assert_eq!(one.key.len(), 2 * KEY_BYTES);
        let digest = digest::of_bytes(one.key.as_bytes());
        assert_eq!(one.line, format!("dashboard:read:{digest}"));
        assert!(make_key("a:b", "read").is_err());
        assert!(make_key("", "read").is_err());
        assert!(make_key("a", "write").is_err());
    }
}
