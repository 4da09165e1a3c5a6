//! The crates that this program is built from, as `Cargo.lock` named them at build time.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use anyhow::{Context, anyhow};
use semver::Version;
use toml_span::Value;

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// A crate at the version that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: Version,
}

/// The crates of a lock file that are not the workspace's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Locked {
    /// Those that a member of the workspace names.
    pub(super) direct: Vec<Package>,
    /// How many more they need.
    pub(super) others: usize,
}

/// What this program is built from; parsed once in a process, since every answer of `/diagnostics`
/// and `/metrics` asks for it.
pub(super) fn embedded() -> anyhow::Result<&'static Locked> {
    static PARSED: OnceLock<Result<Locked, String>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| parse(LOCK).map_err(|error| format!("{error:#}")));
    parsed
        .as_ref()
        .map_err(|error| anyhow!("failed to read the embedded Cargo.lock: {error}"))
}

fn parse(text: &str) -> anyhow::Result<Locked> {
    let lock = toml_span::parse(text)?;
    let entries = lock.pointer("/package").and_then(Value::as_array);
    let entries = entries.context("it lists no package")?;
    // A package without a source is a member of the workspace.
    let (foreign, members): (Vec<&Value<'_>>, Vec<&Value<'_>>) =
        entries.iter().partition(|entry| entry.has_key("source"));
    let named: BTreeSet<&str> = members.into_iter().flat_map(dependencies).collect();
    let mut direct = Vec::new();
    for entry in &foreign {
        let (name, version) = (text_of(entry, "/name")?, text_of(entry, "/version")?);
        // The version is named only where the lock has several of one name.
        if named.contains(name) || named.contains(format!("{name} {version}").as_str()) {
            direct.push(Package {
                name: name.to_owned(),
                version: Version::parse(version)
                    .with_context(|| format!("{name} has no usable version"))?,
            });
        }
    }
    Ok(Locked {
        others: foreign.len() - direct.len(),
        direct,
    })
}

/// The dependencies of a package, each as `name` or `name version`.
fn dependencies<'a>(entry: &'a Value<'_>) -> impl Iterator<Item = &'a str> {
    let listed = entry.pointer("/dependencies").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|named| {
        // Where even name and version are not enough, the source follows in brackets.
        let named = named.as_str()?;
        Some(named.split_once(" (").map_or(named, |(named, _)| named))
    })
}

fn text_of<'a>(entry: &'a Value<'_>, pointer: &str) -> anyhow::Result<&'a str> {
    entry
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("a package has no {pointer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: Version::parse(version).unwrap(),
        }
    }

    #[test]
    fn direct_is_what_a_member_names_and_only_in_the_version_it_names() {
        let entry = |name: &str, version: &str, rest: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
        };
        let registry = "source = \"registry+https://example.org/index\"\n";
        let lock = [
            entry(
                "ours",
                "0.1.0",
                "dependencies = [\"theirs\", \"two 2.0.0\"]",
            ),
            entry(
                "also-ours",
                "0.1.0",
                "dependencies = [\"ours\", \"theirs\"]",
            ),
            entry("alone", "0.1.0", ""),
            entry(
                "theirs",
                "1.2.3",
                &format!("{registry}dependencies = [\"deep\"]"),
            ),
            entry("deep", "0.3.0", registry),
            entry("two", "1.0.0", registry),
            entry("two", "2.0.0", registry),
        ]
        .concat();
        let expected = Locked {
            direct: vec![package("theirs", "1.2.3"), package("two", "2.0.0")],
            others: 2,
        };
        assert_eq!(parse(&lock).unwrap(), expected);
    }

    #[test]
    fn this_program_is_built_from_crates_of_the_public_registry() {
        let locked = embedded().unwrap();
        assert!(
            std::ptr::eq(locked, embedded().unwrap()),
            "it is parsed once"
        );
        let has = |name: &str| locked.direct.iter().any(|package| package.name == name);
        assert!(has("serde") && has("tame-index"));
        assert!(!has("common"), "a member of the workspace is no dependency");
        assert!(locked.others > locked.direct.len());
        // The index is asked by name alone, so a crate from elsewhere must not be among them.
        let elsewhere = LOCK
            .lines()
            .filter(|line| line.starts_with("source = "))
            .find(|line| !line.contains(tame_index::CRATES_IO_INDEX));
        assert_eq!(elsewhere, None);
    }
}
