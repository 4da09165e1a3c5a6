//! Colours of the figures. Each colour has one value on white and one on a dark page.
//!
//! A picture names the light values. A dark page replaces them with [`dark_style`], so no light
//! value may occur twice. No colour is transparent and none is mixed.

use std::fmt::Write as _;

use plotters::prelude::RGBColor;

/// One role of a colour, with its value on a white and on a dark page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaletteColor {
    /// Role of the colour.
    pub name: &'static str,
    /// Value on white, as `#rrggbb`. This value is in the pictures.
    pub light: &'static str,
    /// Value on a dark page, as `#rrggbb`.
    pub dark: &'static str,
}

const fn color(name: &'static str, light: &'static str, dark: &'static str) -> PaletteColor {
    PaletteColor { name, light, dark }
}

/// All colours that a figure uses.
pub const PALETTE: &[PaletteColor] = &[
    color("ink", "#1a1f26", "#e8ecf1"),
    color("muted", "#56606b", "#a7b1bc"),
    color("grid", "#e1e6eb", "#2d343d"),
    color("axis", "#8a95a1", "#737e8a"),
    color("band", "#b7d0ea", "#2f4d6e"),
    color("blue", "#1f5fa8", "#6fb1f0"),
    color("orange", "#c2500a", "#f2935c"),
    color("good", "#1b7a4b", "#5cc795"),
    color("bad", "#b3261e", "#ff8a80"),
    color("purple", "#7b4aa8", "#c79bf0"),
    color("below 4", "#2166ac", "#7fbdf7"),
    color("below 3", "#5a95c8", "#4c8fcc"),
    color("below 2", "#93bfe0", "#3a6a96"),
    color("below 1", "#c9dff0", "#2f4a63"),
    color("zero", "#eceff2", "#2b3138"),
    color("above 1", "#f8dcc8", "#5a4234"),
    color("above 2", "#f0b58d", "#8f5c38"),
    color("above 3", "#dd8246", "#cc7f45"),
    color("above 4", "#b4500f", "#ffb07a"),
];

/// Role of a colour: its place in [`PALETTE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Ink,
    Muted,
    Grid,
    Axis,
    Band,
    Blue,
    Orange,
    Good,
    Bad,
    Purple,
    /// Step of the diverging scale, from -4 to 4.
    Step(i8),
}

impl Tone {
    fn entry(self) -> &'static PaletteColor {
        let place = match self {
            Self::Ink => 0,
            Self::Muted => 1,
            Self::Grid => 2,
            Self::Axis => 3,
            Self::Band => 4,
            Self::Blue => 5,
            Self::Orange => 6,
            Self::Good => 7,
            Self::Bad => 8,
            Self::Purple => 9,
            Self::Step(step) => (14 + step.clamp(-4, 4)) as usize,
        };
        &PALETTE[place]
    }

    /// The light value for plotters.
    pub(super) fn rgb(self) -> RGBColor {
        let [red, green, blue] = channels(self.entry().light);
        RGBColor(red, green, blue)
    }
}

/// Channels of a colour written as `#rrggbb`.
fn channels(hex: &str) -> [u8; 3] {
    let number = u32::from_str_radix(hex.trim_start_matches('#'), 16).unwrap_or_default();
    let [_, red, green, blue] = number.to_be_bytes();
    [red, green, blue]
}

/// CSS rules that recolour the SVG figures of a page for a dark background.
pub fn dark_style() -> String {
    let mut style = String::new();
    for PaletteColor { light, dark, .. } in PALETTE {
        for property in ["fill", "stroke"] {
            // Writing to a string cannot fail.
            let _ = writeln!(
                style,
                "svg.figure [{property}=\"{light}\" i]{{{property}:{dark}}}"
            );
        }
    }
    style
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const WHITE: &str = "#ffffff";
    const DARK_PAGE: &str = "#14181d";

    #[test]
    fn text_and_marks_stand_out_on_both_pages() {
        for color in PALETTE {
            let least = match color.name {
                "ink" | "muted" => 4.5,
                "axis" | "blue" | "orange" | "good" | "bad" | "purple" => 3.0,
                _ => 1.0,
            };
            for (value, page) in [(color.light, WHITE), (color.dark, DARK_PAGE)] {
                let ratio = contrast(value, page);
                assert!(ratio >= least, "{} on {page}: {ratio:.2}", color.name);
            }
        }
    }

    #[test]
    fn the_diverging_scale_grows_away_from_its_middle() {
        for side in [-1, 1] {
            let steps: Vec<&PaletteColor> = (0..=4)
                .map(|step| Tone::Step(step * side).entry())
                .collect();
            let light = |color: &&PaletteColor| contrast(color.light, WHITE);
            let dark = |color: &&PaletteColor| contrast(color.dark, DARK_PAGE);
            assert!(steps.iter().map(light).is_sorted_by(|a, b| a < b));
            assert!(steps.iter().map(dark).is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn tones_and_palette_agree() {
        let light: BTreeSet<&str> = PALETTE.iter().map(|color| color.light).collect();
        assert_eq!(light.len(), PALETTE.len(), "a light value occurs twice");
        for (tone, name) in [
            (Tone::Ink, "ink"),
            (Tone::Axis, "axis"),
            (Tone::Band, "band"),
            (Tone::Purple, "purple"),
            (Tone::Step(-4), "below 4"),
            (Tone::Step(0), "zero"),
            (Tone::Step(4), "above 4"),
        ] {
            assert_eq!(tone.entry().name, name);
        }
    }

    #[test]
    fn the_dark_style_has_a_fill_and_a_stroke_for_each_color() {
        let style = dark_style();
        assert_eq!(style.lines().count(), 2 * PALETTE.len());
        assert!(style.contains(r##"svg.figure [fill="#1f5fa8" i]{fill:#6fb1f0}"##));
        assert!(style.contains(r##"svg.figure [stroke="#1f5fa8" i]{stroke:#6fb1f0}"##));
    }

    /// The contrast ratio of WCAG 2.2, from 1 to 21.
    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(hex: &str) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = channels(hex).map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}
