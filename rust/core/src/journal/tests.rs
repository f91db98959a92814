use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::format::{MAX_PAYLOAD, RECORD_HEADER, SEGMENT_HEADER};
use super::{Journal, Options, Reader};
use crate::{Error, Result};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let unique = format!(
            "xrpfast-journal-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Row = (u64, i64, u16, Vec<u8>);

fn read(path: &Path) -> Result<(Vec<Row>, u64)> {
    let mut reader = Reader::open(path)?;
    let mut rows = Vec::new();
    while let Some(record) = reader.next_record()? {
        rows.push((
            record.sequence,
            record.time_ns,
            record.kind,
            record.payload.to_vec(),
        ));
    }
    Ok((rows, reader.torn_bytes()))
}

fn open(path: &Path) -> Result<Journal> {
    Journal::open(path, Options::default())
}

/// Records of differing lengths, one of them empty.
fn row(index: u64) -> Row {
    let length = usize::try_from(index * 7 % 23).unwrap();
    (
        index,
        index as i64 * 1000 - 5,
        1 + (index % 5) as u16,
        vec![index as u8; length],
    )
}

fn write_rows(journal: &mut Journal, indices: std::ops::RangeInclusive<u64>) {
    for index in indices {
        let (sequence, time_ns, kind, payload) = row(index);
        assert_eq!(journal.append(kind, time_ns, &payload).unwrap(), sequence);
    }
}

fn rows(count: u64) -> Vec<Row> {
    (1..=count).map(row).collect()
}

#[test]
fn what_was_appended_is_read() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    write_rows(&mut journal, 1..=50);
    assert_eq!(
        read(&scratch.0).unwrap(),
        (rows(50), 0),
        "readable while it is open"
    );
    journal.close().unwrap();
    assert!(journal.append(1, 0, b"x").is_err());
    journal.close().unwrap();
    let mut journal = open(&scratch.0).unwrap();
    assert_eq!((journal.next_sequence(), journal.cut_bytes()), (51, 0));
    write_rows(&mut journal, 51..=60);
    assert_eq!(read(journal.path()).unwrap(), (rows(60), 0));
}

#[test]
fn staged_records_are_written_together() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    journal.stage(2, 1, b"event").unwrap();
    assert_eq!(
        std::fs::metadata(journal.path()).unwrap().len(),
        SEGMENT_HEADER as u64
    );
    assert_eq!(journal.append(3, 2, b"command").unwrap(), 2);
    assert_eq!(read(&scratch.0).unwrap().0.len(), 2);
    journal.flush().unwrap();
    assert_eq!(read(&scratch.0).unwrap().0.len(), 2);
}

#[test]
fn segments_follow_each_other() {
    let scratch = Scratch::new();
    let options = Options {
        segment_bytes: 1024,
        ..Options::default()
    };
    let mut journal = Journal::open(&scratch.0, options).unwrap();
    write_rows(&mut journal, 1..=100);
    // One larger than a segment gets a segment to itself.
    assert_eq!(journal.append(1, 0, &[9; 5000]).unwrap(), 101);
    assert_eq!(journal.append(1, 0, b"").unwrap(), 102);
    drop(journal);
    let segments = std::fs::read_dir(&scratch.0).unwrap().count() - 1;
    assert!(segments > 5, "{segments}");
    let (read_rows, torn) = read(&scratch.0).unwrap();
    assert_eq!(&read_rows[..100], rows(100));
    assert_eq!((read_rows.len(), torn), (102, 0));
    let mut journal = Journal::open(&scratch.0, options).unwrap();
    assert_eq!(journal.next_sequence(), 103);
    journal.append(1, 0, b"more").unwrap();
    assert_eq!(read(&scratch.0).unwrap().0.len(), 103);
}

