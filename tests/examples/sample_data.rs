//! Writes the sample data into a folder, by default the repository's `data`:
//! `cargo run -p acceptance --example sample_data -- [FOLDER]`.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use acceptance::sample_data::{self, SampleFile};

fn main() -> io::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| repository.join("data"), PathBuf::from);
    for file in sample_data::files() {
        let path = folder.join(file.path);
        write(&path, &file).map_err(|error| {
            let message = format!("failed to write {}: {error}", path.display());
            io::Error::new(error.kind(), message)
        })?;
        writeln!(io::stdout(), "{} bytes={}", file.path, file.bytes.len())?;
    }
    Ok(())
}

fn write(path: &Path, file: &SampleFile) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?
        .write_all(&file.bytes)
}
