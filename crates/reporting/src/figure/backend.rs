//! Draws shapes with any backend of plotters.

use anyhow::Result;
use plotters::prelude::{Color, DrawingBackend, ShapeStyle};

use super::palette::Tone;
use super::scene::{Point, Shape};

/// Draws a shape that is no text, so many times as large as stated.
pub(super) fn draw_shape<B>(backend: &mut B, shape: &Shape, scale: f64) -> Result<()>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    let at = |[x, y]: Point| ((x * scale).round() as i32, (y * scale).round() as i32);
    let all = |points: &[Point]| points.iter().map(|point| at(*point)).collect::<Vec<_>>();
    let length = |length: f64| (length * scale).round().max(1.0) as u32;
    let pen = |tone: Tone, width: f64| tone.rgb().stroke_width(length(width));
    match shape {
        Shape::Line {
            ends: [from, to],
            width,
            tone,
        } => backend.draw_line(at(*from), at(*to), &pen(*tone, *width))?,
        Shape::Path {
            points,
            width,
            tone,
        } => backend.draw_path(all(points), &pen(*tone, *width))?,
        Shape::Polygon { points, tone } => {
            backend.fill_polygon(all(points), &filled(*tone))?;
        }
        Shape::Rect {
            corners: [from, to],
            tone,
        } => backend.draw_rect(at(*from), at(*to), &filled(*tone), true)?,
        Shape::Ring {
            center,
            radius,
            width,
            tone,
        } => backend.draw_circle(at(*center), length(*radius), &pen(*tone, *width), false)?,
        Shape::Disc {
            center,
            radius,
            tone,
        } => backend.draw_circle(at(*center), length(*radius), &filled(*tone), true)?,
        Shape::Text(_) => {}
    }
    Ok(())
}

fn filled(tone: Tone) -> ShapeStyle {
    tone.rgb().filled()
}
