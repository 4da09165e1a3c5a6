//! Text that is measured before it is drawn.
//!
//! It does not use plotters' `draw_text`. That function puts every glyph on a whole pixel, drops the space
//! on its left and centres on an estimated height. Words fall apart and nothing aligns. Here a glyph may
//! start between two pixels, and its ink is measured. One font, one line, left to right.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, Glyph, OutlinedGlyph, PxScaleFont, ScaleFont, point};
use anyhow::Context;
use plotters::prelude::RGBColor;

use super::Region;

/// Smallest text size. Text that does not fit at this size is cut, because smaller letters are hard to read.
const MIN_TEXT_SIZE: u32 = 20;

/// Inter 4.001 under the SIL Open Font License, see the file beside it.
static FONT: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");

/// Horizontal alignment of text in its region.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// One line of text in a region. Text that is too long shrinks, then ends in an ellipsis.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) text: String,
    /// Line height in pixels. A capital letter is 0.6 of it.
    pub(crate) size: u32,
    pub(crate) color: RGBColor,
    pub(crate) align: Align,
    pub(crate) region: Region,
}

/// The largest size, at most `size`, at which each text fits into `width`. Not shrunk below
/// [`MIN_TEXT_SIZE`].
pub(crate) fn common_size(texts: &[String], size: u32, width: i32) -> anyhow::Result<u32> {
    texts.iter().try_fold(size, |smallest, text| {
        Ok(smallest.min(fitting_size(text, size, width)?))
    })
}

/// Pixels of a label: the smallest region that holds them, and the coverage of each, row by row.
pub(crate) struct Ink {
    pub(crate) region: Region,
    pub(super) coverage: Vec<f32>,
}

impl Label {
    /// Lays out the label: fixes size, wording and place.
    pub(crate) fn ink(&self) -> anyhow::Result<Ink> {
        let (text, size) = self.fitted()?;
        let mut ink = rasterise(&text, size)?;
        let free = self.region.width - ink.region.width;
        ink.region.left = self.region.left
            + match self.align {
                Align::Left => 0,
                Align::Center => free / 2,
                Align::Right => free,
            };
        // A capital letter is centred in the region: the baseline is below the middle by half the height of
        // the letter. The top of the ink is relative to the baseline.
        let capital = -region_of(&outlines("H", size)?).top;
        ink.region.top += self.region.top + (self.region.height + capital) / 2;
        Ok(ink)
    }

    /// The text as it is drawn, shortened if necessary, and its size.
    pub(crate) fn fitted(&self) -> anyhow::Result<(String, u32)> {
        let text = self.text.replace(char::is_control, " ");
        let size = fitting_size(&text, self.size, self.region.width)?;
        Ok((cut(text, size, self.region.width)?, size))
    }
}

fn fitting_size(text: &str, size: u32, width: i32) -> anyhow::Result<u32> {
    let needed = width_of(text, size)?;
    if needed <= width {
        return Ok(size);
    }
    let shrunk = f64::from(size) * f64::from(width) / f64::from(needed);
    Ok((shrunk as u32).clamp(MIN_TEXT_SIZE.min(size), size))
}

