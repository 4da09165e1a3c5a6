//! A pipeline in a temporary folder, and its server for tests.

use actix_web::web::Data;
use common::ledger::DataPosition;
use common::{Config, History, Schema, files};
use dataset::Table;
use deployment::{Candidate, Release, publish, stage};
use jiff::Timestamp;
use model::Model;
use serde_json::Value;

use super::client::{Answer, send};
use crate::access::AccessControl;
use crate::state::AppState;
use crate::{RunningServer, serve_in_background};

/// Two rows that can be predicted.
pub(super) const CSV: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n\
                   a,1,20,3\nb,39,,4\n";

/// Folder and server of a pipeline.
pub(crate) struct Service {
    folder: tempfile::TempDir,
    pub(super) config: Config,
    pub(super) table: Table,
    pub(super) server: RunningServer,
}

impl Service {
    /// A pipeline without a release.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models",
            "prod_deployment_path":"prod","state_folder_path":"state"}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let mut table = Table::new(&Schema::default());
        let mut test = format!("{},exited\n", CSV.lines().next().unwrap());
        for row in 0..40 {
            let (x, y, left) = (f64::from(row), f64::from(row % 7), row % 4 == 0 || row > 30);
            table.push(row.to_string().as_bytes(), &[x, 20.0, y], Some(left));
            test.push_str(&format!("{row},{x},20,{y},{}\n", u8::from(left)));
        }
        files::create_folder(&folder.path().join("test")).unwrap();
        files::replace(&folder.path().join("test/clients.csv"), test.as_bytes()).unwrap();
        let server = serve_in_background(&config).unwrap();
        Self {
            folder,
            config,
            table,
            server,
        }
    }

    /// Restarts the server with this configuration.
    pub(super) fn restart_with(&mut self, text: &str) {
        let path = self.folder.path().join("config.json");
        self.config = Config::parse(&path, text).unwrap();
        self.server = serve_in_background(&self.config).unwrap();
    }

    /// A pipeline with its first release.
    pub(crate) fn deployed() -> Self {
        let service = Self::new();
        service.deploy();
        service
    }

    /// The shared state of another server of the same folder.
    pub(crate) fn state(&self) -> Data<AppState> {
        let access = AccessControl::of(&self.config.api).unwrap();
        Data::new(AppState::new(self.config.clone(), access))
    }

    /// Makes the next release live.
    pub(super) fn deploy(&self) -> (Release, Model) {
        let deployed = self.publish_at(Timestamp::UNIX_EPOCH);
        // A readiness check makes the server look for the release.
        self.get("/readyz");
        deployed
    }

    /// Makes a release live at this time; the server is not told.
    pub(super) fn publish_at(&self, now: Timestamp) -> (Release, Model) {
        let config = &self.config;
        let history = History::open(&config.layout).unwrap();
        let model = training::train(
            config,
            &self.table,
            0..self.table.rows(),
            DataPosition::default(),
        )
        .unwrap();
        let metrics = scoring::score(&model, &self.table, &self.table.all())
            .unwrap()
            .unwrap();
        let candidate = Candidate {
            model: &model,
            metrics: &metrics,
            score: metrics.f1.unwrap(),
            run: None,
            scale: config.scorecard,
        };
        let staged = stage(&config.layout, &history, &candidate, now).unwrap();
        (publish(&config.layout, &history, staged).unwrap(), model)
    }

    pub(super) fn send(&self, request: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        send(&self.server, request, headers, body.as_ref())
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], "")
    }

    /// Predicts without a content type.
    pub(super) fn predict(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send("POST /prediction", &[], body)
    }

    /// Predictions of a successful answer.
    pub(super) fn predictions(&self, body: impl AsRef<[u8]>) -> Value {
        let answer = self.predict(body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }
}