#[test]
fn a_missing_or_foreign_segment_is_found() {
    let scratch = Scratch::new();
    let options = Options {
        segment_bytes: 1024,
        ..Options::default()
    };
    let mut journal = Journal::open(&scratch.0, options).unwrap();
    write_rows(&mut journal, 1..=100);
    drop(journal);
    let second = scratch.0.join("00000002.journal");
    let third = scratch.0.join("00000003.journal");
    let bytes = std::fs::read(&second).unwrap();
    std::fs::remove_file(&second).unwrap();
    assert!(read(&scratch.0).is_err());
    assert!(Journal::open(&scratch.0, options).is_err());
    std::fs::copy(&third, &second).unwrap();
    assert!(read(&scratch.0).is_err());
    std::fs::write(&second, &bytes).unwrap();
    assert!(read(&scratch.0).is_ok());
    // Cut at the end of a record: each segment is sound alone, the link between is not.
    let last = RECORD_HEADER + row(1).3.len();
    assert!(bytes.len() > last);
    let mut cut = bytes.len() - 1;
    while read_cut(&second, &bytes[..cut]).1 != 0 {
        cut -= 1;
    }
    assert!(read(&scratch.0).is_err());
}

fn read_cut(path: &Path, bytes: &[u8]) -> (usize, u64) {
    std::fs::write(path, bytes).unwrap();
    let (rows, torn) = read(path).unwrap();
    (rows.len(), torn)
}

#[test]
fn torn_at_every_byte_it_loses_the_last_record_only() {
    let origin = Scratch::new();
    let mut journal = open(&origin.0).unwrap();
    write_rows(&mut journal, 1..=5);
    let whole = std::fs::read(journal.path()).unwrap();
    drop(journal);
    let mut ends = vec![SEGMENT_HEADER];
    for (.., payload) in rows(5) {
        ends.push(ends.last().unwrap() + RECORD_HEADER + payload.len());
    }
    assert_eq!(*ends.last().unwrap(), whole.len());
    for cut in 0..whole.len() {
        let scratch = Scratch::new();
        let path = scratch.0.join("00000001.journal");
        std::fs::write(&path, &whole[..cut]).unwrap();
        let kept = ends
            .iter()
            .filter(|&&end| end <= cut)
            .count()
            .saturating_sub(1);
        let end = if cut < SEGMENT_HEADER { 0 } else { ends[kept] };
        let mut journal = open(&scratch.0).unwrap();
        assert_eq!(journal.next_sequence(), kept as u64 + 1, "cut at {cut}");
        assert_eq!(journal.cut_bytes(), (cut - end) as u64, "cut at {cut}");
        let aside = scratch.0.join(format!("00000001.{end}.torn"));
        if cut > end {
            assert_eq!(std::fs::read(aside).unwrap(), &whole[end..cut]);
        } else if cut > 0 {
            assert!(!aside.exists());
        }
        write_rows(&mut journal, kept as u64 + 1..=5);
        drop(journal);
        assert_eq!(read(&scratch.0).unwrap(), (rows(5), 0));
        assert_eq!(std::fs::read(&path).unwrap(), whole, "the same again");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let origin = Scratch::new();
    let mut journal = open(&origin.0).unwrap();
    write_rows(&mut journal, 1..=6);
    let whole = std::fs::read(journal.path()).unwrap();
    drop(journal);
    let scratch = Scratch::new();
    let path = scratch.0.join("00000001.journal");
    let last = whole.len() - RECORD_HEADER - row(6).3.len();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, &bytes).unwrap();
            if at < last {
                assert!(
                    matches!(read(&scratch.0), Err(Error::Journal(_))),
                    "byte {at}"
                );
                assert!(
                    matches!(open(&scratch.0), Err(Error::Journal(_))),
                    "byte {at}"
                );
                assert_eq!(std::fs::read(&path).unwrap(), bytes, "refused, untouched");
            } else {
                let torn = (whole.len() - last) as u64;
                assert_eq!(read(&scratch.0).unwrap(), (rows(5), torn), "byte {at}");
            }
        }
    }
}

