//! All changes that the pipeline makes to the file system.
//!
//! A file is replaced as a whole, or appended to after its committed length. New content is written next
//! to the final path, synced and renamed, and the folder is synced. A reader therefore sees the old
//! content or the new one, never a mixture. Exceptions have `unsynced` in their name.
//!
//! Each file has one fixed temporary name. Writers hold the run lock, except for the metrics file of
//! `fullprocess`. Leftovers of killed runs are overwritten or removed.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::faults::{self, Operation};
use crate::{Failure, Layout, regular};

/// Buffer size of a writer, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that is being written.
#[derive(Debug)]
pub struct OutputFile {
    file: File,
    path: PathBuf,
}

/// A buffered writer to a file of the pipeline; [`close`] makes the content durable.
pub type FileWriter = BufWriter<OutputFile>;

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        faults::write(&self.path, bytes, |bytes| self.file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl OutputFile {
    /// Opens a file of the pipeline according to `options`.
    pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<Self> {
        faults::before(Operation::Open, path)?;
        Ok(Self {
            file: regular::open_with(path, options)?,
            path: path.to_owned(),
        })
    }

    /// Truncates the file to `length` bytes.
    pub(crate) fn truncate(&self, length: u64) -> io::Result<()> {
        faults::before(Operation::Truncate, &self.path)?;
        self.file.set_len(length)
    }

    /// The open file, for calls that change nothing.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    fn sync(&self) -> io::Result<()> {
        faults::before(Operation::Sync, &self.path)?;
        self.file.sync_all()
    }
}

/// Writes the rest of the buffer and makes all content durable.
pub fn close(writer: FileWriter) -> anyhow::Result<()> {
    let path = writer.get_ref().path.clone();
    writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|file| file.sync())
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Makes a folder and its parents, and makes the name of each new folder durable.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        let made = faults::before(Operation::Folder, folder).and_then(|()| fs::create_dir(folder));
        match made {
            // Another program made it in between.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => {
                made.with_context(|| format!("failed to make the folder {}", folder.display()))?
            }
        }
        sync_new_folder(folder)?;
    }
    Ok(())
}

/// Makes the name of a new folder durable. A parent folder without read permission cannot be opened, so
/// it is not synced.
fn sync_new_folder(folder: &Path) -> anyhow::Result<()> {
    match sync_folder_of(folder) {
        Err(error) if is_denied(&error) => {
            tracing::debug!("{error:#}");
            Ok(())
        }
        synced => synced,
    }
}

fn is_denied(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}

/// Replaces a file's content in one step.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    replace_with(path, |writer| Ok(writer.write_all(content)?))
}

/// Replaces a file's content in one step by the output of `write`.
pub fn replace_with<T>(
    path: &Path,
    write: impl FnOnce(&mut FileWriter) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let written = stage(path, write)?;
    put_in_place(path)?;
    Ok(written)
}

/// Writes the new content of `path` to a temporary file; [`put_in_place`] renames it into place.
pub fn stage<T>(
    path: &Path,
    write: impl FnOnce(&mut FileWriter) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    write_new(&partial_path(path), write)
}

/// Renames into place what [`stage`] wrote.
pub fn put_in_place(path: &Path) -> anyhow::Result<()> {
    rename(&partial_path(path), path)
}

/// Replaces a file that only its owner may read.
pub fn replace_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let partial = partial_path(path);
    write_with_mode(&partial, 0o600, close, |writer| {
        Ok(writer.write_all(content)?)
    })?;
    rename(&partial, path)
}

/// Writes a new file and syncs it; no reader may know its name yet.
pub fn write_new<T>(
    path: &Path,
    write: impl FnOnce(&mut FileWriter) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    write_with_mode(path, 0o666, close, write)
}

/// Writes a new file that a power cut may lose or damage. For content that is checked when read and
/// can be rebuilt.
pub fn write_unsynced<T>(
    path: &Path,
    write: impl FnOnce(&mut FileWriter) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    write_with_mode(path, 0o666, flush, write)
}

/// Like [`replace`], for a file that a power cut may lose or damage.
pub fn replace_unsynced(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let partial = partial_path(path);
    write_unsynced(&partial, |writer| Ok(writer.write_all(content)?))?;
    rename_unsynced(&partial, path)
}

/// Writes a new file with this mode, reduced by the umask of the process.
fn write_with_mode<T>(
    path: &Path,
    mode: u32,
    finish: impl FnOnce(FileWriter) -> anyhow::Result<()>,
    write: impl FnOnce(&mut FileWriter) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let context = || format!("failed to write {}", path.display());
    let mut writer = create(path, mode).with_context(context)?;
    let written = write(&mut writer).with_context(context)?;
    finish(writer)?;
    Ok(written)
}

/// Writes the rest of the buffer, without making the content durable.
fn flush(mut writer: FileWriter) -> anyhow::Result<()> {
    let flushed = writer.flush();
    flushed.with_context(|| format!("failed to write {}", writer.get_ref().path.display()))
}

