//! Draws a scene as SVG.
//!
//! plotters counts in whole pixels, so it draws ten times as large as shown. Its text is then
//! compacted: attributes that repeat a default are left out, and neighbouring shapes of one
//! colour become one path. A strict Content-Security-Policy allows the result: there is no style,
//! no id and no script.

use std::fmt::Write as _;

use anyhow::Context;
use plotters::prelude::{DrawingBackend, SVGBackend, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::backend::Canvas;
use super::scene::{Anchor, Scene, Shape, Text};
use super::text::TEXT_SIZE;

/// Units per pixel of the picture.
const SCALE: f64 = 10.0;
/// Ratio by which plotters divides text sizes.
const PLOTTERS_TEXT: f64 = 1.24;
/// Pixels from the middle of a capital letter to its foot, per text size.
const HALF_CAPITAL: f64 = 0.36;

/// Draws the scene. The title is for screen readers.
pub(super) fn svg(scene: &Scene, title: &str) -> anyhow::Result<String> {
    let mut drawn = String::new();
    let size = scene.size.map(|length| (length * SCALE) as u32);
    let mut canvas = Canvas {
        backend: SVGBackend::with_string(&mut drawn, (size[0], size[1])),
        scale: SCALE,
        above: 0.0,
    };
    for shape in &scene.shapes {
        match shape {
            Shape::Text(text) => write_text(&mut canvas, text)?,
            other => canvas.draw(other)?,
        }
    }
    canvas.backend.present()?;
    drop(canvas);
    Ok(wrap(scene, title, &compact(&drawn)?))
}

fn write_text(canvas: &mut Canvas<SVGBackend<'_>>, text: &Text) -> anyhow::Result<()> {
    let anchor = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let size = TEXT_SIZE * SCALE * PLOTTERS_TEXT;
    let color = text.tone.rgb();
    let style = TextStyle::from(("sans-serif", size))
        .color(&color)
        .pos(Pos::new(anchor, VPos::Bottom));
    let foot = text.at[1] + HALF_CAPITAL * TEXT_SIZE;
    let at = canvas.at([text.at[0], foot]);
    Ok(canvas.backend.draw_text(&text.text, &style, at)?)
}

/// The root of the picture around its shapes.
fn wrap(scene: &Scene, title: &str, shapes: &str) -> String {
    let [width, height] = scene.size;
    let title = escape(title);
    let size = TEXT_SIZE * SCALE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n\
         <g transform=\"scale(.1)\" fill=\"none\" font-family=\"sans-serif\" \
         font-size=\"{size}\" stroke-linejoin=\"round\">\n{shapes}</g>\n</svg>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Shapes that share their attributes and are drawn as one path.
#[derive(Default)]
struct Group {
    attributes: String,
    data: String,
}

impl Group {
    fn add(&mut self, to: &mut String, attributes: String, data: &str) {
        if attributes != self.attributes {
            self.finish(to);
            self.attributes = attributes;
        }
        self.data.push_str(data);
    }

    fn finish(&mut self, to: &mut String) {
        if !self.data.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(to, "<path {} d=\"{}\"/>", self.attributes, self.data);
        }
        *self = Self::default();
    }
}

/// Compacts what plotters wrote. It writes one element per line, and a text on a line of its own.
fn compact(drawn: &str) -> anyhow::Result<String> {
    let mut compacted = String::with_capacity(drawn.len() / 2);
    let mut group = Group::default();
    // The first and the last line are the root of plotters.
    for line in drawn.lines().skip(1) {
        match line.strip_prefix('<') {
            Some("/svg>") => {}
            Some("/text>") => compacted.push_str("</text>\n"),
            Some(tag) => add_tag(&mut compacted, &mut group, tag)?,
            // Text is escaped, so it never starts with `<`.
            None => compacted.push_str(line),
        }
    }
    group.finish(&mut compacted);
    Ok(compacted)
}

fn add_tag(to: &mut String, group: &mut Group, tag: &str) -> anyhow::Result<()> {
    let name = tag.split(' ').next().unwrap_or_default();
    let attributes = attributes(tag);
    let value = |wanted: &str| {
        let found = attributes.iter().find(|(name, _)| *name == wanted);
        found
            .map(|(_, value)| *value)
            .context("plotters left an attribute out")
    };
    let color = |wanted: &str| value(wanted).map(str::to_lowercase);
    match name {
        "line" => {
            let style = format!(
                "stroke=\"{}\" stroke-width=\"{}\"",
                color("stroke")?,
                value("stroke-width")?
            );
            let data = format!(
                "M{} {}L{} {}",
                value("x1")?,
                value("y1")?,
                value("x2")?,
                value("y2")?
            );
            group.add(to, style, &data);
        }
        "rect" => {
            let data = format!(
                "M{} {}h{}v{}h-{}z",
                value("x")?,
                value("y")?,
                value("width")?,
                value("height")?,
                value("width")?
            );
            group.add(to, format!("fill=\"{}\"", color("fill")?), &data);
        }
        "polygon" => {
            let points = value("points")?.trim().replace(' ', "L");
            group.add(
                to,
                format!("fill=\"{}\"", color("fill")?),
                &format!("M{points}z"),
            );
        }
        _ => {
            group.finish(to);
            write_tag(to, name, &attributes, tag.ends_with("/>"));
        }
    }
    Ok(())
}

fn write_tag(to: &mut String, name: &str, attributes: &[(&str, &str)], is_closed: bool) {
    let _ = write!(to, "<{name}");
    let has_stroke = !attributes.contains(&("stroke", "none"));
    for (name, value) in attributes {
        let is_default = match *name {
            "opacity" | "dy" | "font-family" | "font-size" => true,
            "fill" | "stroke" => *value == "none",
            "stroke-width" => !has_stroke,
            "text-anchor" => *value == "start",
            _ => false,
        };
        if !is_default {
            let value = match *name {
                "fill" | "stroke" => value.to_lowercase(),
                _ => value.trim().to_owned(),
            };
            let _ = write!(to, " {name}=\"{value}\"");
        }
    }
    to.push_str(if is_closed { "/>\n" } else { ">" });
}

/// Attributes of a tag. plotters escapes quotation marks in values.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut parts = tag.split('"');
    let mut found = Vec::new();
    while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
        let name = before.trim_end_matches('=').rsplit(' ').next();
        found.push((name.unwrap_or_default(), value));
    }
    found
}
