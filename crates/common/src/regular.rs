//! Opening files whose type is unknown.
//!
//! Opening a named pipe waits for its other end, which may never come, and reading a device may
//! never end. So everything here opens without waiting, and anything except a regular file is an
//! error. As an exception, a device may be written. The file that was checked is the file that is
//! read.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

/// Opens a regular file for reading.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens or creates a regular file.
pub fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        // A pipe without a reader, or a socket.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return Err(path.metadata().map_or(error, |found| not_regular(&found)));
        }
        // Another program holds a lease on the file and returns it on request.
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            check(path)?;
            options.custom_flags(0).open(path)?
        }
        opened => opened?,
    };
    let found = file.metadata()?;
    if found.is_file() || is_written_device(&file, &found)? {
        Ok(file)
    } else {
        Err(not_regular(&found))
    }
}

/// True for a character device that is opened only for writing. Such a write ends: a device that
/// accepts nothing returns an error.
fn is_written_device(file: &File, found: &Metadata) -> io::Result<bool> {
    let access = fcntl_getfl(file)? & OFlags::RWMODE;
    Ok(access == OFlags::WRONLY && found.file_type().is_char_device())
}

/// Opens a folder, to sync the names in it.
pub fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Reads once, and again where a signal interrupted the read. 0 bytes are the end.
pub fn read_some(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The content of a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// The content of a regular file of at most `limit` bytes. Memory grows with the bytes read, not
/// with the size that the file claims.
pub fn read_up_to(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let too_large = || Err(io::Error::other(format!("it is larger than {limit} bytes")));
    let file = open(path)?;
    if file.metadata()?.len() > limit {
        return too_large();
    }
    // The length of some files is 0 whatever they have.
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return too_large();
    }
    Ok(content)
}

/// The content of a regular file as text.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Copies a regular file.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    check(from)?;
    check(to)?;
    fs::copy(from, to).map(|_| ())
}

/// An error if the path exists and is not a regular file. For libraries that open the path
/// themselves.
pub fn check(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if !found.is_file() => Err(not_regular(&found)),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reason why something is not read: its type, unless it is a regular file.
pub fn reason_not_read(kind: FileType) -> Option<String> {
    (!kind.is_file()).then(|| {
        format!(
            "it is {}, not a regular file, so it is not read",
            name_of(kind)
        )
    })
}

fn not_regular(found: &Metadata) -> io::Error {
    io::Error::other(format!(
        "it is {}, not a regular file: move it away",
        name_of(found.file_type())
    ))
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn irregular_files_are_named_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for (path, says) in [
            (pipe.as_path(), "a named pipe"),
            (&link, "a named pipe"),
            (&socket, "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let mut failures = vec![
                open(path).map(|_| ()),
                read(path).map(|_| ()),
                read_to_string(path).map(|_| ()),
                copy(path, &folder.path().join("copy")),
                check(path),
            ];
            if !path.is_dir() {
                open_folder(path).expect_err("it is no folder");
                if path != Path::new("/dev/zero") {
                    failures.push(open_with(path, OpenOptions::new().write(true)).map(|_| ()));
                }
                let mut both = OpenOptions::new();
                failures.push(open_with(path, both.read(true).write(true)).map(|_| ()));
            }
            for failure in failures {
                let text = failure.expect_err(says).to_string();
                assert!(text.contains(says), "{}: {text}", path.display());
            }
        }
    }

    #[test]
    fn an_interrupted_read_is_repeated() {
        struct Interrupted(u32);
        impl Read for Interrupted {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 | 2 => Err(ErrorKind::Interrupted.into()),
                    3 => b"text".as_slice().read(buffer),
                    _ => Err(io::Error::other("broken")),
                }
            }
        }
        let (mut reader, mut buffer) = (Interrupted(0), [0; 9]);
        assert_eq!(read_some(&mut reader, &mut buffer).unwrap(), 4);
        assert!(read_some(&mut reader, &mut buffer).is_err());
    }

    #[test]
    fn a_regular_file_is_opened_and_a_missing_one_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        check(&path).unwrap();
        open_with(&path, OpenOptions::new().write(true).create(true)).unwrap();
        crate::files::replace(&path, b"text").unwrap();
        assert_eq!(read(&path).unwrap(), b"text");
        assert_eq!(read_up_to(&path, 4).unwrap(), b"text");
        let too_large = read_up_to(&path, 3).unwrap_err();
        assert_eq!(too_large.to_string(), "it is larger than 3 bytes");
        let copied = folder.path().join("copy");
        copy(&path, &copied).unwrap();
        assert_eq!(read_to_string(&copied).unwrap(), "text");
    }
}
