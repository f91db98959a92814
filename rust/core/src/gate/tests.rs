use super::*;

pub(crate) const ORDER: Request<'static> = Request {
    venue: "binance",
    venue_symbol: "XRPUSDT",
    side: 0,
    order_type: 0,
    tif: 1,
    price: 21_234,
    price_decimals: 4,
    qty: 250,
    qty_decimals: 1,
    client_id: "xdABCD1-7a",
};

#[test]
fn one_approval_is_taken_once() {
    let gate = Gate::new(10).unwrap();
    let approved = gate.approve(&ORDER, 100).unwrap();
    assert!(!approved.used());
    approved.take(gate.id(), "binance", 110).unwrap();
    assert!(approved.used());
    assert!(approved.take(gate.id(), "binance", 110).is_err());
}

#[test]
fn refusals_consume_nothing() {
    let (gate, other) = (Gate::new(10).unwrap(), Gate::new(10).unwrap());
    let approved = gate.approve(&ORDER, 100).unwrap();
    assert!(approved.take(other.id(), "binance", 105).is_err());
    assert!(approved.take(gate.id(), "kucoin", 105).is_err());
    assert!(approved.take(gate.id(), "binance", 111).is_err());
    assert!(approved.take(gate.id(), "binance", 99).is_err());
    assert!(!approved.used());
    approved.take(gate.id(), "binance", 105).unwrap();
}

#[test]
fn many_threads_get_one() {
    let gate = Gate::new(10).unwrap();
    let approved = gate.approve(&ORDER, 0).unwrap();
    let taken: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| approved.take(gate.id(), "binance", 1).is_ok()))
            .collect();
        tries
            .into_iter()
            .map(|it| usize::from(it.join().unwrap()))
            .sum()
    });
    assert_eq!(taken, 1);
}

#[test]
fn every_field_is_checked() {
    let gate = Gate::new(10).unwrap();
    let bad = [
        Request { venue: "", ..ORDER },
        Request {
            venue: "Binance",
            ..ORDER
        },
        Request {
            venue_symbol: "XRP\"USDT",
            ..ORDER
        },
        Request {
            venue_symbol: "XRP&USDT",
            ..ORDER
        },
        Request {
            venue_symbol: "",
            ..ORDER
        },
        Request { side: 2, ..ORDER },
        Request { side: -1, ..ORDER },
        Request {
            order_type: 1,
            ..ORDER
        },
        Request { tif: 3, ..ORDER },
        Request { price: 0, ..ORDER },
        Request { price: -1, ..ORDER },
        Request {
            price_decimals: 19,
            ..ORDER
        },
        Request {
            price_decimals: -1,
            ..ORDER
        },
        Request { qty: 0, ..ORDER },
        Request {
            qty_decimals: 256,
            ..ORDER
        },
        Request {
            client_id: "",
            ..ORDER
        },
        Request {
            client_id: "a_b",
            ..ORDER
        },
        Request {
            client_id: "é",
            ..ORDER
        },
        Request {
            client_id: "1234567890123456789012345",
            ..ORDER
        },
    ];
    for request in bad {
        let refused = gate.approve(&request, 0);
        assert!(matches!(refused, Err(Error::OutOfRange(_))), "{request:?}");
    }
    assert!(gate.approve(&ORDER, i64::MAX).is_err());
    assert!(Gate::new(0).is_err());
}
