//! Draws one figure of each kind into a folder: `cargo run --example gallery -- FOLDER`.

use std::path::PathBuf;

use anyhow::Context;
use common::files;
use reporting::*;

mod samples;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .context("usage: gallery FOLDER")?;
    let folder = PathBuf::from(folder);
    files::create_folder(&folder)?;
    let mut page = String::from("<!doctype html><meta charset=\"utf-8\"><title>Figures</title>");
    for (name, figure) in samples::typical().into_iter().chain(samples::extreme()) {
        let svg = figure.svg()?;
        files::replace(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
        files::replace(&folder.join(format!("{name}.png")), &figure.png()?)?;
        page.push_str(&svg);
    }
    files::replace(&folder.join("light.html"), page.as_bytes())?;
    let dark = format!(
        "<style>body{{background:#14181d}}{}</style>{page}",
        dark_style()
    );
    files::replace(&folder.join("dark.html"), dark.as_bytes())
}
