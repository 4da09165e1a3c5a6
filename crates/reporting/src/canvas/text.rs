//! Text that is measured before it is drawn.
//!
//! It does not use plotters' `draw_text`. With `ab_glyph`, that function puts every glyph on a
//! whole pixel, drops the space on its left and centres on an estimated height. Words fall apart
//! and nothing aligns. Here each glyph is drawn at four times its size and scaled down, and its ink
//! is measured. One font, one line, left to right.

use std::convert::Infallible;
use std::sync::OnceLock;

use anyhow::ensure;
use plotters::prelude::{FontDesc, FontFamily, FontStyle, RGBColor};
use plotters::style::register_font;

use super::Region;

/// Name under which the only font is registered. Bold and italic fall back to it.
const FONT_FAMILY: &str = "Inter";

/// Smallest text size. Longer text is cut, because smaller letters are hard to read at a glance.
const MIN_TEXT_SIZE: u32 = 20;

/// Inter 4.001 under the SIL Open Font License, see the file beside it.
static FONT: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");

/// Factor by which glyphs are rasterised larger than shown. Even, so that the baseline falls on a
/// whole pixel.
const SUPERSAMPLING: u32 = 4;

/// Maximum number of pixels by which the ink of a text exceeds its advance width, both sides
/// together. The tails of "j" and "f" do that.
const OVERHANG: i32 = 2;

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

/// The largest size, at most `size`, at which each text fits into `width`. Never below
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
        // The top of the ink is relative to the baseline.
        let capital = -rasterise("H", size)?.region.top;
        ink.region.top += self.region.top + (self.region.height + capital) / 2;
        Ok(ink)
    }

    /// The text as written, and its size.
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
    let ends: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let shortened = |end: usize| format!("{}…", text[..end].trim_end());
    let (mut fits, mut too_long) = (0, ends.len());
    while too_long - fits > 1 {
        let middle = (fits + too_long) / 2;
        if width_of(&shortened(ends[middle]), size)? <= width {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    Ok(shortened(ends.get(fits).copied().unwrap_or_default()))
}

/// Width of a text in pixels, never less than its ink.
fn width_of(text: &str, size: u32) -> anyhow::Result<i32> {
    let (advance, _) = enlarged_font(size)?.box_size(text)?;
    Ok(advance.div_ceil(SUPERSAMPLING) as i32 + OVERHANG)
}

/// Advance width of a text in pixels, with a fraction.
pub(crate) fn advance(text: &str, size: u32) -> anyhow::Result<f64> {
    let (advance, _) = enlarged_font(size)?.box_size(text)?;
    Ok(f64::from(advance) / f64::from(SUPERSAMPLING))
}

/// Ink of a text whose first glyph starts at 0 and whose baseline is at 0.
fn rasterise(text: &str, size: u32) -> anyhow::Result<Ink> {
    let scale = SUPERSAMPLING as i32;
    let dots = enlarged_dots(text, size)?;
    let enlarged = bounds(&dots);
    let reduced = |start: i32, length: i32| {
        let end = (start + length + scale - 1).div_euclid(scale);
        (start.div_euclid(scale), end - start.div_euclid(scale))
    };
    let (left, width) = reduced(enlarged.left, enlarged.width);
    let (top, height) = reduced(enlarged.top, enlarged.height);
    let region = Region::new(left, top, width, height);
    let mut coverage = vec![0.0; (region.width * region.height) as usize];
    for (x, y, dot) in dots {
        let (x, y) = (x.div_euclid(scale), y.div_euclid(scale));
        let pixel = (y - region.top) * region.width + (x - region.left);
        coverage[pixel as usize] += dot / (scale * scale) as f32;
    }
    Ok(Ink { region, coverage })
}

/// Pixels of a text at [`SUPERSAMPLING`] times its size, each with its coverage.
fn enlarged_dots(text: &str, size: u32) -> anyhow::Result<Vec<(i32, i32, f32)>> {
    let font = enlarged_font(size)?;
    let advance = |text: &str| font.box_size(text).map(|(width, _)| width as i32);
    let baseline = (SUPERSAMPLING * size / 2) as i32;
    let mut dots = Vec::new();
    for (start, glyph) in text.char_indices() {
        let glyph = &text[start..start + glyph.len_utf8()];
        let pen = advance(&text[..start + glyph.len()])? - advance(glyph)?;
        let first = dots.len();
        let drawn = font.draw(glyph, (0, -baseline), |x, y, coverage| {
            if coverage > 0.0 {
                dots.push((x, y, coverage));
            }
            Ok::<(), Infallible>(())
        })?;
        let Ok(()) = drawn;
        // plotters starts the ink where the advance starts. Here both sides of the glyph get the
        // same space.
        let ink = bounds(&dots[first..]);
        let shift = pen + (advance(glyph)? - ink.width) / 2 - ink.left;
        for (x, _, _) in &mut dots[first..] {
            *x += shift;
        }
    }
    Ok(dots)
}

/// Smallest region around all dots. Empty without dots.
fn bounds(dots: &[(i32, i32, f32)]) -> Region {
    let Some(&(x, y, _)) = dots.first() else {
        return Region::new(0, 0, 0, 0);
    };
    let (mut left, mut top, mut right, mut bottom) = (x, y, x, y);
    for &(x, y, _) in dots {
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    Region::new(left, top, right - left + 1, bottom - top + 1)
}

fn enlarged_font(size: u32) -> anyhow::Result<FontDesc<'static>> {
    register_fonts()?;
    Ok(FontDesc::new(
        FontFamily::Name(FONT_FAMILY),
        f64::from(SUPERSAMPLING * size),
        FontStyle::Normal,
    ))
}

/// Registers the font with plotters, once per process.
pub(super) fn register_fonts() -> anyhow::Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered =
        REGISTERED.get_or_init(|| register_font(FONT_FAMILY, FontStyle::Normal, FONT).is_ok());
    ensure!(*registered, "the built-in font cannot be read");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 7] = [
        "10,000",
        "release 000002",
        "Ångström, Øjé, Žluťoučký",
        "jfjfjf ﬀ — “W” @%",
        "",
        "line\nbreak\tand \u{7}",
        "漢字 is not in the font",
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
