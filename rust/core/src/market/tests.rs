//! Frames to signals, notes and ages.

use super::*;
use crate::decimal::RATE_ONE;

const BINANCE: usize = 0;
const KUCOIN: usize = 1;

fn rules(price_decimals: u8) -> Rules {
    Rules {
        price_decimals,
        qty_decimals: 1,
        tick: 1,
        lot: 1,
        min_qty: 1,
        max_qty: 1_000_000,
        min_notional: 0,
        taker_rate: RATE_ONE / 1000,
    }
}

/// Binance XRPUSDT with bid 2.0000 and ask 2.0001 at 10, KuCoin XRP-USDT with 2.00000 and 2.00010
/// at 20, both LIVE, a stream each and a detector each way.
fn market() -> Market {
    let mut market = Market::new();
    assert_eq!(
        market.add_book(Venue::Binance, "XRPUSDT", rules(4)),
        Ok(BINANCE)
    );
    assert_eq!(
        market.add_book(Venue::Kucoin, "XRP-USDT", rules(5)),
        Ok(KUCOIN)
    );
    assert_eq!(market.add_stream(Venue::Binance), BINANCE);
    assert_eq!(market.add_stream(Venue::Kucoin), KUCOIN);
    let params = SpreadParams {
        min_edge: 0,
        max_qty: None,
    };
    assert_eq!(market.add_detector(params, BINANCE, KUCOIN), Ok(0));
    assert_eq!(market.add_detector(params, KUCOIN, BINANCE), Ok(1));
    assert!(load(&mut market, BINANCE, 10));
    assert!(load(&mut market, KUCOIN, 20));
    market.consume();
    market
}

