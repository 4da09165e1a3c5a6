//! The call list: the clients whose latest row has no label, those most likely to leave first, each
//! with its reasons.
//!
//! The list is made by the deployed model, so its probabilities are those of the server. Only these
//! clients are held in memory: a labelled row takes none.

mod band;
mod clients;
mod entry;
mod reasons;
mod stored;
mod summary;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::layout::names;
use common::{Config, Failure, History, RunLock, files, regular};
use dataset::{RecordWriter, sort_by};
use model::Model;

use self::band::Bands;
use self::clients::{Client, Clients};
use self::reasons::Reasons;
use crate::deployed::load_live;

pub use self::band::Band;
pub use self::clients::SourceRows;
pub use self::entry::{MAX_REASONS, RankedClient};
pub use self::stored::StoredList;
pub use self::summary::{BandCount, CallListSummary, RankReport};

/// A call list.
pub struct CallList {
    model: Model,
    /// The release of the model.
    release: String,
    clients: Clients,
    /// The clients by their rank.
    ranked: Vec<Ranked>,
}

/// Place of one client. Its reasons are computed when it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ranked {
    /// Position among the clients.
    client: usize,
    probability: f64,
    band: Band,
}

/// Ranks clients for the command `scoring --rank`, and writes the list to `output_model_path`. The
/// clients are those of `file`, otherwise those of the ingested data.
///
/// Without a release, the error says what to run (exit code 74). A file that cannot be used is an
/// error (65).
pub fn rank(config: &Config, file: Option<&Path>) -> anyhow::Result<RankReport> {
    let _lock = RunLock::acquire(&config.layout, "scoring")?;
    let (release, model) = load_live(config)?.ok_or_else(|| {
        Failure::input_output(
            "no model is deployed: run `fullprocess`, or `training`, `scoring` and `deployment`",
        )
    })?;
    let (clients, rows) = match file {
        Some(file) => clients::of_file(config, file)?,
        None => clients::of_ingested_rows(config, &History::open(&config.layout)?)?,
    };
    for warning in &rows.warnings {
        tracing::warn!("{warning}");
    }
    let list = CallList::of(release, model, clients);
    let path = list.write(config)?;
    Ok(RankReport {
        file: path,
        rows,
        list: list.summary(),
    })
}

/// The call list of the ingested data; `None` if nothing is deployed, or if no row waits for a label
/// and no list is there that is out of date.
///
/// An error if the data does not hold what was ingested, or if the release is damaged.
pub fn call_list(config: &Config, history: &History) -> anyhow::Result<Option<CallList>> {
    if !clients::is_any_row_unlabelled(history)? && !config.layout.risk_ranking().exists() {
        return Ok(None);
    }
    let Some((release, model)) = load_live(config)? else {
        return Ok(None);
    };
    let (clients, _) = clients::of_ingested_rows(config, history)?;
    Ok(Some(CallList::of(release, model, clients)))
}

impl CallList {
    fn of(release: String, model: Model, clients: Clients) -> Self {
        let scorer = model.scorer();
        let scored = clients.list.iter().enumerate();
        let mut ranked: Vec<Ranked> = scored
            .map(|(client, of)| Ranked {
                client,
                probability: scorer.probability(&of.row),
                band: Band::Low,
            })
            .collect();
        let name = |ranked: &Ranked| &clients.list[ranked.client];
        sort_by(&mut ranked, |a, b| {
            let by_probability = b.probability.total_cmp(&a.probability);
            by_probability.then_with(|| name(a).compare_names(name(b)))
        });
        let bands = Bands::new(model.threshold);
        for place in &mut ranked {
            place.band = bands.of(place.probability);
        }
        Self {
            model,
            release,
            clients,
            ranked,
        }
    }

    /// True if no client waits for a label.
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
                reasons: reasons.of(row),
                model_version: self.release.clone(),
            }
        })
    }

    /// Counts of the list.
    pub fn summary(&self) -> CallListSummary {
        CallListSummary {
            model_version: self.release.clone(),
            clients: self.ranked.len() as u64,
            bands: BandCount::of(self.ranked.iter().map(|ranked| ranked.band)),
        }
    }
}
