//! Common effect of two features.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, short};
use super::palette::Tone;
use super::plot::{Chart, LARGE, Plot};
use super::scene::{Anchor, Scene};
use super::text::{TEXT_SIZE, name_of, shorten};

/// Maximum numbers of columns and rows that are drawn.
const MAX_CELLS: [usize; 2] = [20, 16];
/// Width of the scale on the right, with its words.
const SCALE_ROOM: f64 = 96.0;

/// Common effect of two features, in log-odds. Values above 0 mean more risk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairEffect {
    /// Names of the two features: columns, rows.
    pub features: [String; 2],
    /// Names of the columns, from the left.
    pub xs: Vec<String>,
    /// Names of the rows, from the top.
    pub ys: Vec<String>,
    /// Effects: a list per row, a number per column.
    pub cells: Vec<Vec<f64>>,
}

/// Maximum width in pixels of a feature's name in a title that also says how many columns or rows
/// are drawn.
const NAME_ROOM: f64 = 220.0;

/// A cell that is drawn: column, row, effect.
type Cell = (usize, usize, f64);

impl PairEffect {
    fn shown(&self) -> Vec<Cell> {
        let rows = self.cells.iter().take(MAX_CELLS[1].min(self.ys.len()));
        let cells = rows.enumerate().flat_map(|(row, cells)| {
            let columns = cells.iter().take(MAX_CELLS[0].min(self.xs.len()));
            columns
                .enumerate()
                .map(move |(column, effect)| (column, row, *effect))
        });
        cells.filter(|cell| is_drawable(cell.2)).collect()
    }

    fn axis(feature: &str, names: &[String], most: usize) -> Axis {
        let title = if names.len() > most {
            let feature = shorten(feature, TEXT_SIZE, NAME_ROOM);
            format!("{feature} (first {most} of {})", names.len())
        } else {
            name_of(feature)
        };
        Axis::names(&title, names.iter().take(most))
    }
}

impl Draw for PairEffect {
    fn scene(&self) -> Scene {
        let mut cells = self.shown();
        if cells.is_empty() {
            return Scene::without_data(LARGE);
        }
        let [across, down] = &self.features;
        let x = Self::axis(across, &self.xs, MAX_CELLS[0]);
        let y = Self::axis(down, &self.ys, MAX_CELLS[1]);
        let mut chart = Chart::new(LARGE, x, y);
        chart.right = SCALE_ROOM;
        let mut plot = chart.plot();
        let largest = cells
            .iter()
            .fold(0.0, |most: f64, cell| most.max(cell.2.abs()));
        // Cells of one colour become one path of the picture.
        cells.sort_by_key(|cell| step_of(cell.2, largest));
        for (column, row, effect) in cells {
            let [x, y] = [column as f64, row as f64];
            let [left, top] = plot.at([x, y]);
            let [right, bottom] = plot.at([x + 1.0, y + 1.0]);
            let corners = [[left + 0.5, top + 0.5], [right - 0.5, bottom - 0.5]];
            plot.scene
                .rect(corners, Tone::Step(step_of(effect, largest)));
        }
        draw_scale(&mut plot, largest);
        plot.scene
    }

    fn title(&self) -> String {
        let [across, down] = self.features.each_ref().map(|name| name_of(name));
        format!("{across} and {down}: common effect on the risk")
    }

    fn description(&self) -> String {
        let [across, down] = self.features.each_ref().map(|name| name_of(name));
        let cells = self.shown();
        let lowest = cells.iter().min_by(|a, b| a.2.total_cmp(&b.2));
        let highest = cells.iter().max_by(|a, b| a.2.total_cmp(&b.2));
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            return format!("Common effect of {across} and {down}: no data yet.");
        };
        let cell_name = |cell: &Cell| {
            format!(
                "{} and {}",
                name_of(&self.xs[cell.0]),
                name_of(&self.ys[cell.1])
            )
        };
        format!(
            "Common effect of {across} and {down} in log-odds: lowest at {} with {}, highest at {} \
             with {}; values above 0 mean more risk.",
            cell_name(lowest),
            short(lowest.2),
            cell_name(highest),
            short(highest.2)
        )
    }
}

/// Step of the diverging scale.
fn step_of(effect: f64, largest: f64) -> i8 {
    if largest > 0.0 {
        (effect / largest * 4.5).round().clamp(-4.0, 4.0) as i8
    } else {
        0
    }
}

/// Draws the scale on the right: the highest effect on top.
fn draw_scale(plot: &mut Plot, largest: f64) {
    let left = plot.right + 26.0;
    let height = (plot.bottom - plot.top).min(9.0 * 16.0) / 9.0;
    let top = plot.top + 22.0;
    plot.scene.text(
        [left, plot.top + 6.0],
        "log-odds",
        Tone::Muted,
        Anchor::Start,
    );
    for index in 0..9 {
        let y = top + f64::from(index) * height;
        let corners = [[left, y], [left + 16.0, y + height - 1.0]];
        plot.scene.rect(corners, Tone::Step(4 - index as i8));
    }
    let words = [
        (0.0, short(largest)),
        (4.5, "0".to_owned()),
        (9.0, short(-largest)),
    ];
    for (index, text) in words {
        let at = [left + 22.0, top + index * height];
        plot.scene.text(at, text, Tone::Ink, Anchor::Start);
    }
    let below = top + 9.0 * height + 22.0;
    plot.scene
        .text([left, below], "above 0:", Tone::Muted, Anchor::Start);
    plot.scene.text(
        [left, below + 15.0],
        "more risk",
        Tone::Muted,
        Anchor::Start,
    );
}
