//! A whole journal, or one segment of it, record by record.

use std::path::{Path, PathBuf};

use super::segment::{Opened, SegmentReader, failed, numbers_in, path_of};
use crate::{Error, Result};

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Place in the journal, from 1.
    pub sequence: u64,
    /// Time in nanoseconds.
    pub time_ns: i64,
    /// Kind of the payload.
    pub kind: u16,
    /// What was written.
    pub payload: &'a [u8],
}

/// Goes through a journal, checking every checksum, hash and link between segments.
#[derive(Debug)]
pub struct Reader {
    /// Segments still to come, the next one last.
    ahead: Vec<PathBuf>,
    current: Option<Box<SegmentReader>>,
    torn: u64,
}

impl Reader {
    /// Opens a directory of segments, or one segment.
    ///
    /// # Errors
    /// [`Error::Journal`] when there is none, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let found = std::fs::metadata(path).map_err(|error| failed("open", path, &error))?;
        let mut ahead = if found.is_dir() {
            numbers_in(path)?
                .into_iter()
                .map(|number| path_of(path, number))
                .collect()
        } else {
            vec![path.to_owned()]
        };
        if ahead.is_empty() {
            return Err(Error::Journal(format!("no segment in {}", path.display())));
        }
        ahead.reverse();
        let mut reader = Self {
            ahead,
            current: None,
            torn: 0,
        };
        reader.enter_next()?;
        Ok(reader)
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Journal`] for damage anywhere but at the very end, where it is a torn tail.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        let header = loop {
            let Some(current) = self.current.as_mut() else {
                return Ok(None);
            };
            if let Some(header) = current.advance()? {
                break header;
            }
            if self.ahead.is_empty() {
                self.torn = current.torn();
                return Ok(None);
            }
            if !self.enter_next()? {
                return Ok(None);
            }
        };
        let payload = self
            .current
            .as_ref()
            .map_or(&[][..], |current| current.payload());
        Ok(Some(Record {
            sequence: header.sequence,
            time_ns: header.time_ns,
            kind: header.kind,
            payload,
        }))
    }

    /// Bytes behind the last sound record; known after the last one.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn
    }

    /// Goes on to the next segment, which must follow the current one.
    fn enter_next(&mut self) -> Result<bool> {
        let Some(path) = self.ahead.pop() else {
            return Ok(false);
        };
        match SegmentReader::open(&path)? {
            Opened::Sound(next) => {
                if let Some(current) = &self.current {
                    check_link(current, &next)?;
                }
                self.current = Some(next);
                Ok(true)
            }
            Opened::Torn(bytes) if self.ahead.is_empty() => {
                if let Some(current) = &self.current {
                    check_whole(current)?;
                }
                self.current = None;
                self.torn = bytes;
                Ok(false)
            }
            Opened::Torn(_) => Err(Error::Journal(format!(
                "the header of {} is damaged",
                path.display()
            ))),
        }
    }
}

/// Refuses a torn tail in a segment that is not the newest.
fn check_whole(segment: &SegmentReader) -> Result<()> {
    if segment.torn() > 0 {
        return Err(Error::Journal(format!(
            "{} is torn at byte {} and is not the newest segment",
            segment.path().display(),
            segment.end()
        )));
    }
    Ok(())
}

/// Refuses a segment that does not go on where the one before, read to its end, stopped.
pub(super) fn check_link(before: &SegmentReader, after: &SegmentReader) -> Result<()> {
    check_whole(before)?;
    let header = after.header();
    if header.number != before.header().number + 1
        || header.first_sequence != before.next_sequence()
        || header.previous != before.last()
    {
        return Err(Error::Journal(format!(
            "{} does not continue {}",
            after.path().display(),
            before.path().display()
        )));
    }
    Ok(())
}
