//! Releases in a real folder: created, replaced, rolled back and pruned, and never incomplete.

use std::fs;
use std::path::Path;

use common::ledger::DataPosition;
use common::{Schema, files};
use dataset::Table;
use jiff::Timestamp;
use model::Predictor;

use super::*;

mod scorecard;

struct Production {
    _folder: tempfile::TempDir,
    config: Config,
    history: History,
    model: Model,
    metrics: Metrics,
}

impl Production {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
            "deployment":{"keep_releases":2}}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let mut table = Table::new(&Schema::default());
        for row in 0..40 {
            let x = f64::from(row);
            let label = row % 4 == 0 || row > 30;
            table.push(row.to_string().as_bytes(), &[x, 2.0, x % 7.0], Some(label));
        }
        let model =
            training::train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap();
        let metrics = scoring::score(&model, &table, &table.all())
            .unwrap()
            .unwrap();
        Self {
            history: History::open(&config.layout).unwrap(),
            _folder: folder,
            config,
            model,
            metrics,
        }
    }

    fn stage(&self, score: f64) -> StagedRelease {
        let candidate = Candidate {
            model: &self.model,
            metrics: &self.metrics,
            score,
            run: Some(7),
            scale: self.config.scorecard,
        };
        stage(
            &self.config.layout,
            &self.history,
            &candidate,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap()
    }

    fn deploy(&self, score: f64) -> Release {
        publish(&self.config.layout, &self.history, self.stage(score)).unwrap()
    }

    fn live(&self) -> Option<String> {
        Release::live(&self.config.layout)
            .unwrap()
            .map(|live| live.manifest.release)
    }

    fn names(&self) -> Vec<String> {
        list(&self.config.layout)
            .unwrap()
            .into_iter()
            .map(|release| release.release)
            .collect()
    }
}