#[test]
fn a_tail_of_zeros_or_rubbish_is_cut() {
    for tail in [vec![0; 4096], vec![0xff; 100], vec![0x5a; 44], vec![0; 1]] {
        let scratch = Scratch::new();
        let mut journal = open(&scratch.0).unwrap();
        write_rows(&mut journal, 1..=3);
        let path = journal.path().to_owned();
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(&tail);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&scratch.0).unwrap(), (rows(3), tail.len() as u64));
        let journal = open(&scratch.0).unwrap();
        assert_eq!(
            (journal.cut_bytes(), journal.next_sequence()),
            (tail.len() as u64, 4)
        );
    }
}

#[test]
fn a_segment_torn_at_birth_is_set_aside() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    write_rows(&mut journal, 1..=3);
    drop(journal);
    let unborn = scratch.0.join("00000002.journal");
    for bytes in [&b""[..], b"XRPFJR", &[0x77; 64], &[0; 4096]] {
        std::fs::write(&unborn, bytes).unwrap();
        assert_eq!(read(&scratch.0).unwrap(), (rows(3), bytes.len() as u64));
        let journal = open(&scratch.0).unwrap();
        assert_eq!(journal.next_sequence(), 4);
        assert!(!unborn.exists());
    }
    assert!(scratch.0.join("00000002.0-3.torn").exists());
}

#[test]
fn a_record_of_another_journal_breaks_the_chain() {
    let (one, two) = (Scratch::new(), Scratch::new());
    let mut journals = [open(&one.0).unwrap(), open(&two.0).unwrap()];
    for (index, journal) in journals.iter_mut().enumerate() {
        journal.append(1, 0, &[index as u8; 8]).unwrap();
        journal.append(1, 0, b"the same").unwrap();
    }
    let (a, b) = (journals[0].path().to_owned(), journals[1].path().to_owned());
    drop(journals);
    let first = SEGMENT_HEADER + RECORD_HEADER + 8;
    let mut mixed = std::fs::read(&a).unwrap()[..first].to_vec();
    mixed.extend_from_slice(&std::fs::read(&b).unwrap()[first..]);
    std::fs::write(&a, mixed).unwrap();
    let error = read(&one.0).unwrap_err();
    assert!(error.to_string().contains("chain"), "{error}");
    assert!(open(&one.0).is_err());
}

#[test]
fn damage_between_records_is_no_torn_tail() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    write_rows(&mut journal, 1..=5);
    let path = journal.path().to_owned();
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    let last = whole.len() - RECORD_HEADER - row(5).3.len();
    for hole in [1, 7, 44, 500] {
        let mut bytes = whole.clone();
        bytes.splice(last..last, vec![0; hole]);
        std::fs::write(&path, bytes).unwrap();
        assert!(open(&scratch.0).is_err(), "a hole of {hole} bytes");
    }
    let mut bytes = whole;
    bytes[..SEGMENT_HEADER].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert!(open(&scratch.0).is_err(), "no header");
}

#[test]
fn only_one_writes() {
    let scratch = Scratch::new();
    let journal = open(&scratch.0).unwrap();
    let error = open(&scratch.0).unwrap_err();
    assert!(error.to_string().contains("another"), "{error}");
    drop(journal);
    open(&scratch.0).unwrap();
}

#[test]
fn the_helper_syncs_by_itself() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    let sequence = journal.append(1, 0, b"x").unwrap();
    let begun = std::time::Instant::now();
    while journal.synced_sequence() <= sequence {
        assert!(begun.elapsed().as_secs() < 30, "never synced");
        std::thread::yield_now();
    }
    assert_eq!(journal.synced_sequence(), sequence + 1);
}

#[test]
fn bad_records_are_refused_and_harm_nothing() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.0).unwrap();
    assert!(matches!(
        journal.append(0, 0, b""),
        Err(Error::OutOfRange(_))
    ));
    let huge = vec![0; MAX_PAYLOAD + 1];
    assert!(matches!(
        journal.append(1, 0, &huge),
        Err(Error::OutOfRange(_))
    ));
    assert_eq!(journal.append(1, 0, &huge[1..]).unwrap(), 1);
    assert_eq!(read(&scratch.0).unwrap().0.len(), 1);
}

#[test]
fn a_version_not_known_is_refused() {
    let scratch = Scratch::new();
    let journal = open(&scratch.0).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = open(&scratch.0).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}
