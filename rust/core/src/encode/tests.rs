use super::*;
use crate::gate::Request;
use crate::gate::tests::ORDER;

const WALL: i64 = 1_790_000_000_123_456_789;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn binance_order_is_signed_as_documented() {
    let gate = Gate::new(1_000).unwrap();
    let signer = Signer::new(b"secret").unwrap();
    let mut encoder =
        BinanceEncoder::new(&gate, &signer, "key", 2_000, Some("EXPIRE_MAKER")).unwrap();
    let approved = gate.approve(&ORDER, 0).unwrap();
    let payload = b"apiKey=key&newClientOrderId=xdABCD1-7a&newOrderRespType=ACK&price=2.1234\
        &quantity=25&recvWindow=2000&selfTradePreventionMode=EXPIRE_MAKER&side=BUY\
        &symbol=XRPUSDT&timeInForce=IOC&timestamp=1790000000123&type=LIMIT";
    let expected = format!(
        "{{\"id\":17,\"method\":\"order.place\",\"params\":{{\"apiKey\":\"key\",\
        \"newClientOrderId\":\"xdABCD1-7a\",\"newOrderRespType\":\"ACK\",\"price\":\"2.1234\",\
        \"quantity\":\"25\",\"recvWindow\":2000,\"selfTradePreventionMode\":\"EXPIRE_MAKER\",\
        \"side\":\"BUY\",\"symbol\":\"XRPUSDT\",\"timeInForce\":\"IOC\",\
        \"timestamp\":1790000000123,\"type\":\"LIMIT\",\"signature\":\"{}\"}}}}",
        signer.hex(payload)
    );
    assert_eq!(
        text(encoder.encode(&approved, 17, 5, WALL).unwrap()),
        expected
    );
    assert!(matches!(
        encoder.encode(&approved, 18, 5, WALL),
        Err(Error::Approval(_))
    ));
}

#[test]
fn binance_cancel_is_signed_as_documented() {
    let gate = Gate::new(1_000).unwrap();
    let signer = Signer::new(b"secret").unwrap();
    let mut encoder = BinanceEncoder::new(&gate, &signer, "key", 2_000, None).unwrap();
    let payload = b"apiKey=key&origClientOrderId=c-1&recvWindow=2000&symbol=XRPUSDT\
        &timestamp=1790000000123";
    let expected = format!(
        "{{\"id\":0,\"method\":\"order.cancel\",\"params\":{{\"apiKey\":\"key\",\
        \"origClientOrderId\":\"c-1\",\"recvWindow\":2000,\"symbol\":\"XRPUSDT\",\
        \"timestamp\":1790000000123,\"signature\":\"{}\"}}}}",
        signer.hex(payload)
    );
    assert_eq!(
        text(encoder.cancel("XRPUSDT", "c-1", 0, WALL).unwrap()),
        expected
    );
    assert!(encoder.cancel("XRP\"", "c-1", 0, WALL).is_err());
    assert!(encoder.cancel("XRPUSDT", "c\"", 0, WALL).is_err());
}

#[test]
fn kucoin_requests() {
    let gate = Gate::new(1_000).unwrap();
    let mut encoder = KucoinEncoder::new(&gate, None).unwrap();
    let order = Request {
        venue: "kucoin",
        venue_symbol: "XRP-USDT",
        side: 1,
        tif: 2,
        qty: 1_000_000,
        ..ORDER
    };
    let approved = gate.approve(&order, 0).unwrap();
    assert_eq!(
        text(encoder.encode(&approved, 7, 5).unwrap()),
        "{\"id\":\"7\",\"op\":\"spot.order\",\"args\":{\"clientOid\":\"xdABCD1-7a\",\
        \"symbol\":\"XRP-USDT\",\"side\":\"sell\",\"type\":\"limit\",\"price\":\"2.1234\",\
        \"size\":\"100000\",\"timeInForce\":\"FOK\"}}"
    );
    assert_eq!(
        text(encoder.cancel("XRP-USDT", "c-1", 8).unwrap()),
        "{\"id\":\"8\",\"op\":\"spot.cancel\",\"args\":{\"clientOid\":\"c-1\",\
        \"symbol\":\"XRP-USDT\"}}"
    );
}

#[test]
fn kucoin_orders_carry_self_trade_prevention_again_and_again() {
    let gate = Gate::new(1_000).unwrap();
    let mut encoder = KucoinEncoder::new(&gate, Some("CN")).unwrap();
    let order = Request {
        venue: "kucoin",
        ..ORDER
    };
    for request_id in 1..3 {
        let approved = gate.approve(&order, 0).unwrap();
        let request = text(encoder.encode(&approved, request_id, 5).unwrap()).to_owned();
        assert!(
            request.ends_with("\"timeInForce\":\"IOC\",\"stp\":\"CN\"}}"),
            "{request}"
        );
    }
    assert!(KucoinEncoder::new(&gate, Some("EXPIRE_TAKER")).is_err());
}

#[test]
fn refusals_leave_the_approval_as_it_was() {
    let gate = Gate::new(1_000).unwrap();
    let signer = Signer::new(b"secret").unwrap();
    let mut encoder = BinanceEncoder::new(&gate, &signer, "key", 2_000, None).unwrap();
    let approved = gate.approve(&ORDER, 0).unwrap();
    assert!(matches!(
        encoder.encode(&approved, 1, 5, -1),
        Err(Error::OutOfRange(_))
    ));
    assert!(matches!(
        encoder.encode(&approved, 1, 1_001, WALL),
        Err(Error::Approval(_))
    ));
    assert!(
        KucoinEncoder::new(&gate, None)
            .unwrap()
            .encode(&approved, 1, 5)
            .is_err()
    );
    assert!(!approved.used());
    encoder.encode(&approved, 1, 5, WALL).unwrap();
}

#[test]
fn the_longest_request_fits_the_buffers() {
    let gate = Gate::new(1_000).unwrap();
    let signer = Signer::new(b"secret").unwrap();
    let key = "k".repeat(128);
    let mut encoder =
        BinanceEncoder::new(&gate, &signer, &key, 60_000, Some("EXPIRE_MAKER")).unwrap();
    let (symbol, id) = ("S".repeat(32), "i".repeat(24));
    let order = Request {
        venue_symbol: &symbol,
        client_id: &id,
        price: i64::MAX,
        qty: i64::MAX,
        ..ORDER
    };
    let approved = gate.approve(&order, 0).unwrap();
    encoder.encode(&approved, u64::MAX, 5, i64::MAX).unwrap();
    assert_eq!(
        (encoder.json.capacity(), encoder.payload.capacity()),
        (ROOM, ROOM)
    );
}

#[test]
fn encoder_settings_are_checked() {
    let gate = Gate::new(1).unwrap();
    let signer = Signer::new(b"s").unwrap();
    for (key, window, stp) in [
        ("", 1, None),
        ("a\"b", 1, None),
        ("a&b", 1, None),
        ("k", 0, None),
        ("k", 60_001, None),
        ("k", 1, Some("MAYBE")),
    ] {
        assert!(BinanceEncoder::new(&gate, &signer, key, window, stp).is_err());
    }
}
