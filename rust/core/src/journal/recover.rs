//! Opening: where the journal ends, and what of its end has to be cut.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::format::Hash;
use super::reader::check_link;
use super::segment::{Opened, SegmentReader, failed, numbers_in, path_of};
use super::writer::write_whole;
use crate::{Error, Result};

/// Where the newest segment ends.
pub(super) struct End {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) length: u64,
    pub(super) next_sequence: u64,
    pub(super) last: Hash,
}

/// Checks the newest segments and cuts a torn tail. `None`: there is no segment.
pub(super) fn find_end(
    directory: &Path,
    directory_file: &File,
    cut: &mut u64,
) -> Result<Option<End>> {
    let mut numbers = numbers_in(directory)?;
    let Some(mut newest) = numbers.pop() else {
        return Ok(None);
    };
    let mut reader = match SegmentReader::open(&path_of(directory, newest))? {
        Opened::Sound(reader) => reader,
        Opened::Torn(bytes) => {
            // The crash came while the segment was made: it holds nothing.
            let path = path_of(directory, newest);
            keep_tail(&path, 0, directory_file)?;
            std::fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
            directory_file
                .sync_all()
                .map_err(|error| failed("sync", directory, &error))?;
            *cut += bytes;
            let Some(before) = numbers.pop() else {
                return Ok(None);
            };
            newest = before;
            match SegmentReader::open(&path_of(directory, newest))? {
                Opened::Sound(reader) => reader,
                Opened::Torn(_) => {
                    return Err(Error::Journal(format!(
                        "the header of segment {newest} is damaged"
                    )));
                }
            }
        }
    };
    if reader.header().number != newest {
        return Err(Error::Journal(format!(
            "{} says that it is segment {}",
            reader.path().display(),
            reader.header().number
        )));
    }
    if let Some(before) = numbers.pop() {
        match SegmentReader::open(&path_of(directory, before))? {
            Opened::Sound(mut before) => {
                before.exhaust()?;
                check_link(&before, &reader)?;
            }
            Opened::Torn(_) => {
                return Err(Error::Journal(format!(
                    "the header of segment {before} is damaged"
                )));
            }
        }
    }
    reader.exhaust()?;
    if reader.torn() > 0 {
        cut_tail(reader.path(), reader.end(), directory_file)?;
        *cut += reader.torn();
    }
    Ok(Some(End {
        path: reader.path().to_owned(),
        number: newest,
        length: reader.end(),
        next_sequence: reader.next_sequence(),
        last: reader.last(),
    }))
}

/// Copies the bytes from `at` on into a `.torn` file that is on disk when this returns.
fn keep_tail(path: &Path, at: u64, directory_file: &File) -> Result<()> {
    let bytes = std::fs::read(path).map_err(|error| failed("read", path, &error))?;
    let tail = usize::try_from(at)
        .ok()
        .and_then(|at| bytes.get(at..))
        .unwrap_or_default();
    let mut copy = 0_u32;
    loop {
        let name = if copy == 0 {
            format!("{at}.torn")
        } else {
            format!("{at}-{copy}.torn")
        };
        let aside = path.with_extension(name);
        match OpenOptions::new().create_new(true).write(true).open(&aside) {
            Ok(file) => {
                return write_whole(&file, tail)
                    .and_then(|()| file.sync_all())
                    .and_then(|()| directory_file.sync_all())
                    .map_err(|error| failed("write", &aside, &error));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => copy += 1,
            Err(error) => return Err(failed("make", &aside, &error)),
        }
    }
}

/// Cuts the segment at `at`; what is cut was kept first.
fn cut_tail(path: &Path, at: u64, directory_file: &File) -> Result<()> {
    keep_tail(path, at, directory_file)?;
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(at).and_then(|()| file.sync_all()))
        .map_err(|error| failed("cut", path, &error))
}