#[test]
fn a_staged_release_is_not_live_and_is_removed_by_the_next_repair() {
    let production = Production::new();
    let _staged = production.stage(0.5);
    assert_eq!(production.live(), None);
    assert!(production.names().is_empty());
    repair(&production.config, &production.history).unwrap();
    let left = fs::read_dir(production.config.layout.releases()).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn the_original_paths_lead_to_the_live_release() {
    let production = Production::new();
    let folder = production.config.layout.production().to_owned();
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let first = production.deploy(0.5);
    first.verify().unwrap();
    assert_eq!(read("latestscore.txt"), b"0.5\n");
    production.deploy(0.625);
    assert_eq!(read("latestscore.txt"), b"0.625\n");
    assert_eq!(
        fs::read_link(folder.join("current")).unwrap(),
        Path::new("releases/000002")
    );
    assert!(read("confusionmatrix.png").starts_with(b"\x89PNG"));
}

#[test]
fn a_rollback_goes_to_the_parent_and_a_second_one_to_its_parent() {
    let production = Production::new();
    let layout = &production.config.layout;
    for score in [0.1, 0.2, 0.3] {
        production.deploy(score);
    }
    roll_back(layout, None).unwrap();
    roll_back(layout, None).unwrap();
    assert_eq!(production.live().as_deref(), Some("000001"));
    assert_eq!(
        fs::read(layout.production().join("latestscore.txt")).unwrap(),
        b"0.1\n"
    );
    let nothing_left = roll_back(layout, None).unwrap_err();
    assert!(nothing_left.to_string().contains("first"), "{nothing_left}");

    roll_back(layout, Some("3")).unwrap();
    assert_eq!(production.live().as_deref(), Some("000003"));
    let unknown = roll_back(layout, Some("../../etc")).unwrap_err();
    assert!(unknown.to_string().contains("000001, 000002"), "{unknown}");
}

#[test]
fn a_rollback_to_the_live_release_changes_nothing() {
    let production = Production::new();
    production.deploy(0.1);
    production.deploy(0.2);
    let back_to_first = || {
        let options = Options {
            list: false,
            rollback: Some(Some("1".into())),
        };
        run(&production.config, options).unwrap().to_string()
    };
    let newest_change = || production.history.newest_release_change().unwrap();
    assert!(back_to_first().contains("live again instead of 000002"));
    assert_eq!(newest_change(), 1);
    assert_eq!(
        back_to_first(),
        "nothing was changed: release 000001 is live already\n"
    );
    assert_eq!(newest_change(), 1);
}

#[test]
fn a_rollback_names_the_command_that_undoes_it_only_if_the_release_is_undamaged() {
    for is_damaged in [false, true] {
        let production = Production::new();
        production.deploy(0.1);
        let model = production.deploy(0.2).folder.join("trainedmodel.msgpack");
        if is_damaged {
            files::replace(&model, b"half a mod").unwrap();
        }
        let options = Options {
            list: false,
            rollback: Some(Some("1".into())),
        };
        let text = run(&production.config, options).unwrap().to_string();
        let undoes = text.contains("`deployment --rollback 000002` undoes this");
        assert_eq!(undoes, !is_damaged, "{text}");
        assert_eq!(
            text.contains("release 000002 is damaged or missing"),
            is_damaged
        );
    }
}

#[test]
fn a_damaged_release_is_not_rolled_back_to() {
    for name in ["latestscore.txt", "trainedmodel.msgpack"] {
        let production = Production::new();
        let layout = &production.config.layout;
        let damaged = production.deploy(0.1).folder.join(name);
        production.deploy(0.2);
        let mut bytes = fs::read(&damaged).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        files::replace(&damaged, &bytes).unwrap();
        let error = format!("{:#}", roll_back(layout, None).unwrap_err());
        let says = format!("{name} was changed after it was published");
        assert!(error.contains(&says), "{error}");
        assert_eq!(production.live().as_deref(), Some("000002"));
    }
}

#[test]
fn a_rollback_by_name_works_although_the_live_release_is_damaged() {
    let production = Production::new();
    let layout = &production.config.layout;
    production.deploy(0.1);
    let live = production.deploy(0.2);
    files::replace(&live.folder.join("manifest.json"), b"{").unwrap();
    let unnamed = roll_back(layout, None).unwrap_err();
    assert!(
        format!("{unnamed:#}").contains("`deployment --rollback 000001`"),
        "{unnamed:#}"
    );
    roll_back(layout, Some("1")).unwrap();
    assert_eq!(production.live().as_deref(), Some("000001"));
    assert_eq!(production.names(), ["000001"]);
}

/// Changes a value in the manifest of a release, as a bit flip or a person could.
fn change_manifest(release: &Release, change: impl FnOnce(&mut Manifest)) {
    let mut manifest = release.manifest.clone();
    change(&mut manifest);
    let bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    files::replace(&release.folder.join("manifest.json"), &bytes).unwrap();
}

#[test]
fn a_manifest_that_is_not_the_published_one_is_damage() {
    let says = "is not the one that was published";
    let changes: [fn(&mut Manifest); 6] = [
        |manifest| manifest.score = 0.9,
        |manifest| manifest.parent = None,
        |manifest| manifest.run = Some(8),
        |manifest| manifest.data.rows += 1,
        |manifest| manifest.data.digest = "0".repeat(64),
        |manifest| manifest.release = "000003".into(),
    ];
    for change in changes {
        let production = Production::new();
        let layout = &production.config.layout;
        let first = production.deploy(0.1);
        let second = production.deploy(0.2);
        change_manifest(&second, change);
        for error in [
            Release::live(layout).map(drop),
            Manifest::of_live_release(layout).map(drop),
            roll_back(layout, None).map(drop),
            roll_back(layout, Some("2")).map(drop),
        ] {
            let error = format!("{:#}", error.unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        assert!(prune(&production.config).is_empty());
        let problems = |number: usize| examine(layout).unwrap()[number].problem.clone();
        assert_eq!(problems(0), None);
        assert!(problems(1).is_some_and(|problem| problem.contains(says)));
        let found = release_to_restore(layout, Some("000002")).unwrap();
        assert_eq!(found.unwrap().name(), first.name());
        assert!(live_with_model(layout, second.manifest.model_digest()).is_none());
        roll_back(layout, Some("1")).unwrap();
        assert!(Release::live(layout).is_ok());
    }
}

#[test]
fn the_previous_release_is_the_parent_or_else_the_newest_undamaged_one() {
    let production = Production::new();
    let layout = &production.config.layout;
    let before = |live: &str| {
        let release = previous_release(layout, live).unwrap();
        release.map(|release| release.name().to_owned())
    };
    let damage = |release: &Release| {
        files::replace(&release.folder.join(names::MODEL), b"damaged").unwrap();
    };
    let first = production.deploy(0.1);
    assert_eq!(before("000001"), None);
    let second = production.deploy(0.2);
    production.deploy(0.3);
    assert_eq!(before("000003").as_deref(), Some("000002"));
    assert_eq!(before("000001").as_deref(), Some("000003"));
    damage(&second);
    assert_eq!(before("000003").as_deref(), Some("000001"));
    damage(&first);
    assert_eq!(before("000003"), None);
}

#[test]
fn a_release_that_the_history_does_not_know_is_undamaged() {
    let production = Production::new();
    let layout = &production.config.layout;
    let release = production.deploy(0.1);
    change_manifest(&release, |manifest| manifest.score = 0.2);
    let nothing = serde_json::json!({});
    production
        .history
        .save_document("manifests of the releases", &nothing)
        .unwrap();
    assert!(Release::live(layout).is_ok());
    assert!(examine(layout).unwrap()[0].problem.is_none());
}

#[test]
fn pruning_keeps_the_newest_the_live_one_and_its_parent() {
    let production = Production::new();
    let layout = &production.config.layout;
    for score in [0.1, 0.2, 0.3, 0.4, 0.5] {
        production.deploy(score);
    }
    roll_back(layout, Some("2")).unwrap();
    assert_eq!(prune(&production.config), ["000003"]);
    assert_eq!(production.names(), ["000001", "000002", "000004", "000005"]);
}

#[test]
fn a_release_with_seven_digits_is_newer_than_one_with_six() {
    let production = Production::new();
    let layout = &production.config.layout;
    let given = production
        .history
        .save_document("last release number", &999_997);
    given.unwrap();
    for score in [0.1, 0.2, 0.3, 0.4] {
        production.deploy(score);
    }
    let listed = list(layout).unwrap().into_iter();
    let names: Vec<String> = listed.map(|it| it.release).collect();
    assert_eq!(names, ["999998", "999999", "1000000", "1000001"]);
    assert_eq!(prune(&production.config), ["999998", "999999"]);
}

#[test]
fn release_numbers_are_never_given_twice() {
    let production = Production::new();
    let layout = &production.config.layout;
    production.deploy(0.1);
    production.deploy(0.2);
    std::fs::remove_dir_all(layout.production()).unwrap();
    assert_eq!(production.deploy(0.3).name(), "000003");
}

#[test]
fn an_interrupted_first_deployment_is_completed_if_its_release_is_undamaged() {
    for is_whole in [true, false] {
        let production = Production::new();
        let layout = &production.config.layout;
        let change = NewChange {
            kind: ChangeKind::Deployment,
            from: None,
            to: Some("000001".into()),
            note: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        production.history.begin_change(now, &change).unwrap();
        let release = production.deploy(0.5);
        files::remove_file(&layout.current()).unwrap();
        if !is_whole {
            files::replace(&release.folder.join("scorecard.csv"), b"cut").unwrap();
        }
        repair(&production.config, &production.history).unwrap();
        assert_eq!(production.live().is_some(), is_whole);
        let kept_change = production.history.release_change_since(0).unwrap();
        assert_eq!(kept_change.is_some(), is_whole);
    }
}

#[test]
fn a_model_whose_predictions_changed_is_rejected() {
    let production = Production::new();
    let release = production.deploy(0.5);
    assert_eq!(release.manifest.sample_predictions.len(), 20);
    assert!(release.verify().is_ok());
    let mut other = production.model.clone();
    let Predictor::Linear(linear) = &mut other.predictor;
    linear.coefficients[0] += 0.01;
    let bytes = other.encode().unwrap();
    let mut manifest = release.manifest.clone();
    let digest = common::digest::of_bytes(&bytes);
    manifest.files.insert("trainedmodel.msgpack".into(), digest);
    files::replace(&release.folder.join("trainedmodel.msgpack"), &bytes).unwrap();
    let foreign = Release {
        folder: release.folder.clone(),
        manifest,
    };
    let error = foreign.verify().unwrap_err().to_string();
    assert!(error.contains("when it was published"), "{error}");
    // A release of an older program has no sample predictions to check.
    let mut old = foreign;
    old.manifest.sample_predictions.clear();
    assert!(old.verify().is_ok());
}

/// Turns a release into one of an older program, which wrote no scorecard and no report, and did not
/// record the manifest.
fn without_scorecard_and_report(production: &Production, release: &Release) {
    let nothing = serde_json::json!({});
    production
        .history
        .save_document("manifests of the releases", &nothing)
        .unwrap();
    let mut manifest = release.manifest.clone();
    for name in ["scorecard.csv", "report.html"] {
        manifest.files.remove(name);
        fs::remove_file(release.folder.join(name)).unwrap();
    }
    let bytes = serde_json::to_vec(&manifest).unwrap();
    files::replace(&release.folder.join("manifest.json"), &bytes).unwrap();
}

#[test]
fn a_release_of_an_older_program_is_undamaged_without_scorecard_and_report() {
    let production = Production::new();
    let layout = &production.config.layout;
    let link = layout.production().join("scorecard.csv");
    let old = production.deploy(0.1);
    without_scorecard_and_report(&production, &old);
    repair(&production.config, &production.history).unwrap();
    assert!(link.symlink_metadata().is_err());
    assert!(
        production
            .deploy(0.2)
            .manifest
            .files
            .contains_key("scorecard.csv")
    );
    assert_eq!(fs::read(&link).unwrap()[..7], *b"feature");

    roll_back(layout, None).unwrap();
    assert!(link.symlink_metadata().is_err());
    let live = Release::live(layout).unwrap().unwrap();
    live.verify().unwrap();
    assert!(stray_links(layout, &live.manifest).is_empty());
    roll_back(layout, Some("2")).unwrap();
    assert!(link.exists());
    // A file of a user is left alone.
    fs::remove_file(&link).unwrap();
    files::replace(&link, b"mine").unwrap();
    roll_back(layout, Some("1")).unwrap();
    assert_eq!(fs::read(&link).unwrap(), b"mine");
}
