use common::Layout;
use semver::Version;

use super::*;

fn locked(packages: &[(&str, &str)]) -> LockedPackages {
    LockedPackages {
        direct: packages
            .iter()
            .map(|(name, version)| Package {
                name: (*name).into(),
                version: Version::parse(version).unwrap(),
            })
            .collect(),
        others: 7,
    }
}

fn published(versions: &[&str]) -> Answer {
    let listed = versions.iter().map(|version| compare::PublishedVersion {
        version: Version::parse(version).unwrap(),
        is_yanked: false,
    });
    Ok(listed.collect())
}

#[test]
fn stored_answers_apply_to_crates_of_the_same_version() {
    let asked_at = Some(Timestamp::UNIX_EPOCH);
    let then = locked(&[("a", "1.0.0"), ("b", "1.0.0"), ("gone", "1.0.0")]);
    let answers = vec![
        published(&["1.1.0"]),
        published(&["1.1.0"]),
        published(&["1.0.0"]),
    ];
    let kept = with_answers(asked_at, &then, answers);
    let now = locked(&[("a", "1.0.0"), ("b", "1.1.0"), ("new", "1.0.0")]);
    let shown = for_this_program(&now, kept.clone());
    assert_eq!((shown.asked_at, shown.others), (asked_at, 7));
    let of = |name: &str| shown.direct.iter().find(|one| one.name == name).unwrap();
    assert_eq!(of("a"), &kept.direct[0]);
    assert_eq!(of("b").status, Status::Unknown);
    assert_eq!(of("new").status, Status::Unknown);
    assert_eq!(shown.direct.len(), 3);
}

#[test]
fn the_index_is_asked_once_per_utc_day() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&Layout::in_scratch(folder.path())).unwrap();
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    assert!(!was_asked_on_the_day_of(
        at("2026-05-01T23:59:59Z"),
        &history
    ));
    let asked = Dependencies {
        asked_at: Some(at("2026-05-01T00:00:01Z")),
        ..Dependencies::default()
    };
    history.save_document(DOCUMENT, &asked).unwrap();
    for (now, expected) in [
        ("2026-05-01T00:00:01Z", true),
        ("2026-05-01T23:59:59Z", true),
        ("2026-05-02T00:00:00Z", false),
        // The clock was set back.
        ("2026-04-30T12:00:00Z", false),
    ] {
        assert_eq!(
            was_asked_on_the_day_of(at(now), &history),
            expected,
            "{now}"
        );
    }
    history.save_document(DOCUMENT, &"of the future").unwrap();
    assert!(!was_asked_on_the_day_of(
        at("2026-05-01T00:00:01Z"),
        &history
    ));
}

#[test]
fn the_text_shows_outdated_and_yanked_crates() {
    let packages = locked(&[
        ("current", "1.0.0"),
        ("old", "1.0.0"),
        ("far", "1.0.0"),
        ("lost", "1.0.0"),
    ]);
    let answers = vec![
        published(&["1.0.0"]),
        published(&["1.2.0", "2.0.0"]),
        Ok(vec![compare::PublishedVersion {
            version: Version::new(1, 0, 0),
            is_yanked: true,
        }]),
        Err("nobody answers".into()),
    ];
    let text = with_answers(Some(Timestamp::UNIX_EPOCH), &packages, answers).to_string();
    assert_eq!(
        text,
        "\
dependencies: 4 direct (1 outdated, 1 yanked, 1 unknown) and 7 indirect, asked 1970-01-01 00:00:00Z
unknown: nobody answers
crate      current   compatible       latest
old          1.0.0        1.2.0        2.0.0
far          1.0.0            -            -  yanked
"
    );
}
