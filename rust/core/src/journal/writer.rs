//! Appending.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::format::{
    Hash, MAX_PAYLOAD, NO_HASH, RECORD_HEADER, SEGMENT_HEADER, SegmentHeader, hash_of, push_record,
};
use super::recover::{End, find_end};
use super::segment::{failed, path_of};
use super::sync::{Helper, Shared};
use crate::{Error, Result};

/// How a journal is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A segment that would grow beyond it is followed by a new one.
    pub segment_bytes: u64,
    /// A sync begins at most so long after a write.
    pub sync_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            sync_within: Duration::from_millis(5),
        }
    }
}

/// Append-only, hash-chained record file, written by one process at a time.
///
/// After the first error of a write or a sync it refuses everything: no journal, no trading.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    directory_file: Arc<File>,
    /// Holds the exclusive lock as long as it is open.
    lock: Option<File>,
    options: Options,
    file: Arc<File>,
    path: PathBuf,
    number: u64,
    /// Bytes of the segment that were written.
    length: u64,
    /// Records that were staged and not written.
    staged: Vec<u8>,
    next_sequence: u64,
    last: Hash,
    cut_bytes: u64,
    shared: Arc<Shared>,
    helper: Helper,
}

impl Journal {
    /// Opens the newest segment of `directory`, or makes the first.
    ///
    /// The newest segment and the one before are checked whole. A torn tail is cut, its bytes are
    /// kept in a `.torn` file beside.
    ///
    /// # Errors
    /// [`Error::Journal`] when a record before the tail is damaged, another process has the
    /// journal, or the disk refuses.
    pub fn open(directory: &Path, options: Options) -> Result<Self> {
        if options.segment_bytes < 1024 || options.sync_within.is_zero() {
            return Err(Error::OutOfRange(format!("journal options {options:?}")));
        }
        std::fs::create_dir_all(directory).map_err(|error| failed("make", directory, &error))?;
        let directory_file = File::open(directory)
            .map(Arc::new)
            .map_err(|error| failed("open", directory, &error))?;
        let lock = take_lock(directory)?;
        let mut cut_bytes = 0;
        let end = match find_end(directory, &directory_file, &mut cut_bytes)? {
            Some(end) => end,
            None => {
                let header = SegmentHeader {
                    number: 1,
                    first_sequence: 1,
                    previous: NO_HASH,
                };
                let (path, file) = make_segment(directory, &header)?;
                file.sync_all()
                    .and_then(|()| directory_file.sync_all())
                    .map_err(|error| failed("sync", &path, &error))?;
                End {
                    path,
                    number: 1,
                    length: SEGMENT_HEADER as u64,
                    next_sequence: 1,
                    last: hash_of(&header.to_bytes()),
                }
            }
        };
        let file = OpenOptions::new()
            .append(true)
            .open(&end.path)
            .map_err(|error| failed("open", &end.path, &error))?;
        // What an earlier process left in the kernel's cache counts as durable only from here.
        file.sync_data()
            .map_err(|error| failed("sync", &end.path, &error))?;
        let file = Arc::new(file);
        let shared = Arc::new(Shared::new(Arc::clone(&file), end.next_sequence));
        let helper = Helper::start(Arc::clone(&shared), options.sync_within)?;
        Ok(Self {
            directory: directory.to_owned(),
            directory_file,
            lock: Some(lock),
            options,
            file,
            path: end.path,
            number: end.number,
            length: end.length,
            staged: Vec::with_capacity(1 << 16),
            next_sequence: end.next_sequence,
            last: end.last,
            cut_bytes,
            shared,
            helper,
        })
    }

    /// Adds a record to the buffer and returns its sequence. Nothing of it is on disk yet.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for kind 0 or a payload above 16 MiB, with nothing done;
    /// [`Error::Journal`] when the journal failed or is closed.
    pub fn stage(&mut self, kind: u16, time_ns: i64, payload: &[u8]) -> Result<u64> {
        self.check()?;
        if kind == 0 || payload.len() > MAX_PAYLOAD {
            return Err(Error::OutOfRange(format!(
                "journal record of kind {kind} with {} bytes",
                payload.len()
            )));
        }
        let used = self.length + self.staged.len() as u64;
        if used + (RECORD_HEADER + payload.len()) as u64 > self.options.segment_bytes
            && used > SEGMENT_HEADER as u64
        {
            self.rotate()?;
        }
        let sequence = self.next_sequence;
        self.last = push_record(
            &mut self.staged,
            sequence,
            time_ns,
            kind,
            &self.last,
            payload,
        );
        self.next_sequence += 1;
        Ok(sequence)
    }

