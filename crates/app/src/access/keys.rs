//! The keys file: one key a line, as `id:scope:sha256hex`. Only the digest of a key is stored.

use std::path::Path;
use std::sync::Arc;

use common::{Failure, digest, files};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::endpoints::Access;
use crate::error::ApiError;

/// Upper limit of logged characters of an id.
const MAX_NAME: usize = 64;

/// Scope of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Predictions for rows that the client sends.
    Predict,
    /// Predictions also for files on the server that the client names.
    Files,
    /// Everything that can be read; no predictions.
    Read,
    /// Predictions, files, and everything that can be read.
    All,
}

/// All keys; at least one.
#[derive(Debug)]
pub(super) struct Keys(Vec<Arc<Key>>);

/// Key of a client.
#[derive(Debug)]
pub(crate) struct Key {
    id: String,
    /// The id as it may be logged.
    name: String,
    scope: Scope,
    /// SHA-256 of the key, 64 hexadecimal digits in lower case.
    digest: String,
}

impl Scope {
    /// The names of all scopes, for messages.
    pub(super) const NAMES: &'static str = "predict, files, read and all";

    const ALL: [(&'static str, Self); 4] = [
        ("predict", Self::Predict),
        ("files", Self::Files),
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
            Self::Files => "files",
            Self::Read => "read",
            Self::All => "all",
        }
    }

    /// Rejects a request that needs another scope.
    fn admit(self, needs: Access) -> Result<(), ApiError> {
        match needs {
            Access::Open => Ok(()),
            Access::Read => self.admit_to(Self::Read),
            // Files are named only to predict their rows, so the scope includes predictions.
            Access::Predict if self == Self::Files => Ok(()),
            Access::Predict => self.admit_to(Self::Predict),
        }
    }

    /// Rejects a scope that does not allow naming files on the server.
    fn admit_to_files(self) -> Result<(), ApiError> {
        self.admit_to(Self::Files)
    }

    fn admit_to(self, needed: Self) -> Result<(), ApiError> {
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
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for (position, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = position + 1;
            let key = Key::parse(line).map_err(|flaw| format!("{number}: {flaw}"))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(format!("{number}: the id {:?} occurs twice", key.id));
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            return Err("1: there is no key; `app --new-key` makes one".into());
        }
        Ok(Self(keys))
    }

    /// The key that a client has sent. The search always takes the same time, so that the time does
    /// not tell whether or where a key was found.
    pub(super) fn find(&self, shown: &[u8]) -> Option<Arc<Key>> {
        let digest = digest::of_bytes(shown);
        let mut found = Choice::from(0);
        let mut place = 0_u32;
        for (position, key) in (0_u32..).zip(&self.0) {
            let is_it = key.digest.as_bytes().ct_eq(digest.as_bytes());
            place.conditional_assign(&position, is_it);
            found |= is_it;
        }
        let key = self.0.get(place as usize)?;
        bool::from(found).then(|| Arc::clone(key))
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
            return Err("the last part is not a SHA-256, 64 hexadecimal digits");
        }
        Ok(Self {
            id: id.to_owned(),
            name: id.chars().map(loggable).take(MAX_NAME).collect(),
            scope: Scope::parse(scope)
                .ok_or("the scope is not one of predict, files, read and all")?,
            digest: digest.to_ascii_lowercase(),
        })
    }

    /// The id of the key as it may be logged: characters that could forge a line are `_`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Rejects a request that needs another scope.
    pub(crate) fn admit(&self, needs: Access) -> Result<(), ApiError> {
        self.scope.admit(needs)
    }

    /// Rejects a client that may not name files on the server.
    pub(crate) fn admit_to_files(&self) -> Result<(), ApiError> {
        self.scope.admit_to_files()
    }
}

/// The character itself if it is harmless in the log, otherwise `_`.
fn loggable(character: char) -> char {
    let is_harmless = character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if is_harmless { character } else { '_' }
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
            let found = keys.find(shown.as_bytes()).map(|key| key.scope);
            assert_eq!(found, scope, "{shown:?}");
        }
    }

    #[test]
    fn an_id_is_logged_without_characters_that_could_forge_a_line() {
        let long = "x".repeat(1000);
        for (id, logged) in [
            ("dash-board.2_b", "dash-board.2_b"),
            ("team a\"b\u{1}é", "team_a_b__"),
            (&long, &long[..MAX_NAME]),
        ] {
            let keys = Keys::parse(&line(id, "read", "one")).unwrap();
            assert_eq!(keys.find(b"one").unwrap().name(), logged);
        }
    }

    #[test]
    fn an_invalid_line_of_the_keys_file_is_named() {
        let good = line("a", "all", "one");
        for (text, flaw) in [
            ("", "1: there is no key"),
            ("#\n", "1: there is no key"),
            ("secret", "1: expected id:scope:sha256hex"),
            ("a:all:abc", "1: the last part is not a SHA-256"),
            (&line("", "all", "x"), "1: the id is empty"),
            (&line("a", "write", "x"), "1: the scope is not one of"),
            (&format!("{good}{good}"), "2: the id \"a\" occurs twice"),
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
        for (scope, read, predict, files) in [
            (Scope::Read, true, false, false),
            (Scope::Predict, false, true, false),
            (Scope::Files, false, true, true),
            (Scope::All, true, true, true),
        ] {
            assert!(Scope::NAMES.contains(scope.name()));
            assert_eq!(scope.admit(Access::Read).is_ok(), read);
            assert_eq!(scope.admit(Access::Predict).is_ok(), predict);
            assert_eq!(scope.admit_to_files().is_ok(), files);
            assert_eq!(Scope::parse(scope.name()), Some(scope));
        }
    }
}
