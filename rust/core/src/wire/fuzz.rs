//! The decoders under arbitrary and mutated bytes: no panic, and a frame that is refused leaves
//! the book as it was.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::Venue;
use crate::feed::BookFeed;
use crate::sync::State;

const VENUES: [Venue; 2] = [Venue::Binance, Venue::Kucoin];

const SYNTHETIC: [&str; 4] = [
    r#"{"e":"depthUpdate","E":1790000000200,"s":"NKNUSDT","U":499869753,"u":499869755,"b":[["0.35","1"]],"a":[]}"#,
    r#"{"u":499869759,"s":"NKNUSDT","b":"0.35","B":"1","a":"0.36","A":"2"}"#,
    r#"{"result":null,"id":1}"#,
    r#"{"type":"message","topic":"/market/level2:SNX-BTC","subject":"trade.l2update","data":{"changes":{"asks":[["0.0003","0","1612844051659"]],"bids":[["0","0","1612844051658"]]},"sequenceStart":1612844051658,"sequenceEnd":1612844051659,"symbol":"SNX-BTC","time":1760000000321}}"#,
];

/// Recorded rows: venue, whether a snapshot, bytes.
static RECORDED: LazyLock<Vec<(Venue, bool, Vec<u8>)>> = LazyLock::new(|| {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut rows = Vec::new();
    for venue in VENUES {
        let file = data.join(format!("{}_spot.jsonl", venue.name()));
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let (head, raw) = line.split_once(r#""raw": ""#).unwrap();
            if head.contains("NKNUSDT") || head.contains("SNX-BTC") {
                let raw = raw.strip_suffix("\"}").unwrap().replace("\\\"", "\"");
                rows.push((venue, head.contains("depth_snapshot"), raw.into_bytes()));
            }
        }
    }
    rows
});

/// A LIVE book at the recorded snapshot.
fn live(venue: Venue) -> BookFeed {
    let symbol = match venue {
        Venue::Binance => "NKNUSDT",
        Venue::Kucoin => "SNX-BTC",
    };
    let mut feed = BookFeed::new(venue, symbol);
    let (_, _, raw) = (RECORDED.iter())
        .find(|(of, snapshot, _)| *of == venue && *snapshot)
        .unwrap();
    assert_eq!(feed.on_snapshot(raw).unwrap(), State::Live);
    feed
}

static LIVE: LazyLock<[BookFeed; 2]> = LazyLock::new(|| VENUES.map(live));

/// Gives bytes to a LIVE book both ways; what is refused must change nothing.
fn check(venue: Venue, raw: &[u8]) {
    let before = &LIVE[venue as usize];
    for snapshot in [false, true] {
        let mut feed = before.clone();
        let taken = if snapshot {
            feed.on_snapshot(raw)
        } else {
            feed.on_message(raw)
        };
        if taken.is_err() {
            assert_eq!(feed.state(), before.state());
            assert_eq!(feed.sequence(), before.sequence());
            assert_eq!(feed.book(), before.book());
        }
    }
}

#[test]
fn every_truncation_of_a_frame_is_refused() {
    let synthetic = SYNTHETIC
        .iter()
        .map(|text| (Venue::Binance, text.as_bytes()));
    let recorded = RECORDED.iter().filter(|row| !row.1).step_by(29);
    let recorded = recorded.map(|(venue, _, raw)| (*venue, raw.as_slice()));
    for (venue, raw) in synthetic.chain(recorded) {
        let mut changes = Vec::new();
        for venue in [venue, Venue::Kucoin] {
            for cut in 0..raw.len() {
                assert!(venue.decode(&raw[..cut], &mut changes).is_err());
            }
        }
    }
}

#[test]
fn every_truncation_of_a_snapshot_is_refused() {
    for (venue, _, raw) in RECORDED.iter().filter(|row| row.1) {
        let mut changes = Vec::new();
        for cut in (0..raw.len()).step_by(7).chain(raw.len() - 60..raw.len()) {
            assert!(venue.snapshot(&raw[..cut], &mut changes).is_err());
        }
    }
}

#[test]
fn trailing_garbage_is_refused() {
    for (venue, snapshot, raw) in RECORDED.iter().step_by(17) {
        for tail in ["}", ",", "0", "{}", "\"", "\0", "x"] {
            let long = [raw, tail.as_bytes()].concat();
            let mut changes = Vec::new();
            let refused = if *snapshot {
                venue.snapshot(&long, &mut changes).is_err()
            } else {
                venue.decode(&long, &mut changes).is_err()
            };
            assert!(refused, "{tail:?}");
        }
    }
}

/// Pieces that JSON and these frames are made of.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00e9",
        "-1",
        "0",
        "1e309",
        "NaN",
        "null",
        "true",
        "9223372036854775808",
        "99999999999999999999999",
        "\"e\"",
        "\"depthUpdate\"",
        "\"b\"",
        "\"a\"",
        "\"U\"",
        "\"u\"",
        "\"s\"",
        "\"NKNUSDT\"",
        "\"type\"",
        "\"message\"",
        "\"data\"",
        "\"changes\"",
        "\"0\"",
        "\"0.00000000000000000001\"",
        " ",
        "\u{0}",
        "é",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decimals_as_the_plain_parser_reads_them(text in r"[0-9]{1,14}(\.[0-9]{1,12}|\.[0-9]{0,8}0{0,8})?|\PC{0,14}") {
        prop_assume!(!text.contains('"')); // it would end the string, and rightly so
        let quoted = format!("\"{text}\" ]");
        let plain = crate::decimal::parse(text.as_bytes()).ok();
        prop_assert_eq!(super::Scanner::new(quoted.as_bytes()).decimal().ok(), plain);
    }

    #[test]
    fn arbitrary_bytes(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        VENUES.iter().for_each(|venue| check(*venue, &raw));
    }

    #[test]
    fn arbitrary_pieces(raw in prop::collection::vec(piece(), 0..60)) {
        VENUES.iter().for_each(|venue| check(*venue, raw.concat().as_bytes()));
    }

    #[test]
    fn mutated_frames(
        row in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..5),
    ) {
        let frames: Vec<_> = RECORDED.iter().filter(|row| !row.1).collect();
        let (venue, _, raw) = frames[row.index(frames.len())];
        let mut raw = raw.clone();
        for (at, byte, kind) in edits {
            let at = at.index(raw.len());
            match kind {
                0 => raw[at] = byte,
                1 => raw.insert(at, byte),
                _ => { raw.remove(at); }
            }
        }
        check(*venue, &raw);
    }

    #[test]
    fn pieces_in_frames(
        row in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in 0..12_usize,
        piece in piece(),
    ) {
        let frames: Vec<_> = RECORDED.iter().filter(|row| !row.1).collect();
        let (venue, _, raw) = frames[row.index(frames.len())];
        let at = at.index(raw.len());
        let end = (at + cut).min(raw.len());
        let mutated = [&raw[..at], piece.as_bytes(), &raw[end..]].concat();
        check(*venue, &mutated);
    }
}
