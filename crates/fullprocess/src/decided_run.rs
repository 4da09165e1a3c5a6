//! The first half of a run: from listing the input to the committed decision.

use std::cell::RefCell;

use common::ledger::{FileStatus, LedgerFile};
use common::numbers::counted;
use common::{Config, History, Ledger, WaitingRows};
use dataset::max_loaded_rows;
use ingestion::{EngineCommit, EnginePlan, IngestReport, InputScan, Intake, Keep, Prepared};
use record::{Action, Decision, Evidence, FileWithoutTarget, Outcome, Policy, RunRecord, decide};

use crate::awaited_labels;
use crate::engine;
use crate::evaluation::{LiveRelease, RunData, evaluate};
use crate::monitor::monitor;
use crate::notices;
use crate::open_run::OpenRun;
use crate::regime;
use crate::reviews::review;
use crate::unlabelled::run_predictions;

/// The input folders' content, and the state that it is compared with.
pub(crate) struct InputState {
    live: Option<LiveRelease>,
    prepared: Prepared,
    found: InputScan,
    /// True if rows wait for more labels than the configuration now needs.
    do_fewer_labels_suffice: bool,
}

/// A committed decision with the data that it needs.
pub(crate) struct DecidedRun {
    pub(crate) action: Action,
    pub(crate) data: RunData,
    pub(crate) live: Option<LiveRelease>,
}

impl InputState {
    /// Reads the live release, the ledger and the input folders.
    pub(crate) fn read(config: &Config, history: &History) -> anyhow::Result<Self> {
        let live = LiveRelease::load(config)?;
        let prepared =
            ingestion::prepare(config, history, live.as_ref().map(LiveRelease::manifest))?;
        let mut found = ingestion::scan_input(config, &prepared, common::clock::now())?;
        found.note_earlier_loss(history)?;
        if let Some(lost) = engine::lost_rows(config, &prepared.ledger)? {
            found.note_damage(lost);
        }
        found.defer_blocked_rebuild(&prepared.ledger, live.as_ref().map(LiveRelease::manifest));
        if config.schema.id.is_some() {
            // Opening the waiting rows finds out whether they were lost, also in a run without new input.
            WaitingRows::open(&config.layout, history)?;
        }
        Ok(Self {
            live,
            prepared,
            found,
            do_fewer_labels_suffice: awaited_labels::are_fewer_labels_needed(config, history)?,
        })
    }

    /// True if all input is known and every task of a run is done.
    pub(crate) fn is_nothing_new(&self) -> bool {
        let ledger = &self.prepared.ledger;
        let is_rejected = |file: &LedgerFile| file.status == FileStatus::Rejected;
        // If all input was rejected and nothing is deployed, each run reports it.
        let has_no_input = ledger.rows == 0 && !ledger.files.iter().any(is_rejected);
        let is_served = self.live.is_some() || has_no_input;
        self.found.is_nothing_new()
            && ledger.seen_rows == ledger.rows
            && is_served
            && !self.do_fewer_labels_suffice
    }
}

