//! Every link leads somewhere, and every option that the pages name exists.

use std::fs;

use super::{pages, text};
use crate::program;

/// The targets of links, without those to other machines.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let markdown = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let pictures = text
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'));
    let sources = text
        .split("srcset=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'));
    let targets = markdown
        .chain(pictures)
        .chain(sources)
        .map(|(target, _)| target);
    targets.filter(|target| !target.contains("://"))
}

/// The anchors of a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_page_and_its_heading() {
    for page in pages() {
        let content = text(&page);
        for link in links(&content) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = program::repository().join(&page);
            let target = match file {
                "" => path,
                file => path.parent().expect("a folder").join(file),
            };
            assert!(target.exists(), "{page}: {link}");
            if !anchor.is_empty() {
                let target = fs::read_to_string(target).expect("a page");
                let found = anchors(&target).contains(&anchor.to_owned());
                assert!(found, "{page}: {link}");
            }
        }
    }
}

#[test]
fn the_index_names_every_page() {
    let index = text("docs/README.md");
    for page in pages() {
        if let Some(name) = page.strip_prefix("docs/") {
            let is_named = name == "README.md" || index.contains(&format!("({name})"));
            assert!(is_named, "{name} is not in the index");
        }
    }
}

/// A stranger reads two pages.
#[test]
fn readme_is_short() {
    let readme = text("README.md");
    assert!(
        readme.lines().count() <= 200,
        "{} lines",
        readme.lines().count()
    );
    let words = readme.split_whitespace().count();
    assert!(words <= 1500, "{words} words");
}

/// Each option that the pages name is one of the programs'.
#[test]
fn every_option_exists() {
    let mut known = String::new();
    for name in [
        "fullprocess",
        "ingestion",
        "training",
        "scoring",
        "deployment",
        "diagnostics",
        "reporting",
        "app",
        "apicalls",
    ] {
        let help = std::process::Command::new(program::path(name))
            .arg("--help")
            .output();
        known += &String::from_utf8(help.expect("it starts").stdout).expect("UTF-8");
    }
    for page in pages() {
        for block in text(&page).split("```sh\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            let commands = block.lines().filter(|line| {
                line.contains("fullprocess")
                    || line.contains("--bin ")
                    || line.starts_with("ingestion")
            });
            for word in commands.flat_map(str::split_whitespace) {
                let is_option = word.starts_with("--") && word.len() > 2;
                let of_cargo = [
                    "--release",
                    "--bin",
                    "--workspace",
                    "--example",
                    "--features",
                    "--locked",
                ];
                if is_option && !of_cargo.contains(&word) {
                    // The page on wrong command lines has a wrong one.
                    let option = word
                        .trim_end_matches(['"', '\''])
                        .replace("--dryrun", "--dry-run");
                    assert!(known.contains(&option), "{page}: {option}");
                }
            }
        }
    }
}
