//! Permissions: the configured folders, the files that runs open in them, and the secrecy of the
//! keys.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::files;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, counted, quoted};

/// User ids that decide which command restores access to a path.
#[derive(Clone, Copy, Debug)]
struct Owners {
    /// The user who runs the doctor.
    user: u32,
    /// Owner of the path.
    path: u32,
    /// Owner of the folder that holds the path.
    folder: u32,
}

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let (config, layout) = (pipeline.config, &pipeline.config.layout);
    let read = config
        .input_folders
        .iter()
        .chain([&config.test_folder])
        .map(|folder| folder.path.as_path());
    let written = [
        layout.output(),
        layout.models(),
        layout.production(),
        layout.state(),
    ];
    let mut n_folders = written.len();
    for folder in read {
        n_folders += 1;
        if folder.exists() {
            examine_path(folder, Access::READ_OK | Access::EXEC_OK, findings);
        } else {
            findings.problem(
                format!("the folder {} is missing", folder.display()),
                format!("mkdir -p {}", quoted(folder)),
            );
        }
    }
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    for folder in written.into_iter().filter_map(nearest_existing) {
        // A missing folder will be created in its nearest existing parent.
        examine_path(folder, all, findings);
    }
    let row_fingerprints = layout.row_fingerprints();
    if row_fingerprints.exists() {
        examine_path(&row_fingerprints, all, findings);
    }
    for file in written_files(pipeline) {
        if file.exists() {
            examine_path(&file, Access::READ_OK | Access::WRITE_OK, findings);
        }
    }
    examine_key(&layout.fingerprint_key(), findings);
    let of_api = [&config.api.keys_file, &config.api.key_file];
    for keys in of_api.into_iter().flatten() {
        examine_key(keys, findings);
    }
    Ok(format!(
        "{} and the files in them",
        counted(n_folders, "folder")
    ))
}

/// The path or its nearest existing ancestor.
pub(super) fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

/// The files that a run opens for writing. All other files are replaced by renaming within their
/// folder.
fn written_files(pipeline: &ExaminedPipeline<'_>) -> [PathBuf; 6] {
    let layout = &pipeline.config.layout;
    [
        layout.final_data(),
        layout.rejected_rows(),
        layout.history(),
        layout.predictions(),
        layout.run_lock(),
        layout.evaluated_fingerprints(),
    ]
}

fn examine_path(path: &Path, wanted: Access, findings: &mut Findings) {
    let Err(error) = access(path, wanted) else {
        return;
    };
    let may = if wanted.contains(Access::WRITE_OK) {
        "read and write"
    } else {
        "read"
    };
    let what = format!("this user may not {may} {}: {error}", path.display());
    let remedy = match owners(path) {
        // On a read-only file system neither mode nor owner is the cause.
        Some(owners) if error == Errno::ACCESS => remedy(path, owners, wanted),
        _ => format!("findmnt -T {}", quoted(path)),
    };
    findings.problem(what, remedy);
}

fn owners(path: &Path) -> Option<Owners> {
    let of = |path: &Path| Some(path.metadata().ok()?.uid());
    Some(Owners {
        user: rustix::process::geteuid().as_raw(),
        path: of(path)?,
        folder: of(path.parent()?)?,
    })
}

/// The command that restores access.
///
/// If this user owns the path, the command changes its mode. If this user owns only the folder, the
/// command changes the owner of the path. Otherwise the command runs the doctor as the owner of the
/// path.
fn remedy(path: &Path, owners: Owners, wanted: Access) -> String {
    let path = quoted(path);
    if owners.path == owners.user {
        let mode = if wanted.contains(Access::WRITE_OK) {
            "u+rwX"
        } else {
            "u+rX"
        };
        format!("chmod {mode} {path}")
    } else if owners.folder == owners.user {
        format!("sudo chown {} {path}", owners.user)
    } else {
        format!("sudo -u '#{}' fullprocess --doctor", owners.path)
    }
}

/// Finds out whether others may read a key. A missing key is no finding: there is no secret to protect.
pub(super) fn examine_key(key: &Path, findings: &mut Findings) {
    let Ok(metadata) = key.metadata() else {
        return;
    };
    if files::is_open_to_others(&metadata) {
        findings.problem(
            format!("others may read {}, which is a secret", key.display()),
            format!("chmod 600 {}", quoted(key)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_depends_on_the_owner() {
        let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        let remedy = |user, path, folder| {
            let owners = Owners { user, path, folder };
            remedy(Path::new("/state/history.db"), owners, all)
        };
        assert_eq!(remedy(7, 7, 0), "chmod u+rwX /state/history.db");
        assert_eq!(remedy(7, 0, 7), "sudo chown 7 /state/history.db");
        assert_eq!(remedy(7, 8, 8), "sudo -u '#8' fullprocess --doctor");
    }

    #[test]
    fn the_nearest_existing_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("not/yet");
        assert_eq!(nearest_existing(&missing), Some(folder.path()));
    }
}
