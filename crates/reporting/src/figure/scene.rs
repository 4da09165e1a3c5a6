//! What a picture consists of: shapes with their places, in pixels from the upper left corner.

use super::palette::Tone;
use super::text::{TEXT_SIZE, width};

/// Place in a picture: x, y.
pub(super) type Point = [f64; 2];

/// How a text is aligned at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text. Its place is halfway up its capital letters.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) at: Point,
    pub(super) text: String,
    pub(super) tone: Tone,
    pub(super) anchor: Anchor,
}

impl Text {
    /// Left and right end in pixels, estimated for a font that is a little wider.
    pub(super) fn ends(&self) -> [f64; 2] {
        let width = width(&self.text, TEXT_SIZE);
        let left = match self.anchor {
            Anchor::Start => self.at[0],
            Anchor::Middle => self.at[0] - width / 2.0,
            Anchor::End => self.at[0] - width,
        };
        [left, left + width]
    }
}

/// One shape. Later shapes cover earlier ones.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Line {
        ends: [Point; 2],
        width: f64,
        tone: Tone,
    },
    Path {
        points: Vec<Point>,
        width: f64,
        tone: Tone,
    },
    Polygon {
        points: Vec<Point>,
        tone: Tone,
    },
    Rect {
        corners: [Point; 2],
        tone: Tone,
    },
    Ring {
        center: Point,
        radius: f64,
        width: f64,
        tone: Tone,
    },
    Disc {
        center: Point,
        radius: f64,
        tone: Tone,
    },
    Text(Text),
}

/// Form of a mark. Series differ in form as well as in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Ring,
    Square,
    Triangle,
    Diamond,
    Cross,
    Line,
    Dashes,
    Bar,
    Outline,
    Whisker,
}

/// A picture before it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) size: [f64; 2],
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    pub(super) fn new(size: [f64; 2]) -> Self {
        Self {
            size,
            shapes: Vec::new(),
        }
    }

    /// Picture without data.
    pub(super) fn without_data(size: [f64; 2]) -> Self {
        let mut scene = Self::new(size);
        let middle = [size[0] / 2.0, size[1] / 2.0];
        scene.text(middle, "no data yet", Tone::Muted, Anchor::Middle);
        scene
    }

    pub(super) fn line(&mut self, ends: [Point; 2], width: f64, tone: Tone) {
        self.shapes.push(Shape::Line { ends, width, tone });
    }

    pub(super) fn path(&mut self, points: Vec<Point>, width: f64, tone: Tone) {
        if points.len() > 1 {
            self.shapes.push(Shape::Path {
                points,
                width,
                tone,
            });
        }
    }

    pub(super) fn dashes(&mut self, [from, to]: [Point; 2], width: f64, tone: Tone) {
        const DASH: f64 = 5.0;
        const PERIOD: f64 = 9.0;
        let across = [to[0] - from[0], to[1] - from[1]];
        let length = across[0].hypot(across[1]);
        let at = |distance: f64| {
            let part = (distance / length).min(1.0);
            [from[0] + across[0] * part, from[1] + across[1] * part]
        };
        let mut start = 0.0;
        while start < length {
            self.line([at(start), at(start + DASH)], width, tone);
            start += PERIOD;
        }
    }

    pub(super) fn rect(&mut self, [one, other]: [Point; 2], tone: Tone) {
        let corners = [
            [one[0].min(other[0]), one[1].min(other[1])],
            [one[0].max(other[0]), one[1].max(other[1])],
        ];
        self.shapes.push(Shape::Rect { corners, tone });
    }

    pub(super) fn text(&mut self, at: Point, text: impl Into<String>, tone: Tone, anchor: Anchor) {
        let text = text.into();
        if !text.is_empty() {
            self.shapes.push(Shape::Text(Text {
                at,
                text,
                tone,
                anchor,
            }));
        }
    }

    /// Vertical line with short ends, such as an interval.
    pub(super) fn whisker(&mut self, x: f64, [low, high]: [f64; 2], cap: f64, tone: Tone) {
        self.line([[x, low], [x, high]], 1.2, tone);
        if cap > 0.0 {
            for y in [low, high] {
                self.line([[x - cap, y], [x + cap, y]], 1.2, tone);
            }
        }
    }

    pub(super) fn mark(&mut self, mark: Mark, center: Point, radius: f64, tone: Tone) {
        let [x, y] = center;
        let r = radius;
        let corner = |across: f64, down: f64| [x + across * r, y + down * r];
        match mark {
            Mark::Disc => self.shapes.push(Shape::Disc {
                center,
                radius,
                tone,
            }),
            Mark::Ring => self.shapes.push(Shape::Ring {
                center,
                radius,
                width: 1.5,
                tone,
            }),
            Mark::Square => self.rect([corner(-0.85, -0.85), corner(0.85, 0.85)], tone),
            Mark::Triangle => self.polygon(
                vec![corner(0.0, -1.1), corner(1.05, 0.8), corner(-1.05, 0.8)],
                tone,
            ),
            Mark::Diamond => self.polygon(
                vec![
                    corner(0.0, -1.2),
                    corner(1.2, 0.0),
                    corner(0.0, 1.2),
                    corner(-1.2, 0.0),
                ],
                tone,
            ),
            Mark::Cross => {
                self.line([corner(-0.85, -0.85), corner(0.85, 0.85)], 1.8, tone);
                self.line([corner(-0.85, 0.85), corner(0.85, -0.85)], 1.8, tone);
            }
            Mark::Line => self.line([[x - 8.0, y], [x + 8.0, y]], 2.0, tone),
            Mark::Dashes => self.dashes([[x - 9.0, y], [x + 9.0, y]], 1.2, tone),
            Mark::Bar => self.rect([[x - 7.0, y - 4.0], [x + 7.0, y + 4.0]], tone),
            Mark::Outline => self.outline([[x - 7.0, y - 4.0], [x + 7.0, y + 4.0]], tone),
            Mark::Whisker => self.whisker(x, [y - 5.0, y + 5.0], 3.0, tone),
        }
    }

    pub(super) fn outline(&mut self, [upper, lower]: [Point; 2], tone: Tone) {
        let [left, top] = upper;
        let [right, bottom] = lower;
        let points = vec![
            [left, top],
            [right, top],
            [right, bottom],
            [left, bottom],
            [left, top],
        ];
        self.path(points, 1.5, tone);
    }

    fn polygon(&mut self, points: Vec<Point>, tone: Tone) {
        self.shapes.push(Shape::Polygon { points, tone });
    }
}
