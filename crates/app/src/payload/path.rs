//! A file that a request names: only CSV files in the configured folders.
//!
//! The name is compared with the folders before the file system is asked, so that nothing can be
//! learnt about other files. The file is then opened step by step below the folder, without
//! following symbolic links and without waiting. So no link, pipe or swapped file leads elsewhere,
//! and the file that was checked is the file that is read.

use std::fs::File;
use std::io::{self, Read, Take};
use std::path::{Component, Path, PathBuf};

use common::Config;
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use crate::error::ApiError;

const NO_REGULAR_FILE: &str = "only regular files may be named";

/// Upper limit of a name in bytes: no system opens a longer one, and checking it makes a copy.
const MAX_NAME: usize = 4096;

/// Opens the file that a request names, limited to its present size.
pub(super) fn open(config: &Config, named: &str) -> Result<Take<File>, ApiError> {
    let roots = &config.api.data_roots;
    if roots.is_empty() {
        return Err(ApiError::PathNotAllowed(
            "this server reads no files for requests (api.data_roots is empty); send the rows themselves",
        ));
    }
    let (root, relative) = locate(&config.base, roots, named).ok_or(ApiError::PathNotAllowed(
        "only .csv files in the folders of api.data_roots may be named",
    ))?;
    let file = open_inside(root, &relative)?;
    let metadata = file.metadata().map_err(internal)?;
    if !metadata.is_file() {
        return Err(ApiError::PathNotAllowed(NO_REGULAR_FILE));
    }
    let limit = config.api.limits.file_bytes;
    if metadata.len() > limit {
        return Err(ApiError::BodyTooLarge {
            what: "the file",
            limit,
        });
    }
    Ok(file.take(metadata.len()))
}

/// The innermost folder that contains the name, and the rest of the name. The file system is not
/// asked.
fn locate<'r>(base: &Path, roots: &'r [PathBuf], named: &str) -> Option<(&'r Path, PathBuf)> {
    if named.len() > MAX_NAME {
        return None;
    }
    let path = base.join(named);
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let goes_up = path
        .components()
        .any(|component| component == Component::ParentDir);
    if !is_csv || goes_up || named.contains('\0') {
        return None;
    }
    roots
        .iter()
        .filter_map(|root| {
            let relative = path.strip_prefix(root).ok()?;
            Some((root.as_path(), relative.to_owned()))
        })
        .max_by_key(|(root, _)| root.components().count())
}

/// Opens a file below a folder; each step may be a folder but no link.
fn open_inside(root: &Path, relative: &Path) -> Result<File, ApiError> {
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // Without NONBLOCK, opening a pipe would wait for a writer.
    let file = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    // The folder itself comes from the configuration and may be reached through links.
    let mut at = rustix::fs::open(root, folder, Mode::empty()).map_err(open_error)?;
    let mut steps = relative.components().peekable();
    while let Some(step) = steps.next() {
        let flags = if steps.peek().is_some() { folder } else { file };
        at = openat(
            &at,
            step.as_os_str(),
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        )
        .map_err(open_error)?;
    }
    Ok(File::from(at))
}

fn open_error(error: Errno) -> ApiError {
    match error {
        Errno::NOENT | Errno::NAMETOOLONG => ApiError::FileNotFound,
        Errno::LOOP | Errno::NOTDIR => {
            ApiError::PathNotAllowed("the path leads over a link or through a file")
        }
        Errno::ACCESS | Errno::PERM => ApiError::PathNotAllowed("the server may not read the file"),
        Errno::NXIO => ApiError::PathNotAllowed(NO_REGULAR_FILE),
        error => internal(error.into()),
    }
}

