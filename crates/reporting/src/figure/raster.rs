//! Draws a scene as PNG: light colours on white, with a title, twice as many pixels as stated.

use plotters::prelude::{BitMapBackend, DrawingBackend};

use super::backend::Canvas;
use super::palette::Tone;
use super::scene::{Anchor, Point, Scene, Shape, Text};
use super::text::{LINE_HEIGHT, TEXT_SIZE, shorten, width};
use crate::canvas::{Align, Label, Region, paint_png_over, write};

/// Pixels of the file per pixel of the picture.
const SCALE: f64 = 2.0;
/// Factor by which shapes are drawn larger. Scaled down, their edges are smooth.
const SUPERSAMPLING: usize = 2;
/// Height of the title, and its text size.
const TITLE_HEIGHT: f64 = 32.0;
const TITLE_SIZE: f64 = 14.0;
const TITLE_LEFT: f64 = 6.0;

/// Draws the scene below a title.
pub(super) fn png(scene: &Scene, title: &str) -> anyhow::Result<Vec<u8>> {
    let [width, height] = scene.size;
    let size = [width, height + TITLE_HEIGHT].map(|length| (length * SCALE) as usize);
    let pixels = draw_shapes(scene, size)?;
    paint_png_over(pixels, (size[0] as u32, size[1] as u32), |area| {
        let title = title_of(scene, title);
        write(area, &label(&title, TITLE_SIZE, 0.0))?;
        for shape in &scene.shapes {
            if let Shape::Text(text) = shape {
                write(area, &label(text, TEXT_SIZE, TITLE_HEIGHT))?;
            }
        }
        Ok(())
    })
}

fn title_of(scene: &Scene, title: &str) -> Text {
    Text {
        at: [TITLE_LEFT, TITLE_HEIGHT * 0.6],
        text: shorten(title, TITLE_SIZE, scene.size[0] - 2.0 * TITLE_LEFT),
        tone: Tone::Ink,
        anchor: Anchor::Start,
    }
}

/// Pixels of all shapes except text.
fn draw_shapes(scene: &Scene, [width, height]: [usize; 2]) -> anyhow::Result<Vec<u8>> {
    let large = [width, height].map(|length| length * SUPERSAMPLING);
    let mut pixels = vec![255; large[0] * large[1] * 3];
    let size = (large[0] as u32, large[1] as u32);
    let mut canvas = Canvas {
        backend: BitMapBackend::with_buffer(&mut pixels, size),
        scale: SCALE * SUPERSAMPLING as f64,
        above: TITLE_HEIGHT,
    };
    for shape in &scene.shapes {
        draw_shape(&mut canvas, shape)?;
    }
    canvas.backend.present()?;
    drop(canvas);
    Ok(reduced(&pixels, large))
}

/// Draws a shape. A path becomes lines with round joints: plotters draws sharp corners of wide
/// paths too long.
fn draw_shape(canvas: &mut Canvas<BitMapBackend<'_>>, shape: &Shape) -> anyhow::Result<()> {
    match shape {
        Shape::Line { ends, width, tone } => draw_line(canvas, *ends, *width, *tone),
        Shape::Path {
            points,
            width,
            tone,
        } => {
            for ends in points.windows(2) {
                draw_line(canvas, [ends[0], ends[1]], *width, *tone)?;
            }
            let mut joints = points.iter();
            joints.try_for_each(|joint| canvas.disc(*joint, width / 2.0, *tone))
        }
        other => canvas.draw(other),
    }
}

/// Draws a line. A slanted line becomes a polygon: plotters cuts the corners of a slanted line to
/// whole pixels, so lines of one width would look unlike.
fn draw_line(
    canvas: &mut Canvas<BitMapBackend<'_>>,
    [from, to]: [Point; 2],
    width: f64,
    tone: Tone,
) -> anyhow::Result<()> {
    let [across, down] = [to[0] - from[0], to[1] - from[1]];
    if across == 0.0 || down == 0.0 {
        return canvas.line([from, to], width, tone);
    }
    let half = width / 2.0 / across.hypot(down);
    let aside = |[x, y]: Point, side: f64| [x - down * half * side, y + across * half * side];
    let points = vec![
        aside(from, 1.0),
        aside(to, 1.0),
        aside(to, -1.0),
        aside(from, -1.0),
    ];
    canvas.draw(&Shape::Polygon { points, tone })
}

/// The picture scaled down: each pixel is the mean of a square of pixels.
fn reduced(pixels: &[u8], [width, height]: [usize; 2]) -> Vec<u8> {
    let sum_row = |row: usize, byte: usize| {
        let (pixel, channel) = (byte / 3 * SUPERSAMPLING, byte % 3);
        let start = (row * width + pixel) * 3 + channel;
        let across = (0..SUPERSAMPLING).map(|step| u32::from(pixels[start + step * 3]));
        across.sum::<u32>()
    };
    let area = (SUPERSAMPLING * SUPERSAMPLING) as u32;
    let mut small = Vec::with_capacity(pixels.len() / area as usize);
    for row in (0..height).step_by(SUPERSAMPLING) {
        for byte in 0..width / SUPERSAMPLING * 3 {
            let sum: u32 = (row..row + SUPERSAMPLING)
                .map(|row| sum_row(row, byte))
                .sum();
            small.push((sum / area) as u8);
        }
    }
    small
}

fn label(text: &Text, size: f64, down: f64) -> Label {
    let line = (size * LINE_HEIGHT * SCALE).round();
    let room = (width(&text.text, size) + 20.0) * SCALE;
    let (left, align) = match text.anchor {
        Anchor::Start => (text.at[0] * SCALE, Align::Left),
        Anchor::Middle => (text.at[0] * SCALE - room / 2.0, Align::Center),
        Anchor::End => (text.at[0] * SCALE - room, Align::Right),
    };
    let top = (text.at[1] + down) * SCALE - line / 2.0;
    Label {
        text: text.text.clone(),
        size: line as u32,
        color: text.tone.rgb(),
        align,
        region: Region::new(
            left.round() as i32,
            top.round() as i32,
            room.ceil() as i32,
            line as i32,
        ),
    }
}
