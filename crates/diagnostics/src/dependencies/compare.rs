//! A crate at the version that was built, held against the versions that the index names.

use std::cmp::Ordering;

use semver::{Comparator, Op, Version};

use super::lock::Package;
use super::{Dependency, Status};

/// A version that the index names.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) version: Version,
    pub(super) is_yanked: bool,
}

/// Says how a crate stands.
pub(super) fn compare(package: &Package, published: &[Published]) -> Dependency {
    let current = &package.version;
    let is_current = |other: &Published| other.version.cmp_precedence(current).is_eq();
    let is_newer = |version: &Version| version.cmp_precedence(current) == Ordering::Greater;
    let offered = || {
        published
            .iter()
            .filter(|other| !other.is_yanked && other.version.pre.is_empty())
            .map(|other| &other.version)
    };
    let update = as_an_update_of(current);
    let latest = offered().max_by(|a, b| a.cmp_precedence(b));
    let compatible = offered()
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

/// What `cargo update` would take in its place.
fn as_an_update_of(version: &Version) -> Comparator {
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

    /// `current`, the versions of the index (yanked ones with `!`), and what is to be said.
    fn check(current: &str, published: &[&str], status: Status, latest: &str, compatible: &str) {
        let package = Package {
            name: "x".into(),
            version: Version::parse(current).unwrap(),
        };
        let listed: Vec<Published> = published
            .iter()
            .map(|version| Published {
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
    fn newer_is_what_is_published_neither_yanked_nor_a_trial() {
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
        // Ahead of what is offered, as with a trial version or a mirror that lags.
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
