//! Frames of Binance, good and bad.

use super::*;

const DEPTH: &str = r#"{"e":"depthUpdate","E":1790000000200,"s":"XRPUSDT","U":11,"u":15,"b":[["2.12330000","0.00000000"],["2.1231","77.70"]],"a":[["2.12400000","4.20000000"]]}"#;
const TICKER: &str =
    r#"{"u":20,"s":"XRPUSDT","b":"2.1233","B":"12345.6","a":"2.1234","A":"9876.5"}"#;
const SNAPSHOT: &str =
    r#"{"lastUpdateId":10,"bids":[["2.1233","12345.6"]],"asks":[["2.1234","9876.5"]]}"#;

fn read(text: &str) -> Scan<(Frame<'_>, Vec<Change>)> {
    let mut changes = Vec::new();
    decode(text.as_bytes(), &mut changes).map(|frame| (frame, changes))
}

fn depth(text: &str) -> (Depth<'_>, Vec<Change>) {
    match read(text).unwrap() {
        (Frame::Depth(depth), changes) => (depth, changes),
        (other, _) => panic!("{other:?}"),
    }
}

fn is_other(text: &str) -> bool {
    matches!(read(text), Ok((Frame::Other { .. }, _)))
}

#[test]
fn depth_raw_and_combined() {
    let combined = format!(r#"{{"stream":"xrpusdt@depth@100ms","data":{DEPTH}}}"#);
    let reversed = format!(r#"{{"data":{DEPTH},"stream":"xrpusdt@depth@100ms"}}"#);
    for text in [DEPTH, &combined, &reversed] {
        let (frame, changes) = depth(text);
        assert!(frame.symbol.is(b"XRPUSDT"));
        assert_eq!((frame.first, frame.last), (11, 15));
        assert_eq!(frame.event_ns, Some(1_790_000_000_200_000_000));
        assert_eq!(changes.len(), 3);
        assert_eq!(changes[1].side, Side::Bid);
        assert_eq!((changes[1].qty.mantissa, changes[1].qty.scale), (777, 1));
        assert_eq!(changes[2].side, Side::Ask);
        assert_eq!(changes[2].sequence, super::super::NO_SEQUENCE);
    }
}

#[test]
fn any_key_order_unknown_keys_and_white_space() {
    let text = r#" { "zz" : {"a":[1,{"b":null}],"u":-1.5e3} , "a" : [ [ "2.5" , "1" , [] ] ] ,
        "u" : 15 , "b" : [ ] , "note" : "\"}\u00e9\\" , "s" : "XRPUSDT" , "U" : 11 ,
        "\u0065" : "depthUpdat\u0065" } "#;
    let (frame, changes) = depth(text);
    assert_eq!((frame.first, frame.last, frame.event_ns), (11, 15, None));
    assert_eq!(changes.len(), 1);
}

#[test]
fn what_an_envelope_adds_is_none_of_the_event() {
    let text = format!(r#"{{"b":[["1","1"]],"u":99,"data":{DEPTH},"a":[["3","1"]],"stream":"x"}}"#);
    let (frame, changes) = depth(&text);
    assert_eq!((frame.last, changes.len()), (15, 3));
}

#[test]
fn microseconds_are_told_apart() {
    let text = DEPTH.replace("1790000000200", "1790000000200123");
    assert_eq!(depth(&text).0.event_ns, Some(1_790_000_000_200_123_000));
}

#[test]
fn tickers() {
    let Ok((Frame::Ticker(ticker), _)) = read(TICKER) else {
        panic!("no ticker");
    };
    assert!(ticker.symbol.is(b"XRPUSDT"));
    assert_eq!(ticker.sequence, 20);
    assert_eq!(ticker.bid.map(|(price, _)| price.mantissa), Some(21_233));
    let empty = TICKER.replace("2.1233", "0").replace("12345.6", "0.00");
    let Ok((Frame::Ticker(ticker), _)) = read(&empty) else {
        panic!("no ticker");
    };
    assert_eq!(ticker.bid, None);
    for bad in [
        TICKER.replace("2.1233", "0.000"),
        TICKER.replace("12345.6", "0"),
        TICKER.replace("\"2.1233\"", "2.1233"),
        TICKER.replace("\"2.1233\"", "[]"),
        TICKER.replace("2.1233", "-2.1233"),
        TICKER.replace("\"u\":20,", ""),
        TICKER.replace("\"s\":\"XRPUSDT\",", ""),
        TICKER.replace(",\"A\":\"9876.5\"", ""),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn control_frames() {
    for text in [
        r#"{"result":null,"id":1}"#,
        r#"{"id":3,"result":["xrpusdt@depth@100ms"]}"#,
        r#"{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}"#,
        r#"{"code":3,"msg":"Invalid JSON"}"#,
        r#"{"e":"serverShutdown","E":1790000000000}"#,
        r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1790000000000}}"#,
    ] {
        assert!(matches!(read(text), Ok((Frame::Control, _))), "{text}");
    }
}

#[test]
fn other_kinds_are_left_aside() {
    for text in [
        r#"{"e":"aggTrade","E":1790000000123,"s":"XRPUSDT","a":5,"p":"2.1","q":"1","f":7,"l":7,"T":1,"m":true}"#,
        r#"{"e":"24hrTicker","E":1,"s":"X","b":"0.0","B":"0","a":"1","A":"2","u":"x"}"#,
        r#"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}"#,
        r#"[{"e":"24hrMiniTicker"}]"#,
        r#"{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]}"#,
        "{}",
    ] {
        assert!(is_other(text), "{text}");
    }
    let trade = r#"{"e":"trade","E":1790000000123,"a":[["x"]]}"#;
    let time = Frame::Other {
        event_ns: Some(1_790_000_000_123_000_000),
    };
    assert_eq!(read(trade).unwrap().0, time);
}

#[test]
fn bad_depth_is_refused() {
    for bad in [
        DEPTH.replace("\"U\":11", "\"U\":16"),
        DEPTH.replace("\"U\":11", "\"U\":-11"),
        DEPTH.replace("\"U\":11", "\"U\":\"11\""),
        DEPTH.replace("\"U\":11", "\"U\":1.5"),
        DEPTH.replace("\"U\":11,", ""),
        DEPTH.replace("\"u\":15", "\"u\":99999999999999999999"),
        DEPTH.replace("\"u\":15", "\"u\":null"),
        DEPTH.replace("\"u\":15", "\"u\":15,\"u\":15"),
        DEPTH.replace("\"s\":\"XRPUSDT\"", "\"s\":5"),
        DEPTH.replace("1790000000200", "\"1790000000200\""),
        DEPTH.replace("1790000000200", "9223372036854775807"),
        DEPTH.replace("\"2.12330000\"", "\"0.00000000\""),
        DEPTH.replace("\"2.12330000\"", "2.1233"),
        DEPTH.replace("\"2.12330000\"", "\"-2.1233\""),
        DEPTH.replace("\"2.12330000\"", "\"NaN\""),
        DEPTH.replace("\"2.12330000\"", "\"1e309\""),
        DEPTH.replace("\"2.12330000\"", "null"),
        DEPTH.replace("\"77.70\"", "\"-1\""),
        DEPTH.replace("\"77.70\"", "\"Infinity\""),
        DEPTH.replace("\"77.70\"", "\"99999999999999999999\""),
        DEPTH.replace(",\"77.70\"", ""),
        DEPTH.replace("[[\"2.12400000\",\"4.20000000\"]]", "{}"),
        DEPTH.replace("[[\"2.12400000\",\"4.20000000\"]]", "null"),
        DEPTH.replace("[[\"2.12400000\",\"4.20000000\"]]", "\"2.124\""),
        DEPTH.replace(",\"a\":[[\"2.12400000\",\"4.20000000\"]]", ""),
        DEPTH.replace("\"depthUpdate\"", "1"),
        format!("{DEPTH}x"),
        format!("{DEPTH}{DEPTH}"),
        format!(r#"{{"data":{DEPTH},"data":{DEPTH}}}"#),
        "5".into(),
        "null".into(),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn snapshots() {
    let mut changes = Vec::new();
    let loaded = snapshot(SNAPSHOT.as_bytes(), &mut changes).unwrap();
    assert_eq!((loaded.sequence, loaded.event_ns), (10, None));
    assert_eq!(changes.len(), 2);
    for bad in [
        r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned(),
        SNAPSHOT.replace("\"lastUpdateId\":10", "\"lastUpdateId\":\"10\""),
        SNAPSHOT.replace("\"lastUpdateId\":10", "\"lastUpdateId\":-1"),
        SNAPSHOT.replace("\"lastUpdateId\":10,", ""),
        SNAPSHOT.replace("\"2.1233\"", "\"0\""),
        SNAPSHOT.replace(",\"asks\":[[\"2.1234\",\"9876.5\"]]", ""),
        SNAPSHOT.replace("bids", "asks"),
        format!("{SNAPSHOT}]"),
    ] {
        assert!(snapshot(bad.as_bytes(), &mut Vec::new()).is_err(), "{bad}");
    }
}
