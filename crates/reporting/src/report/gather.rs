//! Reads what the report of a run shows in addition to its record.

use std::path::{Path, PathBuf};

use anyhow::Context;
use common::layout::names;
use common::{Config, History, Layout, Manifest};
use model::Model;
use record::{RunFilter, RunRecord};
use scoring::{Metrics, RankedClient, StoredList};

use super::calls::MAX_CLIENTS;
use super::earlier::EarlierRuns;
use super::{
    DeployedModel, Part, RunReport, calls, effects, features, program, quality, score_history,
};
use crate::page::NamedFigure;

/// Makes the report of a run that is about to end, as the text of an HTML file.
///
/// A part that cannot be read is logged, and its place in the report says why.
pub fn make_run_report(config: &Config, history: &History, record: &RunRecord) -> String {
    let earlier = earlier(history, None, record.release.as_deref());
    gather(config, history, record, earlier).html()
}

fn gather<'a>(
    config: &Config,
    history: &History,
    record: &'a RunRecord,
    earlier: Part<EarlierRuns>,
) -> RunReport<'a> {
    RunReport {
        record,
        earlier: logged(earlier),
        deployed: logged(deployed(&config.layout)),
        clients: logged(first_clients(config, record)),
        dependencies: logged(diagnostics::stored_dependencies(Some(history))),
    }
}

/// Figures of the deployed model and of the newest run. `metrics` are the metrics of the deployed model
/// on the test data.
pub(crate) fn figures(
    config: &Config,
    history: &History,
    metrics: &Metrics,
) -> anyhow::Result<Vec<NamedFigure>> {
    let mut figures = quality::figures(metrics);
    let Some(last) = record::newest_runs(history, RunFilter::WithEvidence, 1)?.pop() else {
        return Ok(figures);
    };
    let earlier = earlier(history, last.run_id, last.release.as_deref());
    let report = gather(config, history, &last, Ok(earlier?));
    if let Ok(Some(deployed)) = &report.deployed {
        figures.extend(effects::figures(&deployed.model));
    }
    figures.extend(score_history::figure(&report));
    figures.extend(features::figures(&report));
    figures.extend(calls::figure(&report));
    figures.extend(program::figure(&last));
    Ok(figures)
}

fn logged<T>(part: Part<T>) -> Part<T> {
    part.inspect_err(|error| tracing::warn!("a part of the report cannot be made: {error:#}"))
}

fn earlier(history: &History, before: Option<i64>, release: Option<&str>) -> Part<EarlierRuns> {
    EarlierRuns::read(history, before, release).context("the earlier runs cannot be read")
}

fn deployed(layout: &Layout) -> Part<Option<DeployedModel>> {
    let Some(manifest) = Manifest::of_live_release(layout)? else {
        return Ok(None);
    };
    let path = layout.release(&manifest.release).join(names::MODEL);
    let (model, digest) = Model::load(&path)?;
    Ok(Some(DeployedModel {
        release: manifest.release,
        digest,
        model,
    }))
}

/// The first clients of the list in the folder of the run.
fn first_clients(config: &Config, record: &RunRecord) -> Part<Vec<RankedClient>> {
    let folder = record
        .run_id
        .filter(|_| record.call_list.is_some())
        .map(|run| config.layout.run_folder(run));
    match folder {
        Some(folder) => read_first(&folder.join(names::RISK_RANKING)),
        None => Ok(Vec::new()),
    }
}

fn read_first(path: &Path) -> Part<Vec<RankedClient>> {
    let mut clients = Vec::new();
    let mut list =
        StoredList::open(path)?.with_context(|| format!("{} does not exist", path.display()))?;
    while clients.len() < MAX_CLIENTS
        && let Some(client) = list.next_client()?
    {
        clients.push(client);
    }
    Ok(clients)
}

/// The newest run that has a report, and the path of the report; `None` if there is none.
pub fn newest_report(layout: &Layout) -> anyhow::Result<Option<(i64, PathBuf)>> {
    let Some(history) = History::read(layout)? else {
        return Ok(None);
    };
    let newest_first = history.run_ids()?.into_iter().rev();
    let mut reports = newest_first.map(|run| (run, layout.run_folder(run).join(names::REPORT)));
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_file());
    Ok(reports.find(|(_, report)| is_file(report)))
}
