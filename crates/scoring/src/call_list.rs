//! The call list: the clients whose latest row has no label, ranked by the risk that they leave,
//! with the reasons for each.
//!
//! The deployed model makes the list, so its probabilities are those of the server. Memory holds
//! these clients, and a few numbers for each client that the previous list called or held out.
//! Other rows take no memory.

mod band;
mod calibration;
mod clients;
mod entry;
mod outcomes;
mod reasons;
mod stored;
mod summary;
#[cfg(test)]
mod tests;
mod worth;

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::config::ScoringSettings;
use common::layout::names;
use common::{Config, Failure, History, RunLock, files, regular};
use dataset::{RecordWriter, sort_by};
use model::Model;

use self::band::bands;
use self::clients::{Client, Clients};
use self::outcomes::EarlierCalls;
use self::reasons::Reasons;
use self::worth::{Call, Worth, choose_calls};
use crate::deployed::load_live;

pub use self::band::Band;
pub use self::calibration::{
    CalibrationVerdict, CallCalibration, CallPredictions, GroupCalibration, PredictedGroup,
};
pub use self::clients::SourceRows;
pub use self::entry::{COLUMNS as CALL_LIST_COLUMNS, MAX_REASONS, RankedClient};
pub use self::outcomes::{CallEffect, CallGroup, CallOutcomes, CallReport};
pub use self::stored::{CallListFlaw, StoredList};
pub use self::summary::{BandCount, CallListSummary, RankReport};
pub use self::worth::{ExpectedValue, ValueOfFirst};

/// A call list.
pub struct CallList {
    model: Model,
    /// Number of the release that the model belongs to.
    release: String,
    clients: Clients,
    /// The clients by their rank.
    ranked: Vec<Ranked>,
    /// Number of clients to be called; `None` if no capacity, no value and no held-out share is
    /// configured.
    in_capacity: Option<u64>,
    /// Expected value of the calls; `None` if no value is configured.
    expected_value: Option<ExpectedValue>,
}

/// A client's place on the list. The reasons are computed when the list is written.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ranked {
    /// Index of the client in `clients.list`.
    client: usize,
    probability: f64,
    band: Band,
    call: Call,
}

/// Ranks clients for the command `scoring --rank`, and writes the list to `output_model_path`. Reads the
/// clients of `file`, or else of the ingested data.
///
/// Returns an error if nothing is deployed; the error names the programs to run (exit code 74). Also
/// returns an error if the file cannot be opened (74), or if ingestion would reject it (65).
pub fn rank(config: &Config, file: Option<&Path>) -> anyhow::Result<RankReport> {
    let _lock = RunLock::acquire(&config.layout, "scoring")?;
    let (release, model) = load_live(config)?.ok_or_else(|| {
        Failure::input_output(
            "no model is deployed: run `fullprocess`, or `training`, `scoring` and `deployment`",
        )
    })?;
    let (clients, rows) = match file {
        Some(file) => clients::of_file(config, file)?,
        None => {
            let history = History::open(&config.layout)?;
            clients::of_ingested_rows(config, &history, &mut EarlierCalls::default())?
        }
    };
    for warning in &rows.warnings {
        tracing::warn!("{warning}");
    }
    let list = CallList::of(&config.scoring, release, model, clients);
    let path = list.write(config)?;
    Ok(RankReport {
        file: path,
        rows,
        list: list.summary(),
    })
}

/// The call list of a run.
pub struct ListOfRun {
    /// The list: the clients whose latest row has no label.
    pub list: CallList,
    /// Outcomes of the clients on an earlier list.
    pub outcomes: CallOutcomes,
    /// Predictions of the earlier list for these clients.
    pub predictions: CallPredictions,
    /// Reason why no outcomes are counted: the earlier list cannot be read. `None` if it was read.
    pub problem: Option<anyhow::Error>,
}

/// The call list of the ingested data, and the outcomes of the clients on an earlier list.
///
/// `None` if nothing is deployed. Also `None` if every row has a label and there is no list to
/// replace.
///
/// Returns an error if finaldata.csv does not contain the ingested rows, or if the release is damaged.
pub fn call_list(
    config: &Config,
    history: &History,
    earlier: Option<&Path>,
) -> anyhow::Result<Option<ListOfRun>> {
    if !clients::may_have_unlabelled_rows(history)?
        && !files::exists(&config.layout.risk_ranking())?
    {
        return Ok(None);
    }
    let Some((release, model)) = load_live(config)? else {
        return Ok(None);
    };
    let (mut earlier, problem) = match earlier.map(EarlierCalls::of_file).transpose() {
        Ok(earlier) => (earlier.unwrap_or_default(), None),
        Err(error) => (EarlierCalls::default(), Some(error)),
    };
    let (clients, _) = clients::of_ingested_rows(config, history, &mut earlier)?;
    let list = CallList::of(&config.scoring, release, model, clients);
    let (outcomes, predictions) = earlier.outcomes();
    Ok(Some(ListOfRun {
        list,
        outcomes,
        predictions,
        problem,
    }))
}

