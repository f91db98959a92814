//! One segment, read from its start.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::format::{
    Hash, MAX_PAYLOAD, RECORD_HEADER, RecordHeader, SEGMENT_HEADER, SegmentHeader, has_record,
    hash_of, is_sound,
};
use crate::{Error, Result};

/// An I/O error, with what was done to what.
pub(super) fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Journal(format!("cannot {what} {}: {error}", path.display()))
}

/// The file of segment `number` in `directory`.
pub(super) fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:08}.journal"))
}

/// Numbers of the segments in `directory`, ascending and without a hole.
pub(super) fn numbers_in(directory: &Path) -> Result<Vec<u64>> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| failed("list", directory, &error))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|error| failed("list", directory, &error))?
            .file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".journal")) {
            let number = number.parse().map_err(|error| {
                failed(
                    "take a number from the name of",
                    &directory.join(&name),
                    &error,
                )
            })?;
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    for pair in numbers.windows(2) {
        if pair[1] != pair[0] + 1 {
            return Err(Error::Journal(format!(
                "segment {} is missing in {}",
                pair[0] + 1,
                directory.display()
            )));
        }
    }
    Ok(numbers)
}

/// Reads as much as there is, to the end of `buffer` at most.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a file that should be a segment turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    /// A segment with a sound header.
    Sound(Box<SegmentReader>),
    /// It never became a segment: a cut header or zeros, so many bytes.
    Torn(u64),
}

/// Goes through one segment, checking all of it.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: BufReader<File>,
    path: PathBuf,
    header: SegmentHeader,
    /// End of the last sound record.
    end: u64,
    next_sequence: u64,
    /// Hash of the header or of the last sound record.
    last: Hash,
    record: Vec<u8>,
    torn: u64,
    done: bool,
}

impl SegmentReader {
    /// Opens the segment at `path`.
    pub(super) fn open(path: &Path) -> Result<Opened> {
        let mut file = BufReader::with_capacity(
            1 << 16,
            File::open(path).map_err(|error| failed("open", path, &error))?,
        );
        let mut bytes = [0; SEGMENT_HEADER];
        let count = fill(&mut file, &mut bytes).map_err(|error| failed("read", path, &error))?;
        let header =
            SegmentHeader::parse(&bytes[..count]).map_err(|error| failed("read", path, &error))?;
        let Some(header) = header else {
            let mut rest = Vec::new();
            file.read_to_end(&mut rest)
                .map_err(|error| failed("read", path, &error))?;
            // Nothing follows a header before it is written, so there is nothing, or a file that
            // the system made longer without its data. All else was a segment once.
            let zeros = bytes[..count].iter().chain(&rest).all(|&byte| byte == 0);
            if !rest.is_empty() && !zeros {
                return Err(Error::Journal(format!(
                    "the header of {} is damaged",
                    path.display()
                )));
            }
            return Ok(Opened::Torn((count + rest.len()) as u64));
        };
        Ok(Opened::Sound(Box::new(Self {
            file,
            path: path.to_owned(),
            end: SEGMENT_HEADER as u64,
            next_sequence: header.first_sequence,
            last: hash_of(&bytes),
            header,
            record: Vec::new(),
            torn: 0,
            done: false,
        })))
    }

    /// The segment's header.
    pub(super) fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// End of the last sound record read so far.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Sequence that the next record must have.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Hash of the last record read, or of the header.
    pub(super) fn last(&self) -> Hash {
        self.last
    }

    /// Bytes behind the last sound record, known at the end.
    pub(super) fn torn(&self) -> u64 {
        self.torn
    }

    /// The payload of the record that [`Self::advance`] last gave.
    pub(super) fn payload(&self) -> &[u8] {
        &self.record[RECORD_HEADER..]
    }

    /// The next record's header, `None` at the end or at a torn tail.
    ///
    /// # Errors
    /// [`Error::Journal`] for damage that is no torn tail.
    pub(super) fn advance(&mut self) -> Result<Option<RecordHeader>> {
        if self.done {
            return Ok(None);
        }
        let path = &self.path;
        self.record.resize(RECORD_HEADER, 0);
        let count =
            fill(&mut self.file, &mut self.record).map_err(|error| failed("read", path, &error))?;
        if count == 0 {
            self.done = true;
            return Ok(None);
        }
        if count < RECORD_HEADER {
            return self.tail();
        }
        let header = RecordHeader::read(&self.record);
        if header.length > MAX_PAYLOAD {
            return self.tail();
        }
        self.record.resize(RECORD_HEADER + header.length, 0);
        let count = fill(&mut self.file, &mut self.record[RECORD_HEADER..])
            .map_err(|error| failed("read", path, &error))?;
        if count < header.length || !is_sound(&self.record) {
            return self.tail();
        }
        if header.sequence != self.next_sequence {
            let (found, expected) = (header.sequence, self.next_sequence);
            return Err(self.damaged(&format!("record {found} stands where {expected} belongs")));
        }
        if header.previous != self.last {
            let sequence = header.sequence;
            return Err(self.damaged(&format!("record {sequence} breaks the chain of hashes")));
        }
        self.last = hash_of(&self.record);
        self.end += self.record.len() as u64;
        self.next_sequence += 1;
        Ok(Some(header))
    }

    /// Reads to the end, keeping nothing.
    pub(super) fn exhaust(&mut self) -> Result<()> {
        while self.advance()?.is_some() {}
        Ok(())
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Journal(format!(
            "{} at byte {}: {what}",
            self.path.display(),
            self.end
        ))
    }

    /// What follows is no record: a torn tail if nothing whole comes after it, damage otherwise.
    fn tail(&mut self) -> Result<Option<RecordHeader>> {
        let mut rest = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.read_to_end(&mut rest))
            .map_err(|error| failed("read", &self.path, &error))?;
        if has_record(&rest[1.min(rest.len())..], self.next_sequence - 1) {
            let sequence = self.next_sequence;
            return Err(self.damaged(&format!("record {sequence} is damaged, others follow it")));
        }
        self.torn = rest.len() as u64;
        self.done = true;
        Ok(None)
    }
}
