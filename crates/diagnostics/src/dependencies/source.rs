//! Which index cargo would ask here, by its own configuration.
//!
//! `tame-index` follows a source that is replaced by another registry once. Where cargo takes its
//! crates from a folder, or from a source that is replaced in turn, it would ask the public index
//! all the same; so the replacements are followed here, and it is given where they end.

use std::path::Path;

use anyhow::{Context, bail};
use semver::Version;
use tame_index::{IndexLocation, IndexPath, IndexUrl, PathBuf, SparseIndex};
use toml_span::Value;

/// The name under which cargo configures the public registry.
const PUBLIC: &str = "crates-io";
/// Replacements that are followed before they are called a circle.
const MOST_REPLACEMENTS: usize = 10;
/// The cargo whose defaults are meant; naming one spares a child process that would ask.
const CARGO: Version = Version::new(1, 89, 0);
/// What kinds of source have no index that answers over HTTP.
const SILENT: [&str; 3] = ["directory", "local-registry", "git"];

/// The texts of cargo's configuration files, the nearest first.
pub(super) struct CargoFiles {
    base: PathBuf,
    home: Option<PathBuf>,
    texts: Vec<String>,
}

impl CargoFiles {
    /// Reads the files that hold for a build in `base`.
    pub(super) fn read(base: &Path, home: Option<PathBuf>) -> anyhow::Result<Self> {
        let base = PathBuf::from_path_buf(base.to_owned())
            .map_err(|path| anyhow::anyhow!("{} is no UTF-8 path", path.display()))?;
        let mut texts = Vec::new();
        let above = base.ancestors().map(|folder| folder.join(".cargo"));
        for folder in above.chain(home.clone()) {
            let file = folder.join("config.toml");
            if file.is_file() {
                let text = common::regular::read_to_string(file.as_std_path());
                texts.push(text.with_context(|| format!("failed to read {file}"))?);
            }
        }
        Ok(Self { base, home, texts })
    }

    /// The index to ask; an error where there is none that answers over HTTP.
    pub(super) fn index(&self) -> anyhow::Result<SparseIndex> {
        let files = self.texts.iter().map(|text| toml_span::parse(text));
        let files = files
            .collect::<Result<Vec<Value<'_>>, _>>()
            .context("cargo's configuration is not usable")?;
        let url = self.index_url(&files)?;
        if !url.is_sparse() {
            bail!("cargo is configured for an index that does not answer over HTTP (not sparse)");
        }
        Ok(SparseIndex::new(IndexLocation {
            url,
            // Cargo's own cache is not used: it may change while it is read.
            root: IndexPath::UserSpecified(PathBuf::new()),
            cargo_version: Some(CARGO),
        })?)
    }

    fn index_url<'a>(&self, files: &'a [Value<'_>]) -> anyhow::Result<IndexUrl<'a>> {
        let name = effective_source(files)?;
        let (base, home) = (Some(self.base.clone()), self.home.as_deref());
        if name == PUBLIC {
            return Ok(IndexUrl::crates_io(base, home, Some(&CARGO.to_string()))?);
        }
        if let Some(registry) = setting(files, name, "registry") {
            return Ok(registry.into());
        }
        if let Some(kind) = SILENT
            .into_iter()
            .find(|kind| setting(files, name, kind).is_some())
        {
            bail!("cargo takes its crates from a source that cannot be asked ({kind})");
        }
        // It is then the name of a registry, which has its own section.
        IndexUrl::for_registry_name(base, home, name)
            .with_context(|| format!("cargo's source {name} is not configured"))
    }
}

/// The source that stands in for the public registry when all replacements are followed.
fn effective_source<'a>(files: &'a [Value<'_>]) -> anyhow::Result<&'a str> {
    let mut name = PUBLIC;
    for _ in 0..MOST_REPLACEMENTS {
        match setting(files, name, "replace-with") {
            Some(other) => name = other,
            None => return Ok(name),
        }
    }
    bail!("cargo's sources replace each other in a circle")
}

/// A key of the section of one source, from the nearest file that has it.
fn setting<'a>(files: &'a [Value<'_>], source: &str, key: &str) -> Option<&'a str> {
    files.iter().find_map(|file| {
        let sources = file.pointer("/source")?.as_table()?;
        sources.get(source)?.as_table()?.get(key)?.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which index is asked, by the texts of the files, the nearest first.
    fn asked(texts: &[&str]) -> Result<String, String> {
        let files = CargoFiles {
            base: "/nowhere".into(),
            home: Some("/nowhere/home".into()),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        };
        let index = files.index().map_err(|error| format!("{error:#}"))?;
        Ok(index.url().to_owned())
    }

    const MIRROR: &str = "[source.crates-io]\nreplace-with = 'mirror'\n";

    #[test]
    fn the_index_is_the_one_that_cargo_would_ask() {
        let public = tame_index::CRATES_IO_HTTP_INDEX
            .strip_prefix("sparse+")
            .unwrap();
        let mirror = "[source.mirror]\nregistry = 'sparse+http://mirror.test/index'\n";
        let chained = "[source.mirror]\nreplace-with = 'inner'\n\
                       [source.inner]\nregistry = 'sparse+http://inner.test/'\n";
        let both = [MIRROR, mirror].concat();
        for (texts, url) in [
            (vec![], public),
            (vec!["[net]\nretry = 1\n"], public),
            (vec![mirror], public),
            (vec![both.as_str()], "http://mirror.test/index/"),
            (vec![MIRROR, mirror], "http://mirror.test/index/"),
            (vec![MIRROR, chained, mirror], "http://inner.test/"),
        ] {
            assert_eq!(asked(&texts).as_deref(), Ok(url), "{texts:?}");
        }
    }

    #[test]
    fn what_cannot_be_asked_says_why_and_the_public_index_is_left_alone() {
        for (text, says) in [
            ("[source.mirror]\ndirectory = 'vendor'\n", "(directory)"),
            (
                "[source.mirror]\nlocal-registry = 'x'\n",
                "(local-registry)",
            ),
            ("[source.mirror]\ngit = 'https://x.test/x'\n", "(git)"),
            (
                "[source.mirror]\nregistry = 'https://x.test/x'\n",
                "not sparse",
            ),
            ("[source.mirror]\nreplace-with = 'crates-io'\n", "circle"),
            ("", "mirror is not configured"),
            ("[source.mirror\n", "not usable"),
        ] {
            let refused = asked(&[MIRROR, text]).expect_err(text);
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn the_files_are_those_above_the_folder_and_in_the_home_of_cargo() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| PathBuf::from_path_buf(folder.path().join(path)).unwrap();
        for (path, text) in [
            ("a/.cargo", "near"),
            ("home", "home"),
            ("a/b/c/.cargo", "below"),
        ] {
            common::files::create_folder(at(path).as_std_path()).unwrap();
            common::files::replace(at(path).join("config.toml").as_std_path(), text.as_bytes())
                .unwrap();
        }
        let files = CargoFiles::read(at("a/b").as_std_path(), Some(at("home"))).unwrap();
        assert_eq!(files.texts, ["near", "home"]);
    }
}
