//! The frame of a chart: axes, grid, and the explanation of its marks.

use super::axis::{Axis, LINE};
use super::palette::Tone;
use super::scene::{Anchor, Mark, Point, Scene, Shape, Text};
use super::text::{TEXT_SIZE, shorten, width};

/// Size of a figure that stands alone, in pixels.
pub(super) const LARGE: [f64; 2] = [560.0, 340.0];
/// Size of a figure in a grid of figures.
pub(super) const SMALL: [f64; 2] = [360.0, 240.0];

/// Pixels between the edge of the picture and its parts.
const EDGE: f64 = 6.0;
/// Pixels of a row of text above the plot.
const ROW: f64 = 18.0;
/// Pixels between the plot and the labels below it.
const BELOW: f64 = 8.0;
/// Pixels from the middle of a mark to its words.
const TO_WORDS: f64 = 14.0;
/// Pixels from the start of a key to the middle of its mark.
const TO_MARK: f64 = 9.0;
/// Pixels between two keys.
const BETWEEN_KEYS: f64 = 9.0;

/// Explains a mark.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) mark: Mark,
    pub(super) tone: Tone,
    pub(super) text: String,
}

pub(super) fn key(mark: Mark, tone: Tone, text: impl Into<String>) -> Key {
    Key {
        mark,
        tone,
        text: text.into(),
    }
}

/// Form of the plot, and place of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The plot is as wide as the picture. Keys are above the plot.
    Wide,
    /// The plot is as wide as high. Keys are on the right of the plot.
    Square,
}

/// A chart before its frame is drawn.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) size: [f64; 2],
    pub(super) form: Form,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) keys: Vec<Key>,
    /// Free pixels on the right of the plot.
    pub(super) right: f64,
    /// Free pixels within the plot, below the lowest value.
    pub(super) lane: f64,
}

/// A chart whose frame is drawn, so that each value has a place in the picture.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) scene: Scene,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    lane: f64,
}

impl Chart {
    pub(super) fn new(size: [f64; 2], x: Axis, y: Axis) -> Self {
        Self {
            size,
            form: Form::Wide,
            x,
            y,
            keys: Vec::new(),
            right: 0.0,
            lane: 0.0,
        }
    }

    /// Draws the frame.
    pub(super) fn plot(self) -> Plot {
        let mut scene = Scene::new(self.size);
        let top = self.head(&mut scene);
        let lines = if self.has_title_above() { 1.0 } else { 2.0 };
        let bottom = self.size[1] - EDGE - lines * LINE - BELOW;
        let y_ticks = self
            .y
            .vertical(bottom - top - self.lane, self.size[0] * 0.3);
        let widest = y_ticks.iter().map(|(_, text)| width(text, TEXT_SIZE));
        let left = EDGE + widest.fold(20.0, f64::max) + 7.0;
        let right = match self.form {
            Form::Wide => self.right_end(left),
            Form::Square => left + (bottom - top),
        };
        let mut plot = Plot {
            scene,
            left,
            right,
            top,
            bottom,
            lane: self.lane,
            x: self.x,
            y: self.y,
        };
        if self.form == Form::Square {
            plot.side_keys(&self.keys);
        }
        plot.frame(&y_ticks);
        plot
    }

    /// Right end of a wide plot. The last label below it stays in the picture.
    fn right_end(&self, left: f64) -> f64 {
        let end = self.size[0] - EDGE - 8.0 - self.right;
        let ticks = self.x.horizontal(end - left);
        let half = match (ticks.last(), &self.x.names) {
            (Some((_, text)), None) => width(text, TEXT_SIZE) / 2.0,
            _ => 0.0,
        };
        end.min(self.size[0] - EDGE - half)
    }

    /// Whether the title of the horizontal axis is above the plot. Bars with names need no other
    /// title there.
    fn has_title_above(&self) -> bool {
        self.y.names.is_some() && self.y.title.is_empty()
    }

    /// Writes a title and the keys above the plot. Returns where the plot starts.
    fn head(&self, scene: &mut Scene) -> f64 {
        let title = if self.has_title_above() {
            &self.x.title
        } else {
            &self.y.title
        };
        let room = if self.keys.is_empty() { 1.0 } else { 0.55 } * self.size[0] - 2.0 * EDGE;
        let title = shorten(title, TEXT_SIZE, room);
        let title_end = EDGE + width(&title, TEXT_SIZE);
        let middle = EDGE + ROW / 2.0;
        scene.text([EDGE, middle], title, Tone::Muted, Anchor::Start);
        let last = match self.form {
            Form::Wide => self.keys_above(scene, title_end, middle),
            Form::Square => middle,
        };
        last + ROW / 2.0 + 8.0
    }

    /// Draws the keys on the right of the title, or below it if there is no room. Returns the
    /// middle of the last row.
    fn keys_above(&self, scene: &mut Scene, title_end: f64, mut middle: f64) -> f64 {
        let right = self.size[0] - EDGE;
        let widths = self.keys.iter().map(Key::width);
        let total: f64 = widths.map(|width| width + BETWEEN_KEYS).sum();
        let mut x = right - total + BETWEEN_KEYS;
        if x < title_end + BETWEEN_KEYS {
            middle += ROW;
            x = EDGE;
        }
        for key in &self.keys {
            if x > EDGE && x + key.width() > right + 0.1 {
                middle += ROW;
                x = EDGE;
            }
            let room = right + 0.1 - x - TO_MARK - TO_WORDS;
            key.draw(scene, [x + TO_MARK, middle], room);
            x += key.width() + BETWEEN_KEYS;
        }
        middle
    }
}

