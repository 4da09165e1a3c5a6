//! The scorecard's rows for a pair of features: points for a cell of both features together.

use common::config::ScorecardSettings;
use dataset::passes::{Encoding, Parts, Side, Surface, WeightedTerm};

use super::tally::Tally;
use super::{Cells, Part, Points, RowShare, ScorecardRow, ends, factor, ranges};
use crate::model::Model;

/// The scorecard's rows for the pair with this term. A client gets the points of one row if both
/// features are present, and otherwise no points of this pair.
pub(super) fn rows<'m>(
    model: &'m Model,
    weighted: &WeightedTerm<'m>,
    scale: ScorecardSettings,
) -> Vec<ScorecardRow<'m>> {
    let Encoding::Surface(surface) = weighted.term.encoding else {
        return Vec::new();
    };
    let [first, second] = [&surface.grid.first, &surface.grid.second];
    let [of_first, of_second] = [first, second].map(|side| cells(&side.parts));
    let columns = &model.profile.sample.columns;
    let labels = &columns[model.schema.features.len()];
    let sampled = [first, second].map(|side| &columns[side.feature][..]);
    let tallies = Tally::of_pairs([&of_first, &of_second], sampled, labels);
    let is_whole = labels.len() as u64 == model.profile.rows;
    let both = of_first
        .iter()
        .flat_map(|first| of_second.iter().map(move |second| [*first, *second]));
    let part = |side: &Side, cells| Part {
        feature: &model.schema.features[side.feature].name,
        cells,
    };
    let rows = both.zip(tallies).map(|(cells, tally)| ScorecardRow {
        part: Some(part(first, cells[0])),
        second: Some(part(second, cells[1])),
        points: points(surface, weighted, cells, factor(scale)),
        share: RowShare::of(tally.rows, labels.len() as u64, is_whole),
        positive_rate: RowShare::of(tally.positives, tally.rows, is_whole),
    });
    rows.collect()
}

/// All present cells of a feature, divided into kinds that exclude each other.
fn cells(parts: &Parts) -> Vec<Cells<'_>> {
    match parts {
        Parts::Knots(knots) => ranges(knots),
        Parts::Levels(levels) => {
            let named = levels.iter().map(|level| Cells::Level(level.text()));
            named.chain([Cells::OtherLevels]).collect()
        }
    }
}

fn points(
    surface: &Surface,
    weighted: &WeightedTerm<'_>,
    [first, second]: [Cells<'_>; 2],
    factor: f64,
) -> Points {
    let [from, to] = ends(first);
    let [second_from, second_to] = ends(second);
    let at = |first: f64, second: f64| {
        let is_first = |feature: usize| feature == surface.grid.first.feature;
        let of_feature = |feature: usize| if is_first(feature) { first } else { second };
        let change = surface.value(of_feature) - weighted.imputed;
        (factor * weighted.coefficient * change).clamp(f64::MIN, f64::MAX)
    };
    let is_range = matches!(second, Cells::Range { .. });
    Points {
        at_from: at(from, second_from),
        at_to: at(to, second_from),
        at_second_to: is_range.then(|| [at(from, second_to), at(to, second_to)]),
        per_unit: None,
    }
}
