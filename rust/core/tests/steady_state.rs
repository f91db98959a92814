//! Once warm, a frame costs no allocation: not to decode, apply or detect it, nor to raise a signal.

use allocation_counter::measure;
use xrpfast_core::market::Market;
use xrpfast_core::spread::{Rules, SpreadParams};
use xrpfast_core::wire::Venue;

const RULES: Rules = Rules {
    price_decimals: 4,
    qty_decimals: 1,
    tick: 1,
    lot: 1,
    min_qty: 1,
    max_qty: 1_000_000,
    min_notional: 0,
    taker_rate: 100_000,
};

/// Depth, ticker and level-2 frames by turns; every other ticker opens an edge.
fn frames(at: u64) -> [(usize, String); 3] {
    let bid = if at % 2 == 0 { "2.0500" } else { "2.0000" };
    let qty = at % 97 + 1;
    [
        (
            0,
            format!(
                r#"{{"stream":"x","data":{{"e":"depthUpdate","E":1790000000000,"s":"XRPUSDT","U":{at},"u":{at},"b":[["2.0000","{qty}"],["1.99{:02}","{}"]],"a":[["2.0600","{qty}.5"]]}}}}"#,
                at % 50,
                at % 3
            ),
        ),
        (
            0,
            format!(
                r#"{{"stream":"x","data":{{"u":{},"s":"XRPUSDT","b":"{bid}","B":"{qty}","a":"2.0600","A":"6"}}}}"#,
                at + 1
            ),
        ),
        (
            1,
            format!(
                r#"{{"type":"message","topic":"/market/level2:XRP-USDT","subject":"trade.l2update","data":{{"changes":{{"asks":[["2.01{:02}","{}","{at}"]],"bids":[]}},"sequenceStart":{at},"sequenceEnd":{at},"symbol":"XRP-USDT","time":1790000000000}}}}"#,
                at % 50,
                at % 4
            ),
        ),
    ]
}

#[test]
fn no_allocation_a_frame() {
    let mut market = Market::new();
    let params = SpreadParams {
        min_edge: 0,
        max_qty: None,
    };
    market.add_book(Venue::Binance, "XRPUSDT", RULES).unwrap();
    market.add_book(Venue::Kucoin, "XRP-USDT", RULES).unwrap();
    market.add_stream(Venue::Binance);
    market.add_stream(Venue::Kucoin);
    market.add_detector(params, 0, 1).unwrap();
    market.add_detector(params, 1, 0).unwrap();
    let levels = r#""bids":[["2.0000","10"]],"asks":[["2.0600","10"]]"#;
    let binance = format!(r#"{{"lastUpdateId":0,{levels}}}"#);
    let kucoin = format!(r#"{{"code":"200000","data":{{"sequence":"0",{levels}}}}}"#);
    market.on_snapshot(0, binance.as_bytes(), 1).unwrap();
    market.on_snapshot(1, kucoin.as_bytes(), 1).unwrap();
    market.consume();
    let mut run = |from: u64, to: u64| {
        let frames: Vec<_> = (from..to).flat_map(frames).collect();
        let mut signals = 0;
        let info = measure(|| {
            for (stream, raw) in &frames {
                market.on_frame(*stream, raw.as_bytes(), 5).unwrap();
                signals += market.signals().count();
                market.consume();
            }
        });
        let counters = market.counters();
        assert_eq!((counters.malformed, counters.gaps), (0, 0));
        (info.count_total, signals)
    };
    run(1, 500);
    let (allocations, signals) = run(500, 1_000);
    assert!(signals > 100, "{signals}");
    assert_eq!(allocations, 0);
}