fn load(market: &mut Market, book: usize, sequence: u64) -> bool {
    let levels = r#""bids":[["2.0000","10"]],"asks":[["2.0001","10"]]"#;
    let raw = if book == BINANCE {
        format!(r#"{{"lastUpdateId":{sequence},{levels}}}"#)
    } else {
        format!(r#"{{"code":"200000","data":{{"sequence":"{sequence}",{levels}}}}}"#)
    };
    market.on_snapshot(book, raw.as_bytes(), 1).unwrap()
}

fn depth(market: &mut Market, at: u64, bids: &str, recv_ns: i64) -> bool {
    let raw = format!(
        r#"{{"stream":"x","data":{{"e":"depthUpdate","E":1790000000000,"s":"XRPUSDT","U":{at},"u":{at},"b":{bids},"a":[]}}}}"#
    );
    market.on_frame(BINANCE, raw.as_bytes(), recv_ns).unwrap()
}

fn ticker(market: &mut Market, at: u64, bid: &str, ask: &str, recv_ns: i64) -> bool {
    let raw = format!(
        r#"{{"stream":"x","data":{{"u":{at},"s":"XRPUSDT","b":"{bid}","B":"5","a":"{ask}","A":"6"}}}}"#
    );
    market.on_frame(BINANCE, raw.as_bytes(), recv_ns).unwrap()
}

fn level2(market: &mut Market, at: u64, bids: &str, recv_ns: i64) -> bool {
    let raw = format!(
        r#"{{"type":"message","topic":"/market/level2:XRP-USDT","subject":"trade.l2update","data":{{"changes":{{"asks":[],"bids":{bids}}},"sequenceStart":{at},"sequenceEnd":{at},"symbol":"XRP-USDT"}}}}"#
    );
    market.on_frame(KUCOIN, raw.as_bytes(), recv_ns).unwrap()
}

fn notes(market: &Market) -> Vec<(NoteKind, Option<usize>, &str)> {
    let notes = market.notes().iter();
    notes
        .map(|note| (note.kind, note.book, note.text.as_str()))
        .collect()
}

fn state(market: &Market, book: usize) -> State {
    market.standing(book).unwrap().state
}

#[test]
fn a_frame_without_news_leaves_nothing_pending() {
    let mut market = market();
    assert!(!depth(&mut market, 11, r#"[["1.9999","1"]]"#, 5));
    assert!(!ticker(&mut market, 12, "2.0000", "2.0001", 6));
    assert_eq!(market.top(BINANCE), Ok(Some((20_000, 50, 20_001, 60))));
    let counters = market.counters();
    assert_eq!(
        (
            counters.frames,
            counters.depth_frames,
            counters.ticker_frames
        ),
        (2, 1, 1)
    );
}

#[test]
fn an_edge_is_pending_until_a_later_frame_kills_it() {
    let mut market = market();
    assert!(level2(&mut market, 21, r#"[["2.01","3","21"]]"#, 100));
    // The book has crossed itself: CROSSED, no signal.
    assert_eq!(state(&market, KUCOIN), State::Crossed);
    assert_eq!(market.signals().count(), 0);

    let mut market = self::market();
    assert!(depth(&mut market, 11, "[]", 90) || !market.is_pending());
    assert!(ticker(&mut market, 12, "2.0100", "2.0200", 100));
    let signal = *market.signals().next().unwrap();
    assert_eq!(
        (signal.detector, signal.buy_book, signal.sell_book),
        (1, KUCOIN, BINANCE)
    );
    assert_eq!((signal.spread.buy_qty, signal.spread.sell_qty), (50, 50));
    assert_eq!(
        (signal.spread.buy_limit, signal.spread.sell_limit),
        (200_010, 20_100)
    );
    assert_eq!(signal.recv_ns, 100);
    assert_eq!(
        signal.sell_version,
        market.standing(BINANCE).unwrap().version
    );
    // Later in the burst the edge is gone, and the signal with it.
    assert!(!ticker(&mut market, 13, "2.0000", "2.0001", 101));
    assert_eq!(market.signals().count(), 0);
    // Back again: another signal; acted on: nothing pending; unrelated frames keep it so.
    assert!(ticker(&mut market, 14, "2.0100", "2.0200", 102));
    let again = *market.signals().next().unwrap();
    assert!(again.signal_id > signal.signal_id);
    market.consume();
    assert!(!market.is_pending());
    assert!(!market.on_frame(BINANCE, b"{}", 103).unwrap());
}

#[test]
fn a_pending_signal_outlives_frames_that_do_not_touch_it() {
    let mut market = market();
    assert!(ticker(&mut market, 12, "2.0100", "2.0200", 100));
    assert!(
        market
            .on_frame(KUCOIN, br#"{"type":"message"}"#, 101)
            .unwrap()
    );
    assert_eq!(market.signals().next().unwrap().recv_ns, 100);
}

#[test]
fn no_signal_from_a_book_that_is_not_live() {
    for end in 0..3 {
        let mut market = market();
        assert!(ticker(&mut market, 12, "2.0100", "2.0200", 100));
        match end {
            0 => assert!(market.stream_down(KUCOIN).unwrap()),
            1 => assert!(level2(&mut market, 25, "[]", 101)),
            _ => market.resync(KUCOIN).unwrap(),
        }
        assert_eq!(market.signals().count(), 0, "{end}");
        assert_eq!(market.top(KUCOIN), Ok(None));
        assert_eq!(market.depth(KUCOIN, Side::Bid, 5), Ok(vec![]));
        let expected = ["STALE", "GAP", "SYNCING"][end];
        assert_eq!(notes(&market), [(NoteKind::State, Some(KUCOIN), expected)]);
    }
}

#[test]
fn the_ticker_lies_over_the_depth_until_it_catches_up() {
    let mut market = market();
    depth(&mut market, 11, r#"[["1.9999","7"],["1.9998","8"]]"#, 5);
    assert!(
        !ticker(&mut market, 11, "1.9000", "2.5000", 6),
        "no newer than the depth"
    );
    assert_eq!(market.top(BINANCE).unwrap().unwrap().0, 20_000);
    ticker(&mut market, 13, "1.9999", "2.0003", 6);
    assert_eq!(market.top(BINANCE), Ok(Some((19_999, 50, 20_003, 60))));
    let bids = market.depth(BINANCE, Side::Bid, 5).unwrap();
    assert_eq!(
        bids,
        [(19_999, 50), (19_998, 80)],
        "levels at or above it are hidden"
    );
    ticker(&mut market, 12, "1.5", "2.5", 7);
    assert_eq!(
        market.top(BINANCE).unwrap().unwrap().0,
        19_999,
        "older than the ticker seen"
    );
    depth(&mut market, 12, "[]", 8);
    assert_eq!(market.top(BINANCE).unwrap().unwrap().0, 19_999);
    assert_eq!(market.standing(BINANCE).unwrap().sequence, 13);
    depth(&mut market, 13, r#"[["2.0000","0"]]"#, 9);
    assert_eq!(market.top(BINANCE), Ok(Some((19_999, 70, 20_001, 100))));
    assert_eq!(market.standing(BINANCE).unwrap().sequence, 13);
}

#[test]
fn a_ticker_that_crosses_itself_is_refused() {
    let mut market = market();
    assert!(ticker(&mut market, 12, "2.0001", "2.0001", 6));
    let note = &market.notes()[0];
    assert_eq!((note.kind, note.book), (NoteKind::Malformed, Some(BINANCE)));
    assert_eq!(market.top(BINANCE).unwrap().unwrap().0, 20_000);
}

#[test]
fn ages() {
    const EVENT: i64 = 1_790_000_000_000_000_000;
    let age = |market: &Market, book| market.standing(book).unwrap().stamp.data_ns;
    let mut market = market();
    assert_eq!(
        age(&market, BINANCE),
        1,
        "no clock: the receive time bounds it"
    );
    ticker(&mut market, 11, "2.0000", "2.0001", 500);
    assert_eq!(
        age(&market, BINANCE),
        i64::MIN,
        "no timed frame on the stream yet"
    );
    depth(&mut market, 11, "[]", 1_000);
    assert_eq!(age(&market, BINANCE), 1_000);
    market.set_clock(Venue::Binance, -EVENT + 700);
    depth(&mut market, 12, "[]", 1_500);
    assert_eq!(
        age(&market, BINANCE),
        700,
        "the event is older than its receipt"
    );
    ticker(&mut market, 13, "2.0000", "2.0001", 1_600);
    let stamp = market.standing(BINANCE).unwrap().stamp;
    assert_eq!((stamp.data_ns, stamp.recv_ns), (700, 1_600), "inherited");
    market.set_clock(Venue::Binance, -EVENT + 9_000);
    depth(&mut market, 13, "[]", 1_700);
    assert_eq!(age(&market, BINANCE), 1_700, "never newer than the receipt");
    // A timed frame of another kind vouches for later tickers, not for the depth beneath.
    market.set_clock(Venue::Binance, -EVENT);
    let trade = br#"{"e":"trade","E":1790000000001,"s":"BTCUSDT"}"#;
    assert!(!market.on_frame(BINANCE, trade, 2_000_000).unwrap());
    ticker(&mut market, 14, "2.0000", "2.0001", 2_000_001);
    assert_eq!(age(&market, BINANCE), 1_700);
    market.stream_down(BINANCE).unwrap();
    market.resync(BINANCE).unwrap();
    load(&mut market, BINANCE, 20);
    assert_eq!(age(&market, BINANCE), i64::MIN, "a snapshot tells no time");
    // Frames without time, clock set: only as fresh as the last timed one of their stream.
    market.set_clock(Venue::Kucoin, 0);
    level2(&mut market, 21, "[]", 5_000);
    assert_eq!(age(&market, KUCOIN), i64::MIN);
}

#[test]
fn notes_of_control_and_malformed_frames() {
    let mut market = market();
    let welcome = br#"{"id":"x","type":"welcome"}"#;
    assert!(market.on_frame(KUCOIN, welcome, 1).unwrap());
    assert!(market.on_frame(KUCOIN, b"{\"type\":", 2).unwrap());
    let seen = notes(&market);
    assert_eq!(
        seen[0],
        (NoteKind::Control, None, r#"{"id":"x","type":"welcome"}"#)
    );
    assert_eq!((seen[1].0, seen[1].1), (NoteKind::Malformed, None));
    assert_eq!(market.counters().malformed, 1);
    assert_eq!(state(&market, KUCOIN), State::Live);
    market.consume();
    assert!(!market.is_pending());
}

#[test]
fn gaps_and_snapshots_that_do_not_fit_are_noted() {
    let mut market = market();
    assert!(depth(&mut market, 15, "[]", 1));
    market.resync(BINANCE).unwrap();
    depth(&mut market, 18, "[]", 2);
    assert!(load(&mut market, BINANCE, 12));
    let states: Vec<_> = notes(&market).into_iter().map(|note| note.2).collect();
    assert_eq!(states, ["GAP", "SYNCING", "SYNCING"]);
    market.consume();
    assert!(load(&mut market, BINANCE, 17));
    assert_eq!(notes(&market), [(NoteKind::State, Some(BINANCE), "LIVE")]);
    assert_eq!(market.standing(BINANCE).unwrap().sequence, 18);
    let counters = market.counters();
    assert_eq!((counters.gaps, counters.resyncs), (1, 1));
}

#[test]
fn a_bad_snapshot_is_an_error_and_changes_nothing() {
    let mut market = market();
    let before = market.standing(BINANCE).unwrap();
    assert!(market.on_snapshot(BINANCE, b"{}", 9).is_err());
    assert!(market.on_snapshot(7, b"{}", 9).is_err());
    assert_eq!(market.standing(BINANCE), Ok(before));
    assert!(!market.is_pending());
}

#[test]
fn only_the_books_of_a_closed_stream_are_stale() {
    let mut market = market();
    let second = market
        .add_book(Venue::Binance, "BTCUSDT", rules(2))
        .unwrap();
    let other = market.add_stream(Venue::Binance);
    depth(&mut market, 11, "[]", 1);
    assert!(!market.stream_down(other).unwrap());
    assert_eq!(state(&market, BINANCE), State::Live);
    assert!(market.stream_down(BINANCE).unwrap());
    assert_eq!(state(&market, BINANCE), State::Stale);
    assert_eq!(state(&market, second), State::Empty);
    assert_eq!(state(&market, KUCOIN), State::Live);
}

#[test]
fn levels_finer_than_the_rules_stay_exact_inside() {
    let mut market = market();
    depth(&mut market, 11, r#"[["2.00005","1.25"]]"#, 1);
    assert_eq!(state(&market, BINANCE), State::Live);
    // Reported as an order by the rules would meet them.
    assert_eq!(market.top(BINANCE), Ok(Some((20_000, 12, 20_001, 100))));
    assert!(ticker(&mut market, 12, "2.0100", "2.0200", 2));
    let spread = market.signals().next().unwrap().spread;
    assert_eq!((spread.sell_limit, spread.sell_qty), (20_100, 50));
}

#[test]
fn registration_is_checked() {
    let mut market = market();
    let params = SpreadParams {
        min_edge: 0,
        max_qty: None,
    };
    assert!(
        market
            .add_book(Venue::Binance, "XRPUSDT", rules(4))
            .is_err()
    );
    assert!(market.add_detector(params, 0, 0).is_err());
    assert!(market.add_detector(params, 0, 9).is_err());
    assert!(market.on_frame(9, b"{}", 1).is_err());
    assert!(market.stream_down(9).is_err());
    assert!(market.resync(9).is_err());
    assert!(market.top(9).is_err());
}
