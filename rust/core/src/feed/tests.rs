//! A feed by itself; recorded frames are replayed by the Python tests.

use super::*;
use crate::book::Side;
use crate::{Error, decimal};

const SNAPSHOT: &[u8] =
    br#"{"lastUpdateId":10,"bids":[["2.41370000","10.50000000"]],"asks":[["2.42000000","5.00000000"]]}"#;

fn frame(symbol: &str, first: u64, bids: &str) -> Vec<u8> {
    format!(
        r#"{{"e":"depthUpdate","E":1790000000200,"s":"{symbol}","U":{first},"u":{first},"b":{bids},"a":[]}}"#
    )
    .into_bytes()
}

#[test]
fn scales_follow_the_data() {
    let mut feed = BookFeed::new(Venue::Binance, "XRPUSDT");
    feed.on_snapshot(SNAPSHOT).unwrap();
    assert_eq!(
        (feed.book().price_decimals(), feed.book().qty_decimals()),
        (4, 1)
    );
    let finer = frame("XRPUSDT", 11, r#"[["2.413705","0.00000001"]]"#);
    assert_eq!(feed.on_message(&finer).unwrap(), State::Live);
    let text = |value, decimals| decimal::format(value, decimals, true);
    let levels: Vec<_> = (feed.book().levels(Side::Bid))
        .map(|level| (text(level.price, 6), text(level.qty, 8)))
        .collect();
    let expected = [("2.413705", "0.00000001"), ("2.4137", "10.5")];
    assert_eq!(levels, expected.map(|(p, q)| (p.to_owned(), q.to_owned())));
}

#[test]
fn other_symbols_and_kinds_change_nothing() {
    let mut feed = BookFeed::new(Venue::Binance, "XRPUSDT");
    let other = frame("BTCUSDT", 99, "[]");
    assert_eq!(feed.on_message(&other).unwrap(), State::Empty);
    feed.on_snapshot(SNAPSHOT).unwrap();
    for raw in [other.as_slice(), br#"{"result":null,"id":1}"#, b"{}"] {
        assert_eq!(feed.on_message(raw).unwrap(), State::Live);
        assert_eq!(feed.sequence(), 10);
    }
}

#[test]
fn a_refused_message_leaves_room_for_the_right_one() {
    let mut feed = BookFeed::new(Venue::Binance, "XRPUSDT");
    feed.on_snapshot(SNAPSHOT).unwrap();
    let bad = frame("XRPUSDT", 11, r#"[["2.40","1"],["2.39","-1"]]"#);
    assert!(matches!(feed.on_message(&bad), Err(Error::Malformed(_))));
    assert_eq!(
        (feed.state(), feed.sequence(), feed.book().len()),
        (State::Live, 10, 2)
    );
    let good = frame("XRPUSDT", 11, r#"[["2.40","1"],["2.39","1"]]"#);
    assert_eq!(feed.on_message(&good).unwrap(), State::Live);
    assert_eq!((feed.sequence(), feed.book().len()), (11, 4));
}
