//! The crates that this program is built from: the `Cargo.lock` at build time.

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

/// The crates in a lock file, without the workspace's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LockedPackages {
    /// Crates that a member of the workspace depends on.
    pub(super) direct: Vec<Package>,
    /// Number of crates that only other crates depend on.
    pub(super) others: usize,
}

/// The packages of the embedded `Cargo.lock`. The file is parsed once per process, because every
/// answer of `/diagnostics` and `/metrics` needs it.
pub(super) fn embedded() -> anyhow::Result<&'static LockedPackages> {
    static PARSED: OnceLock<Result<LockedPackages, String>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| parse(LOCK).map_err(|error| format!("{error:#}")));
    parsed
        .as_ref()
        .map_err(|error| anyhow!("failed to read the embedded Cargo.lock: {error}"))
}

fn parse(text: &str) -> anyhow::Result<LockedPackages> {
    let lock = toml_span::parse(text)?;
    let entries = lock.pointer("/package").and_then(Value::as_array);
    let entries = entries.context("it lists no package")?;
    // A package without a source is a member of the workspace.
    let (external, members): (Vec<&Value<'_>>, Vec<&Value<'_>>) =
        entries.iter().partition(|entry| entry.has_key("source"));
    let direct_names: BTreeSet<&str> = members.into_iter().flat_map(dependencies).collect();
    let mut direct = Vec::new();
    for entry in &external {
        let (name, version) = (text_of(entry, "/name")?, text_of(entry, "/version")?);
        // A dependency names its version only when the lock file has several versions of a crate.
        if direct_names.contains(name)
            || direct_names.contains(format!("{name} {version}").as_str())
        {
            direct.push(Package {
                name: name.to_owned(),
                version: Version::parse(version)
                    .with_context(|| format!("{name} has no usable version"))?,
            });
        }
    }
    Ok(LockedPackages {
        others: external.len() - direct.len(),
        direct,
    })
}

/// The dependencies of a package, each as `name` or `name version`.
fn dependencies<'a>(entry: &'a Value<'_>) -> impl Iterator<Item = &'a str> {
    let listed = entry.pointer("/dependencies").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|dependency| {
        // A source in brackets follows when name and version are still ambiguous.
        let dependency = dependency.as_str()?;
        Some(
            dependency
                .split_once(" (")
                .map_or(dependency, |(dependency, _)| dependency),
        )
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
    fn direct_dependencies_are_those_of_the_members() {
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
        let expected = LockedPackages {
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
        // The index is asked by name alone, so no crate may come from another source.
        let elsewhere = LOCK
            .lines()
            .filter(|line| line.starts_with("source = "))
            .find(|line| !line.contains(tame_index::CRATES_IO_INDEX));
        assert_eq!(elsewhere, None);
    }
}
