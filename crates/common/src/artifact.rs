//! The envelope of a binary artifact: format, version and checksum around a MessagePack value.
//!
//! Reading never executes anything. An envelope is checked in this order: format, version,
//! checksum, content. The content is encoded with field names, so a later version may add fields.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::digest;

/// Why an artifact could not be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The bytes are not an envelope: truncated, or another kind of file.
    #[error("it is not a {expected} (truncated, or another kind of file)")]
    Foreign {
        /// Format that was expected.
        expected: &'static str,
    },
    /// A newer program wrote the artifact.
    #[error("it is a {format} of version {found}; this program reads up to version {supported}")]
    Newer {
        /// Format of the artifact.
        format: &'static str,
        /// Version in the file.
        found: u32,
        /// Newest version that this program reads.
        supported: u32,
    },
    /// The content does not match its checksum.
    #[error("its checksum does not match: the file was damaged or changed")]
    Damaged,
    /// The content does not decode.
    #[error("its content cannot be decoded: {0}")]
    Undecodable(String),
}

/// Format of an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Name, as written in the file.
    pub name: &'static str,
    /// Version that is written, and the newest one that is read.
    pub version: u32,
}

/// Nesting limit of values; a model needs fewer than ten levels.
const DEEPEST: usize = 32;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: String,
    version: u32,
    sha256: String,
    #[serde(serialize_with = "as_one_value")]
    content: &'a [u8],
}

/// Encodes a value in its envelope.
pub fn encode<T: Serialize>(format: Format, value: &T) -> anyhow::Result<Vec<u8>> {
    let content = rmp_serde::to_vec_named(value)?;
    Ok(rmp_serde::to_vec_named(&Envelope {
        format: format.name.into(),
        version: format.version,
        sha256: digest::of_bytes(&content),
        content: &content,
    })?)
}

/// Decodes the value in an envelope after checking format, version and checksum.
pub fn decode<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T, LoadError> {
    let envelope = open(format, bytes)?;
    if digest::of_bytes(envelope.content) != envelope.sha256 {
        return Err(LoadError::Damaged);
    }
    content(&envelope)
}

/// Like [`decode`], but without the check of the inner checksum: the caller has compared the digest
/// of all bytes.
pub fn decode_verified<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T, LoadError> {
    content(&open(format, bytes)?)
}

fn open(format: Format, bytes: &[u8]) -> Result<Envelope<'_>, LoadError> {
    let foreign = LoadError::Foreign {
        expected: format.name,
    };
    let Ok(envelope) = read_value::<Envelope<'_>>(bytes) else {
        return Err(foreign);
    };
    if envelope.format != format.name {
        return Err(foreign);
    }
    if envelope.version > format.version {
        return Err(LoadError::Newer {
            format: format.name,
            found: envelope.version,
            supported: format.version,
        });
    }
    Ok(envelope)
}

fn content<T: DeserializeOwned>(envelope: &Envelope<'_>) -> Result<T, LoadError> {
    read_value(envelope.content).map_err(|error| LoadError::Undecodable(error.to_string()))
}

/// Decodes a value with a nesting limit. Decoding is recursive, and the library's own limit exceeds
/// a thread's stack.
fn read_value<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(DEEPEST);
    T::deserialize(&mut reader)
}

/// Writes bytes as one binary value; serde's default is a list of numbers.
fn as_one_value<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format {
        name: "test artifact",
        version: 2,
    };

    fn sealed() -> Vec<u8> {
        encode(FORMAT, &vec![1.5_f64, -2.0]).unwrap()
    }

    #[test]
    fn an_encoded_value_is_decoded_unchanged() {
        let back: Vec<f64> = decode(FORMAT, &sealed()).unwrap();
        assert_eq!(back, [1.5, -2.0]);
    }

    #[test]
    fn every_single_changed_byte_is_noticed() {
        let bytes = sealed();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x01;
            // The changed byte may turn the version into another supported one. The content is then
            // intact.
            if let Ok(value) = decode::<Vec<f64>>(FORMAT, &changed) {
                assert_eq!(value, [1.5, -2.0], "byte {position}");
            }
        }
    }

    #[test]
    fn endlessly_nested_values_are_rejected() {
        // Nested lists of one element: in place of the envelope, and as an unknown field.
        let nested = vec![0x91; 1_000_000];
        assert!(decode::<Vec<f64>>(FORMAT, &nested).is_err());
        // A map with one unknown field: skipping the field recurses as deeply.
        let unknown = [b"\x81\xa1x", nested.as_slice()].concat();
        assert!(decode::<Vec<f64>>(FORMAT, &unknown).is_err());
    }

    #[test]
    fn announced_lengths_do_not_allocate_memory() {
        // Lists, maps, texts and bytes that announce four billion elements and contain none.
        for kind in [0xdd, 0xdf, 0xdb, 0xc6] {
            let announced = [kind, 0xff, 0xff, 0xff, 0xff];
            // Nested lists announce the same length at each level.
            let nested = announced.repeat(DEEPEST - 2);
            for content in [announced.as_slice(), nested.as_slice()] {
                assert!(read_value::<Vec<[u64; 32]>>(content).is_err());
                assert!(read_value::<Vec<Vec<Vec<f64>>>>(content).is_err());
                assert!(read_value::<std::collections::HashMap<String, f64>>(content).is_err());
                assert!(read_value::<String>(content).is_err());
                assert!(read_value::<Envelope<'_>>(content).is_err());
            }
        }
    }

    #[test]
    fn truncated_foreign_and_newer_files_are_named() {
        let bytes = sealed();
        let read = |bytes: &[u8], format| decode::<Vec<f64>>(format, bytes).unwrap_err();
        assert!(matches!(
            read(&bytes[..bytes.len() - 1], FORMAT),
            LoadError::Foreign { .. }
        ));
        assert!(matches!(read(b"", FORMAT), LoadError::Foreign { .. }));
        let other = Format {
            name: "other",
            version: 2,
        };
        assert!(matches!(read(&bytes, other), LoadError::Foreign { .. }));
        let older = Format {
            version: 1,
            ..FORMAT
        };
        assert!(matches!(
            read(&bytes, older),
            LoadError::Newer { found: 2, .. }
        ));
    }
}