/// The longest start of the text that fits with an ellipsis, or the whole text if it fits.
fn cut(text: String, size: u32, width: i32) -> anyhow::Result<String> {
    if width_of(&text, size)? <= width {
        return Ok(text);
    }
    // Positions at which the text may be cut.
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let shortened = |end: usize| format!("{}…", text[..end].trim_end());
    let (mut fits, mut too_long) = (0, cuts.len());
    while too_long - fits > 1 {
        let middle = (fits + too_long) / 2;
        if width_of(&shortened(cuts[middle]), size)? <= width {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    Ok(shortened(cuts.get(fits).copied().unwrap_or_default()))
}

/// Width of a text in pixels, never less than its ink: the tail of a "j" or a wide accent goes beyond the
/// advance width.
fn width_of(text: &str, size: u32) -> anyhow::Result<i32> {
    let ink = region_of(&outlines(text, size)?).width;
    Ok(ink.max(advance(text, size)?.ceil() as i32))
}

/// Advance width of a text in pixels, with a fraction.
pub(crate) fn advance(text: &str, size: u32) -> anyhow::Result<f64> {
    let font = font(size)?;
    let (_, end) = glyphs(text, &font);
    Ok(f64::from(end))
}

/// Ink of a text whose first glyph starts at 0 and whose baseline is at 0.
fn rasterise(text: &str, size: u32) -> anyhow::Result<Ink> {
    let outlines = outlines(text, size)?;
    let region = region_of(&outlines);
    let mut coverage = vec![0.0_f32; (region.width * region.height) as usize];
    for outline in &outlines {
        let edge = region_of(std::slice::from_ref(outline));
        let first = (edge.top - region.top) * region.width + (edge.left - region.left);
        outline.draw(|across, down, ink| {
            let pixel = &mut coverage
                [first as usize + (down as usize * region.width as usize) + across as usize];
            // Two glyphs may touch in one pixel.
            *pixel = (*pixel + ink).min(1.0);
        });
    }
    Ok(Ink { region, coverage })
}

/// Outlines of all glyphs that have ink.
fn outlines(text: &str, size: u32) -> anyhow::Result<Vec<OutlinedGlyph>> {
    let font = font(size)?;
    let (glyphs, _) = glyphs(text, &font);
    let outlined = glyphs
        .into_iter()
        .filter_map(|glyph| font.outline_glyph(glyph));
    Ok(outlined.collect())
}

/// The glyphs of a text with their positions, and where the next glyph would start. Without kerning: the font
/// has no kerning table.
fn glyphs(text: &str, font: &PxScaleFont<&FontRef<'_>>) -> (Vec<Glyph>, f32) {
    let mut glyphs: Vec<Glyph> = Vec::with_capacity(text.len());
    let mut pen = 0.0;
    for character in text.chars() {
        let mut glyph = font.scaled_glyph(character);
        glyph.position = point(pen, 0.0);
        pen += font.h_advance(glyph.id);
        glyphs.push(glyph);
    }
    (glyphs, pen)
}

/// Smallest region of whole pixels around all outlines. Empty without outlines.
fn region_of(outlines: &[OutlinedGlyph]) -> Region {
    let bounds = outlines.iter().map(OutlinedGlyph::px_bounds);
    let around = bounds.reduce(|mut all, one| {
        all.min = point(all.min.x.min(one.min.x), all.min.y.min(one.min.y));
        all.max = point(all.max.x.max(one.max.x), all.max.y.max(one.max.y));
        all
    });
    around.map_or(Region::new(0, 0, 0, 0), |around| {
        let [left, top, width, height] =
            [around.min.x, around.min.y, around.width(), around.height()].map(|edge| edge as i32);
        Region::new(left, top, width, height)
    })
}

/// The font at a line height in pixels.
fn font(size: u32) -> anyhow::Result<PxScaleFont<&'static FontRef<'static>>> {
    static PARSED: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| FontRef::try_from_slice(FONT).ok());
    let font = parsed
        .as_ref()
        .context("the built-in font cannot be read")?;
    Ok(font.as_scaled(size as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 8] = [
        "10,000",
        "release 000002",
        "Ångström, Øjé, Žluťoučký",
        "jfjfjf ﬀ — “W” @%",
        "",
        "line\nbreak\tand \u{7}",
        "漢字 is not in the font",
        "the end \u{20dc}",
    ];

    #[test]
    fn ink_stays_in_its_region_whatever_the_text() {
        for text in TEXTS {
            for repeats in [1, 20] {
                for align in [Align::Left, Align::Center, Align::Right] {
                    let label = label(&text.repeat(repeats), align, 180);
                    let ink = label.ink().expect("a label");
                    assert!(
                        label.region.contains(ink.region),
                        "{text} ×{repeats}, {align:?}: {:?}",
                        ink.region
                    );
                }
            }
        }
    }

    #[test]
    fn ink_beyond_the_advance_of_a_text_makes_it_shrink() {
        for text in TEXTS {
            let width = advance(text, 30).expect("a width").ceil() as i32 + 2;
            let label = label(text, Align::Left, width);
            let ink = label.ink().expect("a label").region;
            assert!(ink.width <= width, "{text}: {ink:?} in {width}");
        }
    }

    #[test]
    fn short_text_keeps_its_size_long_text_shrinks_very_long_text_is_cut() {
        let fitted = |text: &str| {
            let label = label(text, Align::Left, 180);
            label.fitted().expect("a label")
        };
        assert_eq!(fitted("stayed"), ("stayed".to_owned(), 30));

        let (text, size) = fitted("model 3f2a91c0 (b)");
        assert_eq!(text, "model 3f2a91c0 (b)");
        assert!((MIN_TEXT_SIZE..30).contains(&size), "{size}");

        let (text, size) = fitted(&"a very long name ".repeat(9));
        assert_eq!(size, MIN_TEXT_SIZE);
        assert!(
            text.starts_with("a very long") && text.ends_with('…'),
            "{text}"
        );
    }

    #[test]
    fn a_region_too_narrow_for_a_letter_holds_at_most_the_ellipsis() {
        let label = label("stayed", Align::Left, 3);
        assert_eq!(label.fitted().expect("a label").0, "…");
    }

    #[test]
    fn baselines_do_not_depend_on_the_letters() {
        let bottom = |text: &str| {
            let ink = label(text, Align::Left, 180).ink().expect("a label").region;
            ink.top + ink.height
        };
        assert_eq!(bottom("H"), bottom("ix"));
        assert!(bottom("gy") > bottom("H"));
    }

    fn label(text: &str, align: Align, width: i32) -> Label {
        Label {
            text: text.to_owned(),
            size: 30,
            color: RGBColor(0, 0, 0),
            align,
            region: Region::new(10, 10, width, 30),
        }
    }
}