impl CallList {
    fn of(settings: &ScoringSettings, release: String, model: Model, clients: Clients) -> Self {
        let actions = &settings.actions;
        let worth = Worth::new(actions, &model);
        let mut ranked = ranked(settings, &model, &clients, worth.as_ref());
        let calls = ranked.iter_mut().map(|ranked| {
            let is_of_share = clients.list[ranked.client].is_held_out(actions.holdout);
            (&mut ranked.call, is_of_share)
        });
        let in_capacity = choose_calls(actions, calls);
        let expected_value = worth.map(|worth| {
            let calls: Vec<Call> = ranked.iter().map(|ranked| ranked.call).collect();
            let rows = clients.list.iter().map(|client| &client.row);
            worth.summary(rows.filter_map(|row| worth.value(row)).collect(), &calls)
        });
        Self {
            in_capacity,
            expected_value,
            model,
            release,
            clients,
            ranked,
        }
    }

    /// True if the latest row of every client has a label.
    pub fn is_empty(&self) -> bool {
        self.ranked.is_empty()
    }

    /// Writes the list to `output_model_path` in one step, and returns the path of the file.
    pub fn write(&self, config: &Config) -> anyhow::Result<PathBuf> {
        let path = config.layout.risk_ranking();
        files::create_folder(config.layout.models())?;
        files::replace_with(&path, |file| {
            let mut writer = RecordWriter::new(file);
            writer.write(entry::COLUMNS)?;
            for client in self.entries() {
                writer.write(client.fields())?;
            }
            writer.finish()?;
            Ok(())
        })?;
        Ok(path)
    }

    /// Writes the list as [`write`](Self::write) does, and a copy of it to the folder of a run.
    pub fn write_for_run(&self, config: &Config, folder: &Path) -> anyhow::Result<()> {
        let path = self.write(config)?;
        files::create_folder(folder)?;
        files::replace_with(&folder.join(names::RISK_RANKING), |copy| {
            let mut written = regular::open(&path)
                .with_context(|| format!("failed to read {}", path.display()))?;
            io::copy(&mut written, copy)?;
            Ok(())
        })
    }

    /// The clients by their rank.
    fn entries(&self) -> impl Iterator<Item = RankedClient> {
        let reasons = Reasons::new(&self.model, &self.clients.levels);
        let ranked = self.ranked.iter().enumerate();
        ranked.map(move |(place, ranked)| {
            let Client { row, .. } = &self.clients.list[ranked.client];
            RankedClient {
                rank: place as u64 + 1,
                id: self.clients.list[ranked.client].name(),
                probability: ranked.probability,
                band: ranked.band,
                expected_value: ranked.call.expected_value,
                in_capacity: ranked.call.in_capacity,
                hold_out: ranked.call.hold_out,
                reasons: reasons.of(row),
                model_version: self.release.clone(),
            }
        })
    }

    /// Number of held-out clients; `None` if no share is held out.
    fn held_out(&self) -> Option<u64> {
        let mut flags = self.ranked.iter().filter_map(|ranked| ranked.call.hold_out);
        let first = flags.next()?;
        Some(flags.fold(u64::from(first), |sum, flag| sum + u64::from(flag)))
    }

    /// Counts of the list.
    pub fn summary(&self) -> CallListSummary {
        CallListSummary {
            model_version: self.release.clone(),
            clients: self.ranked.len() as u64,
            bands: BandCount::of(self.ranked.iter().map(|ranked| ranked.band)),
            in_capacity: self.in_capacity,
            held_out: self.held_out(),
            expected_value: self.expected_value.clone(),
        }
    }
}

/// The clients by their rank, before it is decided who is called.
fn ranked(
    settings: &ScoringSettings,
    model: &Model,
    clients: &Clients,
    worth: Option<&Worth<'_>>,
) -> Vec<Ranked> {
    let scorer = model.scorer();
    let rows = clients.list.iter().map(|client| &client.row);
    let probabilities: Vec<f64> = rows.clone().map(|row| scorer.probability(row)).collect();
    let bands = bands(settings.bands, model.threshold, &probabilities);
    let scored = probabilities.into_iter().zip(bands).zip(rows).enumerate();
    let mut ranked: Vec<Ranked> = scored
        .map(|(client, ((probability, band), row))| Ranked {
            client,
            probability,
            band,
            call: Call {
                expected_value: worth.and_then(|worth| worth.expected(probability, row)),
                ..Call::default()
            },
        })
        .collect();
    // Clients are in the order of their names, so the index decides between clients of equal risk.
    sort_by(&mut ranked, |a, b| {
        a.compare_risk(b).then(a.client.cmp(&b.client))
    });
    ranked
}

impl Ranked {
    /// The order of the list: by expected value, then by probability, the highest first. A client
    /// without an expected value comes after all clients with one. Clients of equal risk compare as
    /// equal.
    fn compare_risk(&self, other: &Self) -> Ordering {
        let value = |ranked: &Self| ranked.call.expected_value.unwrap_or(f64::NEG_INFINITY);
        let by_value = value(other).total_cmp(&value(self));
        by_value.then(other.probability.total_cmp(&self.probability))
    }
}
