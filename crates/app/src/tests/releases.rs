//! Tests of releases: a server without one, and the choice between several.

use std::fs;

use common::layout::names;
use common::{Config, files};
use deployment::Release;
use jiff::Timestamp;
use serde_json::json;

use super::service::{CSV, Service};
use crate::snapshot::ModelStore;

#[test]
fn without_a_model_the_server_is_live_but_not_ready() {
    let service = Service::new();
    assert_eq!(service.get("/livez").status, 200);
    let ready = service.get("/readyz");
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (503, &json!("no-model"))
    );
    assert_eq!(service.predict(CSV).problem(), "503 no-model");
    assert_eq!(service.get("/scoring").problem(), "503 no-model");
    service.deploy();
    let ready = service.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["checks"][0]["ok"], true);
    assert_eq!(service.predictions(CSV)["model_version"], "000001");
}

#[test]
fn a_new_release_is_loaded_and_a_broken_one_is_not() {
    let service = Service::deployed();
    let version = || service.predictions(CSV)["model_version"].clone();
    assert_eq!(version(), "000001");
    service.deploy();
    assert_eq!(version(), "000002");

    let (third, _) = service.deploy();
    let path = third.folder.join(names::MODEL);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    files::replace(&path, &bytes).unwrap();
    deployment::roll_back(&service.config.layout, Some("1")).unwrap();
    assert_eq!(service.get("/readyz").status, 200);
    assert_eq!(version(), "000001");
    point_current_at(&service.config, &third);
    let ready = service.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["checks"][1]["ok"], false);
    assert_eq!(ready.json()["status"], "degraded");
    assert_eq!(version(), "000001", "the model before it stays");
    let score = service.get("/scoring");
    assert_eq!(score.status, 200);
    assert_eq!(score.json()["model_version"], "000001");
    let metrics = String::from_utf8(service.get("/metrics").body).unwrap();
    for line in [
        "risk_model_info{version=\"000001\"} 1",
        "risk_model_reloads_total{result=\"loaded\"} 4",
        "risk_model_reloads_total{result=\"refused\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
}

#[test]
fn the_model_in_memory_keeps_serving_while_the_live_release_is_missing() {
    let service = Service::deployed();
    let production = service.config.layout.production();
    let away = production.with_file_name("away");
    let status = || service.get("/readyz").json()["status"].clone();
    assert_eq!(status(), "ready");
    for _ in 0..2 {
        files::rename(production, &away).unwrap();
        assert_eq!(status(), "degraded");
        assert_eq!(service.predictions(CSV)["model_version"], "000001");
        assert_eq!(service.get("/v1/model").status, 200);
        files::rename(&away, production).unwrap();
        assert_eq!(status(), "ready");
    }
    fs::remove_file(service.config.layout.current()).unwrap();
    assert_eq!(
        (status(), service.get("/readyz").status),
        (json!("degraded"), 200)
    );
    // A server that starts now has no model.
    let models = ModelStore::new(&service.config);
    models.refresh();
    assert!(models.current().is_err());
}

#[test]
fn odd_files_in_a_release_are_rejected_after_a_limited_number_of_bytes() {
    let service = Service::deployed();
    let (second, _) = service.deploy();
    for name in [names::MANIFEST, names::MODEL, names::SCORE] {
        let path = second.folder.join(name);
        let kept = second.folder.join("kept");
        files::rename(&path, &kept).unwrap();
        for odd in ["/dev/zero", "/nowhere", "."] {
            std::os::unix::fs::symlink(odd, &path).unwrap();
            let models = ModelStore::new(&service.config);
            models.refresh();
            assert!(models.current().is_err(), "{name} -> {odd}");
            fs::remove_file(&path).unwrap();
        }
        let huge = fs::File::options()
            .create_new(true)
            .write(true)
            .open(&path)
            .unwrap();
        huge.set_len(1 << 40).unwrap();
        let models = ModelStore::new(&service.config);
        models.refresh();
        assert!(models.current().is_err(), "a huge {name}");
        fs::remove_file(&path).unwrap();
        files::rename(&kept, &path).unwrap();
    }
    let models = ModelStore::new(&service.config);
    models.refresh();
    assert_eq!(models.current().unwrap().release, "000002");
}

#[test]
fn an_unreadable_release_is_retried_and_logged_once() {
    let service = Service::new();
    let (release, _) = service.deploy();
    let path = release.folder.join(names::MODEL);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let models = ModelStore::new(&service.config);
    for _ in 0..3 {
        models.refresh_or_retry();
        assert!(models.current().is_err());
    }
    assert_eq!(models.metrics().unusable, 1);
    files::replace(&path, &whole[1..]).unwrap();
    models.refresh_or_retry();
    assert_eq!(models.metrics().unusable, 2, "for another reason");
    files::replace(&path, &whole).unwrap();
    models.refresh_or_retry();
    assert_eq!(models.current().unwrap().release, "000001");
    assert_eq!((models.metrics().loaded, models.metrics().unusable), (1, 2));
    models.refresh_or_retry();
    assert_eq!(models.metrics().loaded, 1, "nothing has changed");
}

#[test]
fn a_release_rebuilt_under_its_name_is_noticed() {
    let service = Service::new();
    let (release, _) = service.deploy();
    let models = ModelStore::new(&service.config);
    models.refresh();
    let before = models.current().unwrap().manifest.created_at;
    fs::remove_dir_all(service.config.layout.production()).unwrap();
    fs::remove_dir_all(service.config.layout.state()).unwrap();
    let (rebuilt, _) = service.publish_at(Timestamp::MAX);
    assert_eq!(rebuilt.name(), release.name());
    models.refresh();
    assert_ne!(models.current().unwrap().manifest.created_at, before);
}

/// Makes a release live without verifying it, as no program of the pipeline would.
fn point_current_at(config: &Config, release: &Release) {
    let name = format!("releases/{}", release.name());
    files::replace_link(&config.layout.current(), name.as_ref()).unwrap();
}

#[test]
fn a_live_release_that_is_damaged_after_it_was_loaded_is_reported_as_damaged() {
    let service = Service::deployed();
    let (second, _) = service.deploy();
    let page = |path: &str| String::from_utf8(service.get(path).body).unwrap();
    let says = "predictions still come from release 000002";
    assert!(!page("/").contains(says));
    assert!(page("/dashboard/releases").contains("deployment --rollback 000001"));
    for name in [names::MODEL, names::SCORE] {
        let path = second.folder.join(name);
        let whole = fs::read(&path).unwrap();
        for _ in 0..2 {
            files::replace(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(page("/").contains(says), "{name}: {}", page("/"));
            let releases = page("/dashboard/releases");
            assert!(releases.contains("live, and damaged"), "{name}: {releases}");
        }
        fs::remove_file(&path).unwrap();
        assert!(page("/").contains(says), "{name}");
        files::replace(&path, &whole).unwrap();
        assert!(!page("/").contains(says), "{name}: it was repaired");
        assert!(!page("/dashboard/releases").contains("live, and damaged"));
    }
    assert_eq!(service.predictions(CSV)["model_version"], "000002");
    // No command leads to a damaged release.
    let first = service.config.layout.release("000001");
    files::replace(&first.join(names::MODEL), b"half a mod").unwrap();
    let releases = page("/dashboard/releases");
    assert!(!releases.contains("--rollback"), "{releases}");
    assert!(
        releases.contains("There is no other undamaged release"),
        "{releases}"
    );
}
