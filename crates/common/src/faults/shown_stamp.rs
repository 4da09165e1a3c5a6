//! Stamps of files that a test has written again.
//!
//! A test can restore the content and the modification time of a file, but neither its inode nor the change
//! time of the inode. `RISK_STAMPS=FILE` names a file with one line for each restored file: inode and change
//! time (nanoseconds since 1970) that it has, and those that it had. A file with the former is shown with the
//! latter, until something changes it.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::ledger::FileStamp;

const VARIABLE: &str = "RISK_STAMPS";

/// Inode number, and change time of the inode.
type Change = (u64, i64);

/// The stamp that a program reads in place of `stamp`.
pub(crate) fn shown_stamp(stamp: FileStamp) -> FileStamp {
    static RESTORED: OnceLock<HashMap<Change, Change>> = OnceLock::new();
    let restored = RESTORED.get_or_init(|| match std::env::var_os(VARIABLE) {
        Some(path) => {
            parse(&crate::regular::read_to_string(path.as_ref()).expect("RISK_STAMPS is a file"))
        }
        None => HashMap::new(),
    });
    let (inode, changed) = match restored.get(&(stamp.inode, stamp.changed)) {
        Some(before) => *before,
        None => (stamp.inode, stamp.changed),
    };
    FileStamp {
        inode,
        changed,
        ..stamp
    }
}

fn parse(text: &str) -> HashMap<Change, Change> {
    let numbers = |line: &str| -> Option<[i64; 4]> {
        let numbers: Result<Vec<i64>, _> = line.split(' ').map(str::parse).collect();
        numbers.ok()?.try_into().ok()
    };
    let change = |line| {
        let [inode, changed, inode_before, changed_before] =
            numbers(line).expect("a line of RISK_STAMPS has four numbers");
        let change = |inode: i64, changed| (inode.cast_unsigned(), changed);
        (change(inode, changed), change(inode_before, changed_before))
    };
    text.lines().map(change).collect()
}