fn create(path: &Path, mode: u32) -> io::Result<FileWriter> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let file = OutputFile::open(path, &mut options)?;
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

/// Renames a file or folder and syncs the folder with the new name.
pub fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    rename_unsynced(from, to)?;
    sync_folder_of(to)
}

fn rename_unsynced(from: &Path, to: &Path) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is the home of the call")]
    faults::before(Operation::Rename, to)
        .and_then(|()| fs::rename(from, to))
        .with_context(|| format!("failed to rename {} to {}", from.display(), to.display()))
}

/// Sets a file's modification time back by a nanosecond, and returns the metadata after that. Any
/// later write then changes the time, even within the same tick of the clock.
pub fn set_back_modified_time(path: &Path) -> io::Result<fs::Metadata> {
    let file = regular::open_with(path, OpenOptions::new().append(true))?;
    let earlier = file.metadata()?.modified()? - Duration::from_nanos(1);
    file.set_modified(earlier)?;
    let metadata = file.metadata()?;
    if metadata.modified()? != earlier {
        return Err(io::Error::other(
            "the file system does not store times to the nanosecond",
        ));
    }
    Ok(metadata)
}

/// Opens a file for appending, after truncating it to its committed `length`.
///
/// An error when the file is shorter.
pub fn open_for_appending(path: &Path, length: u64) -> anyhow::Result<FileWriter> {
    let context = || format!("failed to open {} for appending", path.display());
    let mut options = OpenOptions::new();
    // A file with committed bytes must exist; otherwise it is damaged.
    options.append(true).create(length == 0);
    let mut file = OutputFile::open(path, &mut options).with_context(context)?;
    let found = file.file().metadata().with_context(context)?.len();
    if found < length {
        return Err(Failure::input_output(format!(
            "{} holds {found} bytes, but {length} were committed: it was cut; run `ingestion`",
            path.display()
        ))
        .into());
    }
    if found > length {
        file.truncate(length)
            .and_then(|()| file.sync())
            .with_context(|| format!("failed to cut {} to what was committed", path.display()))?;
    }
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

/// Points a symbolic link at `target` in one step, replacing any file or link.
///
/// Does nothing when the link already points there.
pub fn replace_link(link: &Path, target: &Path) -> anyhow::Result<()> {
    if fs::read_link(link).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let partial = partial_path(link);
    remove_file(&partial)?;
    faults::before(Operation::Link, &partial)
        .and_then(|()| std::os::unix::fs::symlink(target, &partial))
        .with_context(|| format!("failed to make the link {}", partial.display()))?;
    rename(&partial, link)
}

/// Removes a file; a missing file is no error.
pub fn remove_file(path: &Path) -> anyhow::Result<()> {
    if is_absent(path) {
        return Ok(());
    }
    let removed = faults::before(Operation::Remove, path).and_then(|()| fs::remove_file(path));
    if_present(removed)
        .map(|_| ())
        .with_context(|| format!("failed to remove {}", path.display()))
}

/// Removes the files of these names from a folder, and the folder if it is then empty. Returns true if
/// the folder is gone.
pub fn remove_folder_with(path: &Path, names: &[&str]) -> anyhow::Result<bool> {
    if is_absent(path) {
        return Ok(true);
    }
    let context = || format!("failed to remove the folder {}", path.display());
    for name in names {
        remove_file(&path.join(name))?;
    }
    match faults::before(Operation::Remove, path).and_then(|()| fs::remove_dir(path)) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(context),
        _ => Ok(true),
    }
}

/// `None` if the file or folder of an operation is missing. Other errors are returned.
fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// True if nothing is at the path. Its removal is then no operation that a fault can hit, and no error on
/// a read-only file system.
fn is_absent(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// True if a file or folder is there. An error other than "not found" is returned, because the file may
/// be there.
pub fn exists(path: &Path) -> anyhow::Result<bool> {
    path.try_exists()
        .with_context(|| format!("failed to look for {}", path.display()))
}

/// Byte length of a file; `None` if there is none. Other errors are returned.
pub fn length_if_present(path: &Path) -> anyhow::Result<Option<u64>> {
    let metadata = if_present(path.metadata())
        .with_context(|| format!("failed to read the length of {}", path.display()))?;
    Ok(metadata.map(|metadata| metadata.len()))
}

/// True if the path is a folder. An error other than "not found" is returned.
pub fn is_folder(path: &Path) -> anyhow::Result<bool> {
    let metadata = if_present(path.metadata())
        .with_context(|| format!("failed to look for {}", path.display()))?;
    Ok(metadata.is_some_and(|metadata| metadata.is_dir()))
}

/// True if an operation of the system failed, for example because of permissions or a broken disk. False
/// for a missing file, and for a file with the wrong content.
pub fn is_access_error(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.raw_os_error().is_some() && cause.kind() != io::ErrorKind::NotFound)
}