impl Key {
    fn width(&self) -> f64 {
        TO_MARK + TO_WORDS + width(&self.text, TEXT_SIZE)
    }

    fn draw(&self, scene: &mut Scene, at: Point, room: f64) {
        scene.mark(self.mark, at, 4.0, self.tone);
        let text = shorten(&self.text, TEXT_SIZE, room);
        scene.text([at[0] + TO_WORDS, at[1]], text, Tone::Ink, Anchor::Start);
    }
}

impl Plot {
    /// Pixel of a value.
    pub(super) fn at(&self, [x, y]: [f64; 2]) -> Point {
        [self.across(x), self.down(y)]
    }

    pub(super) fn across(&self, x: f64) -> f64 {
        self.x.place(x, [self.left, self.right])
    }

    pub(super) fn down(&self, y: f64) -> f64 {
        // Named slots go from the top down, numbers from the bottom up.
        let ends = [self.top, self.bottom - self.lane];
        if self.y.names.is_some() {
            self.y.place(y, ends)
        } else {
            self.y.place(y, [ends[1], ends[0]])
        }
    }

    pub(super) fn path(&mut self, points: &[[f64; 2]], width: f64, tone: Tone) {
        let points = points.iter().map(|point| self.at(*point)).collect();
        self.scene.path(points, width, tone);
    }

    /// The curve of a model. A single point is a dot.
    pub(super) fn curve(&mut self, points: &[[f64; 2]]) {
        match points {
            [point] => self.mark(Mark::Disc, *point, 3.0, Tone::Blue),
            _ => self.path(points, 2.0, Tone::Blue),
        }
    }

    pub(super) fn mark(&mut self, mark: Mark, value: [f64; 2], radius: f64, tone: Tone) {
        self.scene.mark(mark, self.at(value), radius, tone);
    }

    pub(super) fn dashes(&mut self, [from, to]: [[f64; 2]; 2], tone: Tone) {
        self.scene.dashes([self.at(from), self.at(to)], 1.2, tone);
    }

    /// Keys on the right of the plot, one below the other. A key may have several lines.
    fn side_keys(&mut self, keys: &[Key]) {
        let x = self.right + 32.0;
        let mut y = self.top + 10.0;
        for key in keys {
            let room = self.scene.size[0] - EDGE - x - TO_WORDS;
            for (index, line) in key.text.split('\n').enumerate() {
                let tone = if index == 0 { Tone::Ink } else { Tone::Muted };
                if index == 0 {
                    self.scene.mark(key.mark, [x, y], 4.0, key.tone);
                }
                let line = shorten(line, TEXT_SIZE, room);
                self.scene
                    .text([x + TO_WORDS, y], line, tone, Anchor::Start);
                y += 16.0;
            }
            y += 9.0;
        }
    }

    fn frame(&mut self, y_ticks: &[(f64, String)]) {
        let named = self.y.names.is_some();
        for (value, text) in y_ticks {
            let y = self.down(*value);
            if !named {
                self.scene
                    .line([[self.left, y], [self.right, y]], 1.0, Tone::Grid);
            }
            self.scene.text(
                [self.left - 7.0, y],
                text.as_str(),
                Tone::Muted,
                Anchor::End,
            );
        }
        self.x_ticks();
        if !(named && self.y.title.is_empty()) {
            let at = [self.right, self.bottom + BELOW + 1.5 * LINE];
            let title = shorten(&self.x.title, TEXT_SIZE, self.right - EDGE);
            self.scene.text(at, title, Tone::Muted, Anchor::End);
        }
        self.baseline();
    }

    /// Line at the zero of the measured axis, or at the edge of the plot.
    fn baseline(&mut self) {
        let ends = if self.y.names.is_some() {
            let x = self.across(0.0);
            [[x, self.top], [x, self.bottom]]
        } else {
            [[self.left, self.bottom], [self.right, self.bottom]]
        };
        self.scene.line(ends, 1.0, Tone::Axis);
    }

    fn x_ticks(&mut self) {
        for (value, text) in self.x.horizontal(self.right - self.left) {
            let x = self.across(value);
            if self.x.names.is_none() {
                let ends = if self.y.names.is_some() {
                    [[x, self.top], [x, self.bottom]]
                } else {
                    [[x, self.bottom], [x, self.bottom + 4.0]]
                };
                let tone = if self.y.names.is_some() {
                    Tone::Grid
                } else {
                    Tone::Axis
                };
                self.scene.line(ends, 1.0, tone);
            }
            self.x_label(x, text);
        }
    }

    /// Writes a label below the plot, moved so that it stays in the picture.
    fn x_label(&mut self, x: f64, text: String) {
        let mut label = Text {
            at: [x, self.bottom + BELOW + LINE / 2.0],
            text,
            tone: Tone::Muted,
            anchor: Anchor::Middle,
        };
        let [left, right] = label.ends();
        label.at[0] += (2.0 - left).max(0.0) - (right - self.scene.size[0] + 2.0).max(0.0);
        self.scene.shapes.push(Shape::Text(label));
    }
}
