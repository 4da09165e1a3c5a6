//! The person who runs a command: the user of the process.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use rustix::process::getuid;
use schemars::JsonSchema;
use serde::Serialize;

use crate::regular;

/// The accounts of the machine. Accounts of a directory service are not in it.
const ACCOUNTS: &str = "/etc/passwd";
/// Maximum number of bytes that are read from the file of accounts.
const MAX_ACCOUNT_BYTES: u64 = 4 * 1024 * 1024;

/// The user of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Person {
    /// Number of the user.
    pub uid: u32,
    /// Name of the user; `None` if the machine has no account of this number.
    pub name: Option<String>,
}

impl Person {
    /// The user of this process.
    pub fn of_this_process() -> Self {
        let uid = getuid().as_raw();
        let accounts = regular::open(Path::new(ACCOUNTS));
        Self {
            uid,
            name: accounts.ok().and_then(|file| name_in(file, uid)),
        }
    }
}

/// The name of a user in a file of accounts, whose lines are `name:password:uid:…`.
fn name_in(accounts: File, uid: u32) -> Option<String> {
    let lines = BufReader::new(accounts.take(MAX_ACCOUNT_BYTES)).split(b'\n');
    lines.map_while(Result::ok).find_map(|line| {
        let line = String::from_utf8_lossy(&line);
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_its_account() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        let accounts = b"root:x:0:0::/root:/bin/sh\nbroken\nanna:x:1000:100:Anna:/:/bin/sh\n";
        crate::files::replace(&path, accounts).unwrap();
        let name = |uid| name_in(File::open(&path).unwrap(), uid);
        assert_eq!(name(0).as_deref(), Some("root"));
        assert_eq!(name(1000).as_deref(), Some("anna"));
        assert_eq!(name(7), None);
    }
}
