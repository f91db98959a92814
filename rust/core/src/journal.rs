//! Write-ahead journal: hash-chained records, torn tails cut.
//!
//! A journal is a directory of segments. [`Journal`] appends with one `write(2)`, a helper thread
//! makes it durable a few milliseconds later; [`Reader`] goes through all of it and checks every
//! checksum and hash on the way. The layout is in [`mod@format`].
//!
//! ```
//! use xrpfast_core::journal::{Journal, Options, Reader};
//! let directory = std::env::temp_dir().join(format!("journal-doc-{}", std::process::id()));
//! let mut journal = Journal::open(&directory, Options::default()).unwrap();
//! journal.append(1, 0, b"begin").unwrap();
//! journal.close().unwrap();
//!
//! let mut reader = Reader::open(&directory).unwrap();
//! assert_eq!(reader.next_record().unwrap().unwrap().payload, b"begin");
//! assert!(reader.next_record().unwrap().is_none());
//! # std::fs::remove_dir_all(&directory).unwrap();
//! ```

pub mod format;
mod reader;
mod recover;
mod segment;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use writer::{Journal, Options};