    /// Stages the record and writes all that is staged with one `write(2)`.
    ///
    /// # Errors
    /// As [`Self::stage`]; after [`Error::Journal`] the journal refuses everything.
    pub fn append(&mut self, kind: u16, time_ns: i64, payload: &[u8]) -> Result<u64> {
        let sequence = self.stage(kind, time_ns, payload)?;
        self.flush()?;
        Ok(sequence)
    }

    /// Writes what is staged; does nothing when nothing is.
    ///
    /// # Errors
    /// [`Error::Journal`]; after that the journal refuses everything.
    pub fn flush(&mut self) -> Result<()> {
        self.check()?;
        if self.staged.is_empty() {
            return Ok(());
        }
        if let Err(error) = write_whole(&self.file, &self.staged) {
            return Err(self
                .shared
                .poison(&format!("cannot write {}: {error}", self.path.display())));
        }
        self.length += self.staged.len() as u64;
        self.staged.clear();
        self.shared.wrote(self.next_sequence);
        Ok(())
    }

    /// Writes what is staged and syncs it, in the caller's thread.
    ///
    /// # Errors
    /// [`Error::Journal`]; after that the journal refuses everything.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.shared.sync()
    }

    /// Writes, syncs and lets go of the journal. Everything but another `close` fails afterwards.
    ///
    /// # Errors
    /// [`Error::Journal`] when the last write or sync fails, or something failed before; the
    /// journal is let go of all the same.
    pub fn close(&mut self) -> Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        let done = self.sync();
        self.helper.stop();
        self.lock = None;
        done
    }

    /// Sequence of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Records below this sequence are known to be on the disk.
    #[must_use]
    pub fn synced_sequence(&self) -> u64 {
        self.shared.synced()
    }

    /// Why the journal refuses everything; `None` while it does not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.shared.cause()
    }

    /// The segment that is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of torn tail that opening cut off.
    #[must_use]
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    #[inline]
    fn check(&self) -> Result<()> {
        if self.lock.is_none() {
            return Err(Error::Journal(format!(
                "{} is closed",
                self.directory.display()
            )));
        }
        self.shared.check()
    }

    /// Goes on in a new segment. The old one is synced by the helper, before the new one.
    fn rotate(&mut self) -> Result<()> {
        self.flush()?;
        let header = SegmentHeader {
            number: self.number + 1,
            first_sequence: self.next_sequence,
            previous: self.last,
        };
        let (path, file) = make_segment(&self.directory, &header)
            .map_err(|error| self.shared.poison(&error.to_string()))?;
        let file = Arc::new(file);
        self.shared
            .rotated(Arc::clone(&file), Arc::clone(&self.directory_file));
        self.file = file;
        self.path = path;
        self.number = header.number;
        self.length = SEGMENT_HEADER as u64;
        self.last = hash_of(&header.to_bytes());
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to tell; the next open finds what is on the disk.
        let _ = self.close();
    }
}

/// One `write(2)`. Only a full disk or a limit makes it short; the next one then says which.
pub(super) fn write_whole(mut file: &File, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes the lock that keeps a second writer out, in this process or another.
fn take_lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| failed("open", &path, &error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
        if error == rustix::io::Errno::WOULDBLOCK {
            Error::Journal(format!(
                "{} is being written by another",
                directory.display()
            ))
        } else {
            failed("lock", &path, &error)
        }
    })?;
    Ok(file)
}

fn make_segment(directory: &Path, header: &SegmentHeader) -> Result<(PathBuf, File)> {
    let path = path_of(directory, header.number);
    let file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .map_err(|error| failed("make", &path, &error))?;
    write_whole(&file, &header.to_bytes()).map_err(|error| failed("write", &path, &error))?;
    Ok((path, file))
}
