//! Compares the built version of a crate with the versions in the registry index.

use std::cmp::Ordering;

use semver::{Comparator, Op, Version};

use super::dependency::{Dependency, Status};
use super::lock::Package;

/// A version in the registry index.
#[derive(Clone, Debug)]
pub(super) struct PublishedVersion {
    pub(super) version: Version,
    pub(super) is_yanked: bool,
}

/// Compares the built version of a crate with its published versions.
pub(super) fn compare(package: &Package, published: &[PublishedVersion]) -> Dependency {
    let current = &package.version;
    let is_current = |other: &PublishedVersion| other.version.cmp_precedence(current).is_eq();
    let is_newer = |version: &Version| version.cmp_precedence(current) == Ordering::Greater;
    let usable_versions = || {
        published
            .iter()
            .filter(|other| !other.is_yanked && other.version.pre.is_empty())
            .map(|other| &other.version)
    };
    let update = compatible_with(current);
    let latest = usable_versions().max_by(|a, b| a.cmp_precedence(b));
    let compatible = usable_versions()
        .filter(|version| is_newer(version) && update.matches(version))
        .max_by(|a, b| a.cmp_precedence(b));
    let is_yanked = published
        .iter()
        .any(|other| other.is_yanked && is_current(other));
    Dependency {
        name: package.name.clone(),
        current: current.clone(),
        latest: latest.cloned(),
        compatible: compatible.cloned(),
        status: match latest {
            _ if is_yanked => Status::Yanked,
            Some(latest) if is_newer(latest) => Status::Outdated,
            _ => Status::UpToDate,
        },
        reason: None,
    }
}

/// The version requirement of `cargo update`: a compatible version.
fn compatible_with(version: &Version) -> Comparator {
    Comparator {
        op: Op::Caret,
        major: version.major,
        minor: Some(version.minor),
        patch: Some(version.patch),
        pre: version.pre.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the result for the version `current` and the versions in the index; yanked ones end
    /// with `!`.
    fn check(current: &str, published: &[&str], status: Status, latest: &str, compatible: &str) {
        let package = Package {
            name: "x".into(),
            version: Version::parse(current).unwrap(),
        };
        let listed: Vec<PublishedVersion> = published
            .iter()
            .map(|version| PublishedVersion {
                version: Version::parse(version.trim_end_matches('!')).unwrap(),
                is_yanked: version.ends_with('!'),
            })
            .collect();
        let found = compare(&package, &listed);
        let text = |version: Option<Version>| version.map_or("-".into(), |v| v.to_string());
        assert_eq!(
            (found.status, text(found.latest), text(found.compatible)),
            (status, latest.into(), compatible.into()),
            "{current} of {published:?}"
        );
    }

    #[test]
    fn yanked_versions_and_pre_releases_are_not_newer() {
        use Status::{Outdated, UpToDate, Yanked};
        check("1.0.0", &["1.0.0"], UpToDate, "1.0.0", "-");
        check(
            "1.0.0",
            &["0.9.0", "1.0.0", "1.2.0"],
            Outdated,
            "1.2.0",
            "1.2.0",
        );
        check(
            "1.0.0",
            &["2.1.0", "1.0.0", "1.0.3"],
            Outdated,
            "2.1.0",
            "1.0.3",
        );
        check("0.2.1", &["0.2.1", "0.3.0"], Outdated, "0.3.0", "-");
        check(
            "1.0.0",
            &["1.0.0", "1.1.0!", "2.0.0-rc.1"],
            UpToDate,
            "1.0.0",
            "-",
        );
        check("1.0.0", &["1.0.0!", "1.0.1"], Yanked, "1.0.1", "1.0.1");
        check("1.0.0", &["1.0.0!"], Yanked, "-", "-");
        // The built version is newer than the index offers: a pre-release, or an index mirror that
        // is behind.
        check(
            "2.0.0-rc.1",
            &["1.0.0", "2.0.0-rc.1"],
            UpToDate,
            "1.0.0",
            "-",
        );
        check(
            "2.0.0-rc.1",
            &["2.0.0-rc.1", "2.0.0"],
            Outdated,
            "2.0.0",
            "2.0.0",
        );
        // Build metadata does not make a version newer.
        check("1.0.0+a", &["1.0.0+b"], UpToDate, "1.0.0+b", "-");
    }
}
