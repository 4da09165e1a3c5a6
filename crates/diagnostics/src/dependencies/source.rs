//! Finds the index that cargo would ask, from cargo's configuration.
//!
//! `tame-index` follows the replacement of a source by another registry only once. It would ask the
//! public index even where cargo uses a folder or a second replacement. Therefore this module
//! follows the replacements, and `tame-index` gets the last source.

use std::path::Path;

use anyhow::{Context, bail};
use semver::Version;
use tame_index::{IndexLocation, IndexPath, IndexUrl, PathBuf, SparseIndex};
use toml_span::Value;

/// Name of the public registry in cargo's configuration.
const PUBLIC_REGISTRY: &str = "crates-io";
/// Maximum number of replacements that are followed. A longer chain must be a circle.
const MAX_REPLACEMENTS: usize = 10;
/// The cargo version whose defaults apply. Without it, `tame-index` would start a process to ask.
const CARGO_VERSION: Version = Version::new(1, 89, 0);
/// Kinds of source without an index over HTTP.
const KINDS_WITHOUT_INDEX: [&str; 3] = ["directory", "local-registry", "git"];

/// Contents of cargo's configuration files, the nearest first.
pub(super) struct CargoFiles {
    base: PathBuf,
    home: Option<PathBuf>,
    texts: Vec<String>,
}

impl CargoFiles {
    /// Reads the configuration files that apply to a build in `base`.
    pub(super) fn read(base: &Path, home: Option<PathBuf>) -> anyhow::Result<Self> {
        let base = PathBuf::from_path_buf(base.to_owned())
            .map_err(|path| anyhow::anyhow!("{} is not a UTF-8 path", path.display()))?;
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

    /// The index to ask. Fails when cargo's source has no index over HTTP.
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
            // Cargo's own cache is not used, because it may change while it is read.
            root: IndexPath::UserSpecified(PathBuf::new()),
            cargo_version: Some(CARGO_VERSION),
        })?)
    }

    fn index_url<'a>(&self, files: &'a [Value<'_>]) -> anyhow::Result<IndexUrl<'a>> {
        let name = effective_source(files)?;
        let (base, home) = (Some(self.base.clone()), self.home.as_deref());
        if name == PUBLIC_REGISTRY {
            return Ok(IndexUrl::crates_io(
                base,
                home,
                Some(&CARGO_VERSION.to_string()),
            )?);
        }
        if let Some(registry) = setting(files, name, "registry") {
            return Ok(registry.into());
        }
        if let Some(kind) = KINDS_WITHOUT_INDEX
            .into_iter()
            .find(|kind| setting(files, name, kind).is_some())
        {
            bail!("cargo takes its crates from a source that cannot be asked ({kind})");
        }
        // The source's name is then the name of a registry, which has its own section.
        IndexUrl::for_registry_name(base, home, name)
            .with_context(|| format!("cargo's source {name} is not configured"))
    }
}

/// The source in use for the public registry, after all replacements.
fn effective_source<'a>(files: &'a [Value<'_>]) -> anyhow::Result<&'a str> {
    let mut name = PUBLIC_REGISTRY;
    for _ in 0..MAX_REPLACEMENTS {
        match setting(files, name, "replace-with") {
            Some(other) => name = other,
            None => return Ok(name),
        }
    }
    bail!("cargo's sources replace each other in a circle")
}

/// Reads a key of a source's section, from the nearest file that has it.
fn setting<'a>(files: &'a [Value<'_>], source: &str, key: &str) -> Option<&'a str> {
    files.iter().find_map(|file| {
        let sources = file.pointer("/source")?.as_table()?;
        sources.get(source)?.as_table()?.get(key)?.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index that is asked, given the contents of the configuration files, the nearest first.
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
    fn a_source_without_an_index_is_an_error_with_its_reason() {
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
    fn files_come_from_the_folders_above_and_from_cargo_home() {
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
