//! The operations that a fault can affect.

/// A change to the file system, or a pass over rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Making a folder.
    Folder,
    /// Opening a file that is created if it is missing.
    Open,
    /// Writing to an open file.
    #[cfg(feature = "fault-injection")]
    Write,
    /// Making written bytes, or the names in a folder, durable.
    Sync,
    /// Renaming a file or folder.
    Rename,
    /// Truncating a file.
    Truncate,
    /// Making a symbolic link.
    Link,
    /// Removing a file or folder.
    Remove,
    /// Releasing a lock of SQLite. It changes no file.
    #[cfg(feature = "fault-injection")]
    Unlock,
    /// A pass over rows. It changes nothing.
    #[cfg(feature = "fault-injection")]
    Pass,
}
