//! The keys file: one key a line, as `id:scope:sha256hex`. Only the digest of a key is stored.

use std::path::Path;

use common::{Failure, digest, files};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::endpoints::Access;
use crate::error::ApiError;

/// Scope of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Predictions.
    Predict,
    /// Everything that can be read; no predictions.
    Read,
    /// Both.
    All,
}

/// All keys; at least one.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: String,
    scope: Scope,
    /// SHA-256 of the key, 64 hexadecimal digits in lower case.
    digest: String,
}

impl Scope {
    const ALL: [(&'static str, Self); 3] = [
        ("predict", Self::Predict),
        ("read", Self::Read),
        ("all", Self::All),
    ];

    /// Scope with this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, scope)| *scope)
    }

    /// Name of the scope.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Read => "read",
            Self::All => "all",
        }
    }

    /// Rejects a request that needs another scope.
    pub(super) fn admit(self, needs: Access) -> Result<(), ApiError> {
        let needed = match needs {
            Access::Open => return Ok(()),
            Access::Read => Self::Read,
            Access::Predict => Self::Predict,
        };
        if self == Self::All || self == needed {
            Ok(())
        } else {
            Err(ApiError::ScopeMissing {
                has: self.name(),
                needs: needed.name(),
            })
        }
    }
}

impl Keys {
    /// Reads a keys file that only its owner may read.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = files::read_private(path, "api.keys_file")?;
        Self::parse(&text).map_err(|flaw| {
            Failure::configuration(format!("api.keys_file: {}:{flaw}", path.display())).into()
        })
    }

    /// Parses a keys file; the error begins with the line number.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for (position, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = position + 1;
            let key = Key::parse(line).map_err(|flaw| format!("{number}: {flaw}"))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(format!("{number}: the id {:?} stands there twice", key.id));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err("1: there is no key; `app --new-key` makes one".into());
        }
        Ok(Self(keys))
    }

    /// The scope of a client's key. The time does not depend on whether the key is found, nor
    /// where.
    pub(super) fn scope_of(&self, shown: &[u8]) -> Option<Scope> {
        let digest = digest::of_bytes(shown);
        let mut found = Choice::from(0);
        let mut place = 0_u32;
        for (position, key) in (0_u32..).zip(&self.0) {
            let is_it = key.digest.as_bytes().ct_eq(digest.as_bytes());
            place.conditional_assign(&position, is_it);
            found |= is_it;
        }
        let key = self.0.get(place as usize)?;
        bool::from(found).then_some(key.scope)
    }
}

impl Key {
    fn parse(line: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = line.split(':').collect();
        let [id, scope, digest] = parts[..] else {
            return Err("expected id:scope:sha256hex");
        };
        if id.is_empty() {
            return Err("the id is empty");
        }
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err("the last part is no SHA-256, 64 hexadecimal digits");
        }
        Ok(Self {
            id: id.to_owned(),
            scope: Scope::parse(scope).ok_or("the scope is none of predict, read and all")?,
            digest: digest.to_ascii_lowercase(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use common::exit;

    use super::*;

    fn line(id: &str, scope: &str, key: &str) -> String {
        format!("{id}:{scope}:{}\n", digest::of_bytes(key.as_bytes()))
    }

    #[test]
    fn a_key_is_found_by_its_digest_on_any_line() {
        let text = [
            "# made for tests\n\n".to_owned(),
            line("first", "predict", "one"),
            line("second", "read", "two"),
            line("last", "all", "three")
                .to_uppercase()
                .replace("LAST:ALL", "last:all"),
        ];
        let keys = Keys::parse(&text.concat()).unwrap();
        for (shown, scope) in [
            ("one", Some(Scope::Predict)),
            ("two", Some(Scope::Read)),
            ("three", Some(Scope::All)),
            ("four", None),
            ("", None),
            ("one ", None),
        ] {
            assert_eq!(keys.scope_of(shown.as_bytes()), scope, "{shown:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_key_is_named() {
        let good = line("a", "all", "one");
        for (text, flaw) in [
            ("", "1: there is no key"),
            ("#\n", "1: there is no key"),
            ("secret", "1: expected id:scope:sha256hex"),
            ("a:all:abc", "1: the last part is no SHA-256"),
            (&line("", "all", "x"), "1: the id is empty"),
            (&line("a", "write", "x"), "1: the scope is none"),
            (
                &format!("{good}{good}"),
                "2: the id \"a\" stands there twice",
            ),
        ] {
            let error = Keys::parse(text).unwrap_err();
            assert!(error.starts_with(flaw), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        files::replace(&path, line("a", "all", "one").as_bytes()).unwrap();
        for (mode, is_taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            match Keys::read(&path) {
                Ok(_) => assert!(is_taken, "{mode:o}"),
                Err(error) => {
                    assert!(!is_taken, "{mode:o}: {error:#}");
                    assert_eq!(exit::classify(&error), exit::Exit::Configuration);
                    assert!(error.to_string().contains("chmod 600"), "{error:#}");
                }
            }
        }
    }

    #[test]
    fn a_scope_admits_what_it_names() {
        for (scope, read, predict) in [
            (Scope::Read, true, false),
            (Scope::Predict, false, true),
            (Scope::All, true, true),
        ] {
            assert_eq!(scope.admit(Access::Read).is_ok(), read);
            assert_eq!(scope.admit(Access::Predict).is_ok(), predict);
            assert_eq!(Scope::parse(scope.name()), Some(scope));
        }
    }
}
