//! Canvas for pictures: a pixel buffer for plotters, text, and the PNG file.

mod region;
mod text;

use anyhow::Context;
use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Color, DrawingArea, IntoDrawingArea, RGBColor, Rectangle, WHITE,
};

pub(crate) use self::region::Region;
pub(crate) use self::text::{Align, Label, advance, common_size};

/// Drawing area of plotters.
pub(crate) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Calls `paint` on a white canvas and returns the PNG file.
pub(crate) fn paint_png(
    size: (u32, u32),
    paint: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    paint_png_over(
        vec![0; size.0 as usize * size.1 as usize * 3],
        size,
        |area| {
            area.fill(&WHITE)?;
            paint(area)
        },
    )
}

/// Calls `paint` on a canvas with these pixels, three bytes each, and returns the PNG file.
pub(crate) fn paint_png_over(
    mut pixels: Vec<u8>,
    size: (u32, u32),
    paint: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
    paint(&area)?;
    area.present()?;
    drop(area);
    encode(&pixels, size).context("failed to encode the picture")
}

/// Fills a region with one colour.
pub(crate) fn fill(area: &Area<'_>, region: Region, color: RGBColor) -> anyhow::Result<()> {
    // The bitmap backend omits the last row and column of a filled rectangle, but not of an
    // outline.
    let corners = [
        (region.left, region.top),
        (region.left + region.width, region.top + region.height),
    ];
    Ok(area.draw(&Rectangle::new(corners, color.filled()))?)
}

/// Draws a line of one pixel just inside the edge of a region.
pub(crate) fn outline(area: &Area<'_>, region: Region, color: RGBColor) -> anyhow::Result<()> {
    let corners = [
        (region.left, region.top),
        (
            region.left + region.width - 1,
            region.top + region.height - 1,
        ),
    ];
    Ok(area.draw(&Rectangle::new(corners, color))?)
}

/// Writes a label, centred in its region by the height of its capitals.
pub(crate) fn write(area: &Area<'_>, label: &Label) -> anyhow::Result<()> {
    let ink = label.ink()?;
    let edge = ink.region;
    for (index, coverage) in ink.coverage.iter().enumerate() {
        if *coverage > 0.0 {
            let across = index as i32 % edge.width;
            let down = index as i32 / edge.width;
            area.draw_pixel(
                (edge.left + across, edge.top + down),
                &label.color.mix(f64::from(*coverage)),
            )?;
        }
    }
    Ok(())
}

fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // A row like the one above becomes zeros, which take next to no space. Deflate at level 1 takes five
    // times as many instructions, for 97 KB instead of 172.
    encoder.set_filter(png::Filter::Up);
    encoder.set_deflate_compression(png::DeflateCompression::FdeflateUltraFast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}
