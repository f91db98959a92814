//! Frames of KuCoin, good and bad.

use super::*;

const LEVEL2: &str = r#"{"type":"message","topic":"/market/level2:XRP-USDT","subject":"trade.l2update","data":{"changes":{"asks":[["2.41380","1520.5","17"]],"bids":[["2.41361","0","16"],["0","0","15"]]},"sequenceStart":15,"sequenceEnd":17,"symbol":"XRP-USDT","time":1760000000321}}"#;
/// As in the recorded captures: data first, no time.
const OLD: &str = r#"{"data":{"sequenceStart":54,"symbol":"SNX-BTC","changes":{"asks":[["0.00028718","0","54"]],"bids":[]},"sequenceEnd":54},"subject":"trade.l2update","topic":"/market/level2:SNX-BTC","type":"message"}"#;
const SNAPSHOT: &str = r#"{"code":"200000","data":{"time":1619378326842,"sequence":"1612844051657","bids":[["0.00028678","3.7"]],"asks":[["0.000288","1"]]}}"#;

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

#[test]
fn level2() {
    let (frame, changes) = depth(LEVEL2);
    assert!(frame.symbol.is(b"XRP-USDT"));
    assert_eq!((frame.first, frame.last), (15, 17));
    assert_eq!(frame.event_ns, Some(1_760_000_000_321_000_000));
    let sequences: Vec<u64> = changes.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, [17, 16], "price zero is no level");
    let (frame, changes) = depth(OLD);
    assert_eq!((frame.last, frame.event_ns, changes.len()), (54, None, 1));
}

#[test]
fn only_price_zero_still_advances() {
    let (frame, changes) = depth(
        r#"{"type":"message","topic":"/market/level2:A-B","subject":"trade.l2update","data":{"changes":{"asks":[],"bids":[["0","0","9"]]},"sequenceStart":9,"sequenceEnd":9,"symbol":"A-B"}}"#,
    );
    assert_eq!((frame.first, frame.last, changes.len()), (9, 9, 0));
}

#[test]
fn symbol_or_topic_will_do() {
    assert!(
        depth(&LEVEL2.replace(",\"symbol\":\"XRP-USDT\"", ""))
            .0
            .symbol
            .is(b"XRP-USDT")
    );
    assert!(
        depth(&LEVEL2.replace("\"topic\":\"/market/level2:XRP-USDT\",", ""))
            .0
            .last
            == 17
    );
    assert!(
        depth(&LEVEL2.replace("\"subject\":\"trade.l2update\",", ""))
            .0
            .last
            == 17
    );
}

#[test]
fn control_frames() {
    for text in [
        r#"{"id":"NSkIrWGB1s","type":"welcome"}"#,
        r#"{"id":"1","type":"ack"}"#,
        r#"{"id":"1","type":"pong","timestamp":1760000000001234}"#,
        r#"{"id":"2","type":"error","code":404,"data":"topic does not exist"}"#,
    ] {
        assert!(matches!(read(text), Ok((Frame::Control, _))), "{text}");
    }
}

#[test]
fn other_kinds_are_left_aside() {
    for text in [
        r#"{"type":"message","topic":"/market/ticker:XRP-USDT","subject":"trade.ticker","data":{"sequence":"2","price":"2.4","time":1760000000299}}"#,
        r#"{"type":"message","topic":"/spotMarket/level2Depth5:XRP-USDT","subject":"level2","data":{"asks":[["2","8"]],"bids":[],"timestamp":1}}"#,
        r#"{"type":"message","topic":"/market/match:XRP-USDT","subject":"trade.l3match","data":{"symbol":"XRP-USDT","time":"1760000000298000000","changes":5}}"#,
        r#"{"type":"message","topic":"/market/level2:XRP-USDT","subject":"other","data":[]}"#,
        r#"{"type":"notice"}"#,
    ] {
        assert!(matches!(read(text), Ok((Frame::Other { .. }, _))), "{text}");
    }
}

#[test]
fn bad_level2_is_refused() {
    for bad in [
        LEVEL2.replace("\"sequenceStart\":15", "\"sequenceStart\":18"),
        LEVEL2.replace("\"sequenceStart\":15", "\"sequenceStart\":\"15\""),
        LEVEL2.replace("\"sequenceStart\":15", "\"sequenceStart\":-15"),
        LEVEL2.replace("\"sequenceStart\":15,", ""),
        LEVEL2.replace("\"sequenceEnd\":17", "\"sequenceEnd\":16"),
        LEVEL2.replace("\"sequenceEnd\":17", "\"sequenceEnd\":null"),
        LEVEL2.replace(
            "\"sequenceEnd\":17",
            "\"sequenceEnd\":17,\"sequenceEnd\":18",
        ),
        LEVEL2.replace("\"17\"]", "17]"),
        LEVEL2.replace("\"17\"]", "\"14\"]"),
        LEVEL2.replace(",\"17\"]", "]"),
        LEVEL2.replace("\"2.41380\"", "2.41380"),
        LEVEL2.replace("\"2.41380\"", "\"-2.41380\""),
        LEVEL2.replace("\"2.41380\"", "\"1e309\""),
        LEVEL2.replace("\"1520.5\"", "\"NaN\""),
        LEVEL2.replace("\"1520.5\"", "\"99999999999999999999\""),
        LEVEL2.replace("\"asks\"", "\"other\""),
        LEVEL2.replace("\"changes\"", "\"other\""),
        LEVEL2.replace("\"data\"", "\"other\""),
        LEVEL2.replace("\"symbol\":\"XRP-USDT\"", "\"symbol\":\"BTC-USDT\""),
        LEVEL2.replace("\"symbol\":\"XRP-USDT\"", "\"symbol\":7"),
        LEVEL2.replace("1760000000321", "\"1760000000321\""),
        LEVEL2.replace("\"type\":\"message\",", ""),
        LEVEL2.replace("\"message\"", "5"),
        format!("{LEVEL2},"),
        format!("[{LEVEL2}]"),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn snapshots() {
    let mut changes = Vec::new();
    let loaded = snapshot(SNAPSHOT.as_bytes(), &mut changes).unwrap();
    assert_eq!(loaded.sequence, 1_612_844_051_657);
    assert_eq!(loaded.event_ns, Some(1_619_378_326_842_000_000));
    assert_eq!(changes.len(), 2);
    for bad in [
        r#"{"code":"400003","msg":"KC-API-KEY not exists"}"#.to_owned(),
        SNAPSHOT.replace("\"200000\"", "200000"),
        SNAPSHOT.replace("\"code\":\"200000\",", ""),
        SNAPSHOT.replace("\"1612844051657\"", "\"-5\""),
        SNAPSHOT.replace("\"1612844051657\"", "null"),
        SNAPSHOT.replace("\"0.000288\"", "\"0\""),
        SNAPSHOT.replace("\"asks\"", "\"bids\""),
        SNAPSHOT
            .replace("{\"time\"", "[{\"time\"")
            .replace("}}", "}]}"),
        SNAPSHOT[..SNAPSHOT.len() - 1].to_owned(),
    ] {
        assert!(snapshot(bad.as_bytes(), &mut Vec::new()).is_err(), "{bad}");
    }
}
