//! Device numbers of the input folders at the last ingestion. A change may mean that a disk is not mounted
//! (see `removal`).

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use common::History;
use common::config::InputFolder;

/// Key of the history document with the device of each input folder.
const DEVICES_DOCUMENT: &str = "devices of the input folders";
/// Device number of each input folder, by the folder's name.
pub(crate) type Devices = BTreeMap<String, u64>;

/// Device numbers saved in the history.
pub(crate) fn recorded_devices(history: &History) -> anyhow::Result<Devices> {
    Ok(history.document(DEVICES_DOCUMENT)?.unwrap_or_default())
}

/// Current device numbers of the folders. A folder that cannot be read has none.
pub(crate) fn devices_now(folders: &[InputFolder]) -> Devices {
    let device = |folder: &InputFolder| {
        let metadata = folder.path.metadata().ok()?;
        Some((folder.name.clone(), metadata.dev()))
    };
    folders.iter().filter_map(device).collect()
}

/// Saves the device numbers of a scan whose result is accepted.
pub(crate) fn keep_devices(history: &History, devices: &Devices) -> anyhow::Result<()> {
    if *devices == recorded_devices(history)? {
        return Ok(());
    }
    history.save_document(DEVICES_DOCUMENT, devices)
}