fn internal(error: io::Error) -> ApiError {
    ApiError::Internal(anyhow::Error::new(error).context("failed to open a file for a request"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use common::files;
    use rustix::fs::{FileType, mknodat};

    use super::*;

    /// A base folder with an allowed data folder and a forbidden one.
    fn workspace() -> (tempfile::TempDir, Config) {
        let base = tempfile::tempdir().unwrap();
        for folder in ["data/in/sub", "data/private"] {
            files::create_folder(&base.path().join(folder)).unwrap();
        }
        for file in [
            "data/in/a.csv",
            "data/in/sub/b.CSV",
            "data/in/c.txt",
            "data/private/p.csv",
        ] {
            files::replace(&base.path().join(file), b"content").unwrap();
        }
        let text = r#"{"input_folder_path":"data/in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models",
            "prod_deployment_path":"prod"}"#;
        let config = Config::parse(&base.path().join("config.json"), text).unwrap();
        (base, config)
    }

    fn code(config: &Config, named: &str) -> &'static str {
        match open(config, named) {
            Ok(mut file) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "content");
                "read"
            }
            Err(error) => error.kind().code,
        }
    }

    #[test]
    fn only_csv_files_in_the_allowed_folders_are_read() {
        let (base, config) = workspace();
        let absolute = |name: &str| base.path().join(name).display().to_string();
        for (named, wanted) in [
            ("data/in/a.csv", "read"),
            ("./data//in/./a.csv", "read"),
            ("data/in/sub/b.CSV", "read"),
            (&absolute("data/in/a.csv"), "read"),
            ("data/in/missing.csv", "file-not-found"),
            ("data/in/no/a.csv", "file-not-found"),
            ("test/missing.csv", "file-not-found"),
            ("data/in/a.csv/b.csv", "path-not-allowed"),
            ("data/in/c.txt", "path-not-allowed"),
            ("data/in", "path-not-allowed"),
            ("", "path-not-allowed"),
            ("data/private/p.csv", "path-not-allowed"),
            ("data/private/missing.csv", "path-not-allowed"),
            ("data/in/../private/p.csv", "path-not-allowed"),
            ("data/in/../in/a.csv", "path-not-allowed"),
            ("data/in/sub/../../private/p.csv", "path-not-allowed"),
            ("../data/in/a.csv", "path-not-allowed"),
            ("data/inside/p.csv", "path-not-allowed"),
            ("data/in%2f..%2fprivate/p.csv", "path-not-allowed"),
            ("data/in/..\\private\\p.csv", "file-not-found"),
            ("data/in/a.csv\0.csv", "path-not-allowed"),
            ("/etc/passwd", "path-not-allowed"),
            ("/proc/self/environ.csv", "path-not-allowed"),
            ("file:///etc/passwd.csv", "path-not-allowed"),
            ("http://127.0.0.1/a.csv", "path-not-allowed"),
            (
                &format!("data/in/{}.csv", "x".repeat(5000)),
                "path-not-allowed",
            ),
        ] {
            assert_eq!(code(&config, named), wanted, "{named:?}");
        }
    }

    #[test]
    fn links_are_not_followed_and_pipes_are_not_waited_for() {
        let (base, config) = workspace();
        let inside = |name: &str| base.path().join("data/in").join(name);
        symlink("../private/p.csv", inside("link.csv")).unwrap();
        symlink("a.csv", inside("own.csv")).unwrap();
        symlink("../private", inside("linked")).unwrap();
        symlink("/proc/self", inside("proc")).unwrap();
        files::create_folder(&inside("folder.csv")).unwrap();
        let pipe = inside("pipe.csv");
        mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(inside("socket.csv")).unwrap();
        for name in [
            "link.csv",
            "own.csv",
            "linked/p.csv",
            "proc/environ.csv",
            "folder.csv",
            "pipe.csv",
            "socket.csv",
        ] {
            let named = format!("data/in/{name}");
            assert_eq!(code(&config, &named), "path-not-allowed", "{named}");
        }
    }

    #[test]
    fn an_allowed_folder_may_be_a_link_and_may_lie_in_another() {
        let (base, mut config) = workspace();
        symlink("private", base.path().join("data/linked")).unwrap();
        assert_eq!(code(&config, "data/linked/p.csv"), "path-not-allowed");
        config.api.data_roots = vec![base.path().join("data"), base.path().join("data/linked")];
        assert_eq!(code(&config, "data/linked/p.csv"), "read");
    }

    #[test]
    fn an_empty_list_forbids_named_files_and_a_huge_file_is_rejected() {
        let (base, mut config) = workspace();
        let huge = base.path().join("data/in/huge.csv");
        files::replace(&huge, b"").unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&huge).unwrap();
        file.set_len(config.api.limits.file_bytes + 1).unwrap();
        assert_eq!(code(&config, "data/in/huge.csv"), "body-too-large");
        config.api.data_roots.clear();
        assert_eq!(code(&config, "data/in/a.csv"), "path-not-allowed");
    }
}