impl OpenRun<'_> {
    /// Ingests new input, evaluates the deployed model on it, and commits the decision.
    pub(crate) fn ingest_and_decide(&mut self, input: InputState) -> anyhow::Result<DecidedRun> {
        let InputState {
            live,
            prepared,
            found,
            ..
        } = input;
        let mut data = self.stage("ingestion", |run| {
            run.ingest(prepared, found, live.as_ref())
        })?;
        let open = regime::load(self.config, self.history, &data)?;
        data.prefer_since_drift(open.map(|regime| regime.first_row));
        let policy = Policy::of(self.config);
        let (evidence, decision) = self.stage("judging", |run| {
            let (config, history, live) = (run.config, run.history, live.as_ref());
            let mut predictions = live
                .map(|live| run_predictions(config, run.id, live, &data))
                .transpose()?
                .unwrap_or_default();
            let mut evidence = Evidence {
                regime: open,
                verdicts: monitor(config, history, live, &data)?,
                ..evaluate(config, history, live, &data)?
            };
            if evidence.new_labelled_rows == 0 {
                evidence.files_without_target = run.files_without_target();
            }
            if let Some(verdicts) = &evidence.verdicts {
                predictions.note_left_reference(verdicts);
            }
            let decision = decide(&evidence, &policy);
            if live.is_some() {
                run.record.warn(data.new_rows(config)?.note_of_sample());
            }
            if decision.action == Action::Wait {
                // The next run tests these rows together with the rows that bring the missing
                // labels. A test of a part of them would raise the chance of a false alarm.
                evidence.verdicts = None;
            }
            if decision.action.marks_as_evaluated() {
                let update = predictions.store(config, history, &data.ledger)?;
                evidence.estimated_performance = update.estimated_performance;
                evidence.realised_performance = update.realised_performance;
                evidence.reviews = review(config, history, run.id, live, &data)?;
                run.record.pending_predictions = update.pending;
            }
            Ok((evidence, decision))
        })?;
        self.record_decision(&data, evidence, &policy, &decision);
        notices::collect(self.config, self.history, &data.ledger, &mut self.record)?;
        let regime = self.record.regime;
        self.save_with(|history| {
            awaited_labels::save(history, decision.action, policy.needed)?;
            regime::save(history, regime, &data)
        })?;
        Ok(DecidedRun {
            action: decision.action,
            data,
            live,
        })
    }

    /// New files with rows and without a target column.
    fn files_without_target(&self) -> Vec<FileWithoutTarget> {
        let files = self.record.ingestion.iter().flat_map(|it| &it.files);
        files
            .filter(|file| file.lacks_target && file.rows.kept > 0)
            .map(|file| FileWithoutTarget {
                file: file.path(),
                target: self.config.schema.target.clone(),
                rows: file.rows.kept,
            })
            .collect()
    }

    fn ingest(
        &mut self,
        prepared: Prepared,
        mut found: InputScan,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<RunData> {
        if found.is_nothing_new()
            && let Some(damage) = ingestion::damage(self.config, &prepared.ledger)?
        {
            found.note_damage(damage);
        }
        if found.is_nothing_new() {
            // The data exists already: an earlier run or a stage run by hand ingested it.
            match RunData::load(self.config, prepared.ledger.clone()) {
                Ok(mut data) => {
                    let (ledger, report) =
                        ingestion::record_nothing_new(self.history, data.ledger, &found)?;
                    self.record.note_ingestion(report);
                    data.ledger = ledger;
                    return Ok(data);
                }
                Err(error) => found.note_damage(error.root_cause().to_string()),
            }
        }
        let committed = RefCell::new(None);
        // The report is saved with the ledger. Once the ledger knows the files, no later run can
        // report their rejections.
        let note = |history: &History, report: &IngestReport| {
            let mut record = self.record.clone();
            record.note_ingestion(report.clone());
            history.save_run(self.id, &record)?;
            committed.replace(Some(report.clone()));
            Ok(())
        };
        if self.config.ingests_on_engine() {
            let ingested = ingest_on_engine(
                &EngineCommit {
                    config: self.config,
                    history: self.history,
                    ledger: &prepared.ledger,
                    found: &found,
                    live: live.map(LiveRelease::manifest),
                    on_commit: &note,
                },
                self.id,
            );
            if let Some(report) = committed.into_inner() {
                self.record.note_ingestion(report);
            }
            return ingested;
        }
        let ingested = ingestion::ingest(Intake {
            config: self.config,
            history: self.history,
            ledger: prepared.ledger,
            found,
            live: live.map(LiveRelease::manifest),
            keep: Keep::Rows {
                max_rows: max_loaded_rows(self.config),
            },
            run: Some(self.id),
            on_commit: &note,
        });
        if let Some(report) = committed.into_inner() {
            self.record.note_ingestion(report);
        }
        ingested.map(RunData::of)
    }

    fn record_decision(
        &mut self,
        data: &RunData,
        evidence: Evidence,
        policy: &Policy,
        decision: &Decision,
    ) {
        let record = &mut self.record;
        record.release = evidence.deployed.as_ref().map(|live| live.release.clone());
        let deployed = evidence.deployed.as_ref();
        record.deployed_score = deployed.map(|live| live.score);
        record.deployed_score_interval = deployed.and_then(|live| live.score_interval);
        let new = evidence.score_on(policy.basis);
        record.new_score = new.map(|f1| f1.value);
        record.new_score_interval = new.and_then(|f1| f1.interval);
        if let Some(metrics) = &evidence.on_new_rows
            && decision.action == Action::Keep
        {
            record.warn(scoring::model_warnings(
                metrics,
                "the deployed model",
                "on the new rows",
            ));
        }
        record.rows.new = evidence.new_rows;
        record.regime = evidence.regime_after(decision.action, self.id);
        record.data = Some(data.ledger.digest.clone());
        record.reason = decision.reason.clone();
        record.decision = Some(decision.clone());
        record.evidence = Some(evidence);
    }

    /// Ends the run without new input.
    pub(crate) fn end_with_nothing_new(mut self, input: &InputState) -> anyhow::Result<RunRecord> {
        self.record_nothing_new(input)?;
        self.finish(Outcome::NothingNew, None)
    }

    /// Records that there is no new input, and how many rows wait for labels.
    pub(crate) fn record_nothing_new(&mut self, input: &InputState) -> anyhow::Result<()> {
        let ledger = input.prepared.ledger.clone();
        let (ledger, report) = ingestion::record_nothing_new(self.history, ledger, &input.found)?;
        let is_empty = report.empty_folders.len() == self.config.input_folders.len();
        self.record.note_ingestion(report);
        self.record.reason = match ledger.rows.saturating_sub(ledger.evaluated_rows) {
            _ if is_empty => "there is no input file".into(),
            0 => "every input file is known, and no row waits to be evaluated".into(),
            waiting => {
                format!(
                    "every input file is known; {} for more labels",
                    match waiting {
                        1 => "1 new row waits".into(),
                        waiting => format!("{} wait", counted(waiting, "new row")),
                    }
                )
            }
        };
        let live = input.live.as_ref();
        if let Some(live) = live
            && is_live_by_hand(self.history, live)?
        {
            self.record.reason.push_str(&format!(
                "; release {} was made live by hand",
                live.release.name()
            ));
        }
        self.record.release = live.map(|live| live.release.name().to_owned());
        self.record.deployed_score = live.map(|live| live.manifest().score);
        self.record.deployed_score_interval = live.and_then(|live| live.manifest().score_interval);
        notices::collect(self.config, self.history, &ledger, &mut self.record)
    }
}

/// Lets the engine read the input files, and commits the rows.
fn ingest_on_engine(commit: &EngineCommit<'_>, run: i64) -> anyhow::Result<RunData> {
    let (config, before) = (commit.config, commit.ledger);
    let plan = EnginePlan::of(commit.found, before, commit.live, run)?;
    let read = engine::ingest(config, before, &plan)?;
    let earlier = match plan.appends() {
        true => before.clone(),
        false => Ledger::default(),
    };
    let (ledger, _, key) = commit.commit(plan, read)?;
    Ok(RunData::on_engine(ledger, earlier, key))
}

/// True if the newest change by hand made this release live. Names of releases are never given
/// twice, so the name identifies the release.
fn is_live_by_hand(history: &History, live: &LiveRelease) -> anyhow::Result<bool> {
    let change = history.release_change_since(0)?;
    Ok(change.is_some_and(|change| match change.to {
        Some(to) => to == live.release.name(),
        // An older program did not record the release.
        None => live.manifest().run.is_none(),
    }))
}
