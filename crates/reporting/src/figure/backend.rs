//! Draws shapes with any backend of plotters.

use anyhow::Result;
use plotters::prelude::{Color, DrawingBackend, ShapeStyle};

use super::palette::Tone;
use super::scene::{Point, Shape};

/// A backend of plotters, and where a scene lies on it.
pub(super) struct Canvas<B> {
    pub(super) backend: B,
    /// Pixels of the backend per pixel of the scene.
    pub(super) scale: f64,
    /// Height of the space that the backend has above the scene, in pixels of the scene.
    pub(super) above: f64,
}

impl<B> Canvas<B>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    /// Draws a shape. Text is left to the caller.
    pub(super) fn draw(&mut self, shape: &Shape) -> Result<()> {
        match shape {
            Shape::Line { ends, width, tone } => self.line(*ends, *width, *tone),
            Shape::Path {
                points,
                width,
                tone,
            } => {
                let (points, pen) = (self.all(points), self.pen(*tone, *width));
                Ok(self.backend.draw_path(points, &pen)?)
            }
            Shape::Polygon { points, tone } => {
                let points = self.all(points);
                Ok(self.backend.fill_polygon(points, &filled(*tone))?)
            }
            Shape::Rect { corners, tone } => {
                let [from, to] = corners.map(|corner| self.at(corner));
                Ok(self.backend.draw_rect(from, to, &filled(*tone), true)?)
            }
            Shape::Ring {
                center,
                radius,
                width,
                tone,
            } => {
                let (center, radius) = (self.at(*center), self.length(*radius));
                let pen = self.pen(*tone, *width);
                Ok(self.backend.draw_circle(center, radius, &pen, false)?)
            }
            Shape::Disc {
                center,
                radius,
                tone,
            } => self.disc(*center, *radius, *tone),
            Shape::Text(_) => Ok(()),
        }
    }

    pub(super) fn line(&mut self, ends: [Point; 2], width: f64, tone: Tone) -> Result<()> {
        let [from, to] = ends.map(|end| self.at(end));
        let pen = self.pen(tone, width);
        Ok(self.backend.draw_line(from, to, &pen)?)
    }

    pub(super) fn disc(&mut self, center: Point, radius: f64, tone: Tone) -> Result<()> {
        let (center, radius) = (self.at(center), self.length(radius));
        let style = filled(tone);
        Ok(self.backend.draw_circle(center, radius, &style, true)?)
    }

    /// The pixel of the backend at a point of the scene.
    pub(super) fn at(&self, [x, y]: Point) -> (i32, i32) {
        let [x, y] = [x, y + self.above].map(|length| (length * self.scale).round() as i32);
        (x, y)
    }

    fn all(&self, points: &[Point]) -> Vec<(i32, i32)> {
        points.iter().map(|point| self.at(*point)).collect()
    }

    fn length(&self, length: f64) -> u32 {
        (length * self.scale).round().max(1.0) as u32
    }

    fn pen(&self, tone: Tone, width: f64) -> ShapeStyle {
        tone.rgb().stroke_width(self.length(width))
    }
}

fn filled(tone: Tone) -> ShapeStyle {
    tone.rgb().filled()
}
