//! What this user may read and write: the folders of the configuration and the files in them that
//! a run opens; and that nobody else reads the key.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::files;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Patient;
use super::report::{Findings, counted, quoted};

/// Whose a path is, by user number.
#[derive(Clone, Copy, Debug)]
struct Owners {
    /// Who looks.
    me: u32,
    /// Of the path.
    path: u32,
    /// Of the folder it is in.
    folder: u32,
}

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> anyhow::Result<String> {
    let (config, layout) = (patient.config, &patient.config.layout);
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
        // A folder that is not there yet is made in the one above.
        examine_path(folder, all, findings);
    }
    let row_fingerprints = layout.row_fingerprints();
    if row_fingerprints.exists() {
        examine_path(&row_fingerprints, all, findings);
    }
    for file in written_files(patient) {
        if file.exists() {
            examine_path(&file, Access::READ_OK | Access::WRITE_OK, findings);
        }
    }
    examine_key(&layout.fingerprint_key(), findings);
    Ok(format!(
        "{} and the files in them",
        counted(n_folders, "folder")
    ))
}

/// The nearest path at or above this one that is there.
pub(super) fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

/// The files that a run opens for writing; all others are replaced by way of their folder.
fn written_files(patient: &Patient<'_>) -> [PathBuf; 5] {
    let layout = &patient.config.layout;
    [
        layout.final_data(),
        layout.rejected_rows(),
        layout.history(),
        layout.run_lock(),
        layout.judged_fingerprints(),
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
        // A mode or an owner is not what stands in the way of a read-only file system.
        Some(owners) if error == Errno::ACCESS => remedy(path, owners, wanted),
        _ => format!("findmnt -T {}", quoted(path)),
    };
    findings.problem(what, remedy);
}

fn owners(path: &Path) -> Option<Owners> {
    let of = |path: &Path| Some(path.metadata().ok()?.uid());
    Some(Owners {
        me: rustix::process::geteuid().as_raw(),
        path: of(path)?,
        folder: of(path.parent()?)?,
    })
}

/// The owner mends the mode; what somebody else made in a folder of ours becomes ours; and what
/// is wholly somebody else's is to be run by them.
fn remedy(path: &Path, owners: Owners, wanted: Access) -> String {
    let path = quoted(path);
    if owners.path == owners.me {
        let mode = if wanted.contains(Access::WRITE_OK) {
            "u+rwX"
        } else {
            "u+rX"
        };
        format!("chmod {mode} {path}")
    } else if owners.folder == owners.me {
        format!("sudo chown {} {path}", owners.me)
    } else {
        format!("sudo -u '#{}' fullprocess --doctor", owners.path)
    }
}

fn examine_key(key: &Path, findings: &mut Findings) {
    // Without a key there is nothing to keep from others.
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
    fn the_remedy_depends_on_whose_it_is() {
        let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        let remedy = |me, path, folder| {
            let owners = Owners { me, path, folder };
            remedy(Path::new("/state/history.db"), owners, all)
        };
        assert_eq!(remedy(7, 7, 0), "chmod u+rwX /state/history.db");
        assert_eq!(remedy(7, 0, 7), "sudo chown 7 /state/history.db");
        assert_eq!(remedy(7, 8, 8), "sudo -u '#8' fullprocess --doctor");
    }

    #[test]
    fn the_nearest_folder_that_is_there_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("not/yet");
        assert_eq!(nearest_existing(&missing), Some(folder.path()));
    }
}
