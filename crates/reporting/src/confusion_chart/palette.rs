//! Colours of the picture.

use plotters::prelude::RGBColor;

pub(super) const INK: RGBColor = RGBColor(0x1a, 0x1f, 0x26);
pub(super) const QUIET_INK: RGBColor = RGBColor(0x56, 0x60, 0x6b);
pub(super) const LINE: RGBColor = RGBColor(0xc4, 0xcd, 0xd6);
/// Colour of a cell without a share.
pub(super) const NO_SHARE: RGBColor = RGBColor(0xf2, 0xf2, 0xf2);

/// Colour scale for shares from 0 to 1 in equal steps. All colours have one hue, so lightness alone
/// shows the share. Colour-blind readers see it, and so do readers of black-and-white prints. The
/// darkest colour is light enough for dark text, so the text needs no second colour.
const SCALE: [RGBColor; 3] = [
    RGBColor(0xf7, 0xfb, 0xff),
    RGBColor(0xb5, 0xd4, 0xea),
    RGBColor(0x5b, 0xa3, 0xd3),
];

/// Colour of a share between 0 and 1.
pub(super) fn color_of(share: f64) -> RGBColor {
    let position = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let step = (position as usize).min(SCALE.len() - 2);
    let within = position - step as f64;
    let mix = |from: u8, to: u8| {
        let (from, to) = (f64::from(from), f64::from(to));
        (from + (to - from) * within).round() as u8
    };
    let (from, to) = (SCALE[step], SCALE[step + 1]);
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use plotters::style::WHITE;

    use super::*;

    #[test]
    fn text_is_readable_on_every_color() {
        let shares = (0..=1000).map(|step| color_of(f64::from(step) / 1000.0));
        for background in shares.chain([NO_SHARE, WHITE]) {
            let ratio = contrast(INK, background);
            assert!(ratio >= 4.5, "{background:?}: {ratio}");
        }
        assert!(contrast(QUIET_INK, WHITE) >= 4.5);
    }

    #[test]
    fn a_greater_share_is_darker() {
        let shades: Vec<f64> = (0..=100)
            .map(|step| luminance(color_of(f64::from(step) / 100.0)))
            .collect();
        assert!(shades.is_sorted_by(|lighter, darker| lighter > darker));
    }

    /// The contrast ratio of WCAG 2.2, from 1 to 21.
    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