/// Removes the temporary files that a killed run left in a folder.
pub fn sweep(folder: &Path) -> anyhow::Result<()> {
    let context = || format!("failed to list {}", folder.display());
    let entries = if_present(fs::read_dir(folder)).with_context(context)?;
    for entry in entries.into_iter().flatten() {
        let entry = entry.with_context(context)?;
        if is_temporary(&entry.file_name()) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// True for the name of a temporary file of a run; false for a similar name chosen by a user.
pub fn is_temporary(name: &OsStr) -> bool {
    let replaced = name
        .to_str()
        .and_then(|name| name.strip_prefix('.')?.strip_suffix(PARTIAL_SUFFIX));
    replaced.is_some_and(|replaced| Layout::is_replaced(OsStr::new(replaced)))
}

/// Makes the names in a path's folder durable.
pub fn sync_folder_of(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    // The parent of a single name is the folder that the program was started in.
    let is_name = folder.as_os_str().is_empty();
    let folder = if is_name { Path::new(".") } else { folder };
    faults::before(Operation::Sync, folder)
        .and_then(|()| regular::open_folder(folder))
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("failed to sync the folder {}", folder.display()))
}

/// Upper limit of bytes of a file that is read whole: several times what a model of a thousand
/// columns needs.
const MAX_WHOLE: u64 = 1 << 30;

/// Reads a whole file of the pipeline; `None` when it is missing. An error if it is larger than
/// 1 GiB.
pub fn read_if_present(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    if_present(regular::read_up_to(path, MAX_WHOLE))
        .with_context(|| format!("failed to read {}", path.display()))
}

/// Permission bits of everybody except the owner.
const OTHERS: u32 = 0o077;

/// True if anybody except the owner may access the file.
pub fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    metadata.mode() & OTHERS != 0
}

/// Reads a secret. The file must belong to the user of this program or to root, and be closed to
/// everybody else. `key` is the configuration key that names the file.
pub fn read_private(path: &Path, key: &str) -> anyhow::Result<String> {
    let context = || format!("failed to read {} ({key})", path.display());
    let mut file = regular::open(path).with_context(context)?;
    let metadata = file.metadata().with_context(context)?;
    if is_open_to_others(&metadata) {
        return Err(Failure::configuration(format!(
            "{key}: {} can be read or written by others than its owner; close it with `chmod 600`",
            path.display()
        ))
        .into());
    }
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if !is_trusted_owner(owner, user) {
        return Err(Failure::configuration(format!(
            "{key}: {} belongs to the user {owner}, who may change it; this program runs as the user {user}: `chown {user}` the file, or copy it",
            path.display()
        ))
        .into());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(context)?;
    Ok(text)
}

/// True for the owner of a file whose content a program of this user may trust. Root may change any
/// file anyway.
fn is_trusted_owner(owner: u32, user: u32) -> bool {
    owner == user || owner == 0
}

/// Suffix of temporary file names, which also begin with a dot.
const PARTIAL_SUFFIX: &str = ".partial";

fn partial_path(path: &Path) -> PathBuf {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!(".{name}{PARTIAL_SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_belongs_to_the_user_of_the_program_or_to_root() {
        for (owner, user, is_trusted) in [
            (7, 7, true),
            (0, 7, true),
            (0, 0, true),
            (8, 7, false),
            (8, 0, false),
        ] {
            assert_eq!(is_trusted_owner(owner, user), is_trusted, "{owner} {user}");
        }
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latestscore.txt");
        replace(&path, b"old").unwrap();
        let failed = replace_with(&path, |writer| {
            writer.write_all(b"ne")?;
            anyhow::bail!("interrupted") as anyhow::Result<()>
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let of_a_user = folder.path().join(".notes.partial");
        replace(&of_a_user, b"a user's").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(fs::read(&of_a_user).unwrap(), b"a user's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn only_named_files_of_a_folder_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("000001");
        create_folder(&release).unwrap();
        for name in ["a", "b", "notes.txt"] {
            replace(&release.join(name), b"x").unwrap();
        }
        assert!(!remove_folder_with(&release, &["a", "b", "c"]).unwrap());
        assert_eq!(fs::read_dir(&release).unwrap().count(), 1);
        assert!(remove_folder_with(&release, &["notes.txt"]).unwrap());
        assert!(!release.exists());
        assert!(remove_folder_with(&release, &[]).unwrap());
    }

    #[test]
    fn opening_cuts_the_uncommitted_tail_and_refuses_a_short_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("finaldata.csv");
        replace(&path, b"committed, tail").unwrap();
        open_for_appending(&path, 9).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"committed");
        assert!(open_for_appending(&path, 10).is_err());
    }

    #[test]
    fn a_link_is_swapped_and_replaces_a_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        replace(&link, b"a plain file").unwrap();
        replace_link(&link, Path::new("releases/000001")).unwrap();
        replace_link(&link, Path::new("releases/000002")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("releases/000002"));
    }
}
