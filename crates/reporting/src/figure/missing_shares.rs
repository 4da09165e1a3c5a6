//! Share of missing values by run.

use super::Draw;
use super::axis::{Axis, LINE};
use super::numbers::{is_drawable, percent};
use super::palette::Tone;
use super::plot::{Chart, LARGE, Plot};
use super::scene::{Anchor, Mark, Scene};
use super::text::{TEXT_SIZE, name_of, shorten};
use super::thin::kept;

/// Maximum number of series that are drawn, and of points of each series.
const MAX_SERIES: usize = 6;
const MAX_POINTS: usize = 100;
/// Width of the names on the right of the plot.
const NAMES: f64 = 170.0;

/// Colour and mark of each series.
const STYLES: [(Mark, Tone); MAX_SERIES] = [
    (Mark::Disc, Tone::Blue),
    (Mark::Square, Tone::Orange),
    (Mark::Triangle, Tone::Good),
    (Mark::Diamond, Tone::Purple),
    (Mark::Ring, Tone::Ink),
    (Mark::Cross, Tone::Muted),
];

/// Shares of missing values of some features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MissingShares {
    /// Numbers of the runs, ascending.
    pub runs: Vec<i64>,
    /// Name of a feature and its share in each run, from 0 to 1. The first six are drawn.
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

/// A series that is drawn: its name and its points, with gaps.
type Series<'a> = (&'a str, Vec<(f64, Option<f64>)>);

impl MissingShares {
    fn shown(&self) -> Vec<Series<'_>> {
        let series = self.series.iter().map(|(name, shares)| {
            let shares = shares
                .iter()
                .map(|share| share.filter(|share| is_drawable(*share)));
            let all: Vec<(f64, Option<f64>)> = self
                .runs
                .iter()
                .map(|run| *run as f64)
                .zip(shares)
                .collect();
            let values: Vec<Option<f64>> = all.iter().map(|point| point.1).collect();
            let kept = kept(&values, MAX_POINTS).into_iter().map(|at| all[at]);
            (name.as_str(), kept.collect())
        });
        let has_share = |series: &Series<'_>| series.1.iter().any(|point| point.1.is_some());
        series.filter(has_share).take(MAX_SERIES).collect()
    }

    fn title_above(&self, shown: usize) -> String {
        if shown < self.series.len() {
            format!("missing values, {shown} of {} features", self.series.len())
        } else {
            "missing values".to_owned()
        }
    }
}

impl Draw for MissingShares {
    fn scene(&self) -> Scene {
        let shown = self.shown();
        if shown.is_empty() {
            return Scene::without_data(LARGE);
        }
        let shares = shown
            .iter()
            .flat_map(|series| series.1.iter().filter_map(|point| point.1));
        let y = Axis::percent_up_to(&self.title_above(shown.len()), shares);
        let x = Axis::whole("run", self.runs.iter().map(|run| *run as f64));
        let mut chart = Chart::new(LARGE, x, y);
        chart.right = NAMES;
        let mut plot = chart.plot();
        let mut ends = Vec::new();
        for ((_, points), (mark, tone)) in shown.iter().zip(STYLES) {
            draw_series(&mut plot, points, tone);
            if let Some(end) = points.iter().rev().find_map(|(x, y)| Some([*x, (*y)?])) {
                plot.mark(mark, end, 4.0, tone);
                ends.push(plot.at(end));
            }
        }
        let heights: Vec<f64> = ends.iter().map(|end| end[1]).collect();
        let places = spread(&heights, LINE, [plot.top, plot.bottom]);
        for (((name, _), (mark, tone)), y) in shown.iter().zip(STYLES).zip(places) {
            let x = plot.right + 16.0;
            plot.scene.mark(mark, [x, y], 4.0, tone);
            let name = shorten(&name_of(name), TEXT_SIZE, NAMES - 24.0);
            plot.scene
                .text([x + 10.0, y], name, Tone::Ink, Anchor::Start);
        }
        plot.scene
    }

    fn title(&self) -> String {
        "Share of missing values by run".to_owned()
    }

    fn description(&self) -> String {
        let latest = self.shown().into_iter().filter_map(|(name, points)| {
            let share = points.iter().rev().find_map(|point| point.1)?;
            Some(format!(
                "{} {}",
                shorten(&name_of(name), TEXT_SIZE, 200.0),
                percent(share)
            ))
        });
        let latest: Vec<String> = latest.collect();
        if latest.is_empty() {
            return "Share of missing values by run: no data yet.".to_owned();
        }
        format!(
            "Share of missing values by run; the latest shares are: {}.",
            latest.join(", ")
        )
    }
}

/// Draws a line with gaps. A share between two gaps is a small square.
fn draw_series(plot: &mut Plot, points: &[(f64, Option<f64>)], tone: Tone) {
    let mut alone = Vec::new();
    for stretch in points.split(|point| point.1.is_none()) {
        let line = stretch.iter().filter_map(|(x, y)| Some([*x, (*y)?]));
        let line: Vec<[f64; 2]> = line.collect();
        match line.as_slice() {
            [point] => alone.push(*point),
            _ => plot.path(&line, 1.8, tone),
        }
    }
    for point in alone {
        plot.mark(Mark::Square, point, 2.0, tone);
    }
}

/// Heights close to the wanted ones, at least `gap` apart and between two ends.
fn spread(wanted: &[f64], gap: f64, [top, bottom]: [f64; 2]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = wanted.to_vec();
    let mut lowest = top;
    for at in &order {
        places[*at] = places[*at].max(lowest);
        lowest = places[*at] + gap;
    }
    let mut highest = bottom;
    for at in order.iter().rev() {
        places[*at] = places[*at].min(highest);
        highest = places[*at] - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_share_does_not_hide_an_extreme() {
        let share = |run: i64| (run % 2 == 1).then_some(if run == 501 { 0.1 } else { 0.5 });
        let figure = MissingShares {
            runs: (0..1_000).collect(),
            series: vec![("a".into(), (0..1_000).map(share).collect())],
        };
        let shown = figure.shown();
        assert!(shown[0].1.contains(&(501.0, Some(0.1))));
    }

    #[test]
    fn names_are_spread_and_stay_between_the_ends() {
        let places = spread(&[100.0, 100.0, 99.0, 5.0], 10.0, [0.0, 100.0]);
        assert_eq!(places, [90.0, 100.0, 80.0, 5.0]);
    }
}
