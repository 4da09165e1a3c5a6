//! The crates that this program is built from: the `Cargo.lock` at build time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use anyhow::{Context, anyhow};
use semver::Version;
use toml_span::Value;

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// The optional member of the workspace. A program contains it only if the program is built with the
/// feature for it.
const OPTIONAL_MEMBER: &str = "cluster";

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
    let is_member = |entry: &Value<'_>| !entry.has_key("source");
    let mut members = Vec::new();
    for entry in entries.iter().filter(|entry| is_member(entry)) {
        if text_of(entry, "/name")? != OPTIONAL_MEMBER {
            members.push(entry);
        }
    }
    let direct_names: BTreeSet<&str> = members.iter().copied().flat_map(dependencies).collect();
    let (mut direct, mut others) = (Vec::new(), 0);
    for entry in built_from(entries, members)? {
        let (name, version) = (text_of(entry, "/name")?, text_of(entry, "/version")?);
        // A dependency names its version only when the lock file has several versions of a crate.
        let is_direct = direct_names.contains(name)
            || direct_names.contains(format!("{name} {version}").as_str());
        match is_direct {
            _ if is_member(entry) => {}
            true => direct.push(Package {
                name: name.to_owned(),
                version: Version::parse(version)
                    .with_context(|| format!("{name} has no usable version"))?,
            }),
            false => others += 1,
        }
    }
    Ok(LockedPackages { others, direct })
}

/// The packages that these members depend on, directly or not, in the order of the file.
fn built_from<'a, 'e>(
    entries: &'a [Value<'e>],
    members: Vec<&'a Value<'e>>,
) -> anyhow::Result<impl Iterator<Item = &'a Value<'e>>> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        let (name, version) = (text_of(entry, "/name")?, text_of(entry, "/version")?);
        for known_as in [name.to_owned(), format!("{name} {version}")] {
            places.entry(known_as).or_default().push(place);
        }
    }
    let (mut found, mut waiting) = (BTreeSet::new(), members);
    while let Some(entry) = waiting.pop() {
        for dependency in dependencies(entry).filter(|it| *it != OPTIONAL_MEMBER) {
            for place in places.get(dependency).into_iter().flatten() {
                if found.insert(*place) {
                    waiting.push(&entries[*place]);
                }
            }
        }
    }
    Ok(found.into_iter().map(|place| &entries[place]))
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
                "dependencies = [\"cluster\", \"ours\", \"theirs\"]",
            ),
            entry("alone", "0.1.0", ""),
            entry("cluster", "0.1.0", "dependencies = [\"arrow\"]"),
            entry("arrow", "9.0.0", registry),
            entry(
                "theirs",
                "1.2.3",
                &format!("{registry}dependencies = [\"deep\", \"two 1.0.0\"]"),
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
