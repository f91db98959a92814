use proptest::prelude::*;

use super::*;

fn order(id: u64, side: Side, price: i64, qty: i64, tif: TimeInForce) -> Incoming {
    Incoming {
        id,
        owner: id,
        side,
        price,
        qty,
        tif,
        self_trade: SelfTrade::Allow,
    }
}

fn gtc(book: &mut Matching, id: u64, side: Side, price: i64, qty: i64) -> Outcome {
    book.place(order(id, side, price, qty, TimeInForce::Gtc))
        .unwrap()
}

/// A book whose best ask of 5 is owner 7's, before one of 4 of somebody else, and what an order of
/// owner 7 for 8 then does.
fn own_ask(self_trade: SelfTrade, tif: TimeInForce) -> (Matching, Outcome) {
    let mut book = Matching::new();
    let own = Incoming {
        owner: 7,
        ..order(1, Side::Ask, 100, 5, TimeInForce::Gtc)
    };
    book.place(own).unwrap();
    gtc(&mut book, 2, Side::Ask, 100, 4);
    let taker = Incoming {
        owner: 7,
        self_trade,
        ..order(3, Side::Bid, 100, 8, tif)
    };
    let outcome = book.place(taker).unwrap();
    (book, outcome)
}

/// (maker order, taker quantity lost, maker quantity lost), trades, resting, what is left of 1.
type SelfTradeRow = (Vec<(u64, i64, i64)>, Vec<(u64, i64)>, i64, Option<i64>);

#[test]
fn self_trades_are_prevented_as_the_incoming_order_says() {
    let rows: [(SelfTrade, SelfTradeRow); 5] = [
        (SelfTrade::Allow, (vec![], vec![(1, 5), (2, 3)], 0, None)),
        (
            SelfTrade::ExpireTaker,
            (vec![(1, 8, 0)], vec![], 0, Some(5)),
        ),
        (
            SelfTrade::ExpireMaker,
            (vec![(1, 0, 5)], vec![(2, 4)], 4, None),
        ),
        (SelfTrade::ExpireBoth, (vec![(1, 8, 5)], vec![], 0, None)),
        (
            SelfTrade::Decrement,
            (vec![(1, 5, 5)], vec![(2, 3)], 0, None),
        ),
    ];
    for (rule, (prevented, trades, resting, left)) in rows {
        let (book, outcome) = own_ask(rule, TimeInForce::Gtc);
        let rows: Vec<_> = outcome
            .prevented
            .iter()
            .map(|p| (p.maker_order, p.taker_qty, p.maker_qty))
            .collect();
        assert_eq!(rows, prevented, "{rule:?}");
        let rows: Vec<_> = outcome
            .trades
            .iter()
            .map(|t| (t.maker_order, t.qty))
            .collect();
        assert_eq!(rows, trades, "{rule:?}");
        assert_eq!((outcome.resting, outcome.cancelled), (resting, 0));
        assert_eq!(book.remaining(1), left, "{rule:?}");
    }
}

#[test]
fn own_orders_do_not_fill_a_fok() {
    let (book, outcome) = own_ask(SelfTrade::ExpireMaker, TimeInForce::Fok);
    assert_eq!((outcome.cancelled, outcome.trades.len()), (8, 0));
    assert_eq!(book.remaining(1), Some(5));
}

#[test]
fn a_part_can_be_cancelled_and_the_order_keeps_its_place() {
    let mut book = Matching::new();
    gtc(&mut book, 1, Side::Ask, 100, 5);
    gtc(&mut book, 2, Side::Ask, 100, 5);
    assert_eq!(book.cancel_part(1, 3), Some(2));
    for (id, qty) in [(1, 2), (1, 0), (1, -1), (9, 1)] {
        assert_eq!(book.cancel_part(id, qty), None);
    }
    assert_eq!(book.best(Side::Ask), Some((100, 7)));
    let outcome = gtc(&mut book, 3, Side::Bid, 100, 3);
    let makers: Vec<_> = outcome.trades.iter().map(|t| t.maker_order).collect();
    assert_eq!(makers, [1, 2]);
}

#[test]
fn older_orders_trade_first_at_one_price() {
    let mut book = Matching::new();
    gtc(&mut book, 1, Side::Ask, 100, 5);
    gtc(&mut book, 2, Side::Ask, 100, 5);
    gtc(&mut book, 3, Side::Ask, 99, 1);
    let outcome = gtc(&mut book, 4, Side::Bid, 100, 7);
    let makers: Vec<_> = outcome
        .trades
        .iter()
        .map(|t| (t.maker_order, t.price, t.qty))
        .collect();
    assert_eq!(makers, [(3, 99, 1), (1, 100, 5), (2, 100, 1)]);
    assert_eq!((outcome.resting, outcome.cancelled), (0, 0));
    assert_eq!(book.remaining(2), Some(4));
    gtc(&mut book, 5, Side::Bid, 90, 1);
    assert_eq!(book.resting(2, Side::Ask), [2]);
    assert_eq!(book.resting(2, Side::Bid), Vec::<u64>::new());
}

#[test]
fn ioc_never_rests_and_fok_is_all_or_nothing() {
    let mut book = Matching::new();
    gtc(&mut book, 1, Side::Bid, 50, 3);
    let ioc = book
        .place(order(2, Side::Ask, 50, 5, TimeInForce::Ioc))
        .unwrap();
    assert_eq!((ioc.resting, ioc.cancelled, ioc.trades.len()), (0, 2, 1));
    assert_eq!(book.best(Side::Ask), None);
    gtc(&mut book, 3, Side::Bid, 50, 3);
    let fok = book
        .place(order(4, Side::Ask, 50, 4, TimeInForce::Fok))
        .unwrap();
    assert_eq!((fok.cancelled, fok.trades.len()), (4, 0));
    let fok = book
        .place(order(5, Side::Ask, 50, 3, TimeInForce::Fok))
        .unwrap();
    assert_eq!((fok.cancelled, fok.trades.len()), (0, 1));
}

#[test]
fn somebody_can_trade_with_an_order_out_of_turn() {
    let mut book = Matching::new();
    gtc(&mut book, 1, Side::Ask, 100, 5);
    gtc(&mut book, 2, Side::Ask, 101, 5);
    assert_eq!(book.trade_with(2, 3), Some((1, 101)));
    assert_eq!(book.trade_with(2, 3), None);
    assert_eq!(book.trade_with(9, 1), None);
    assert_eq!(book.levels(Side::Ask, 9), [(100, 5), (101, 2)]);
    let outcome = gtc(&mut book, 3, Side::Bid, 101, 6);
    let ids: Vec<_> = outcome.trades.iter().map(|t| t.trade_id).collect();
    assert_eq!(ids, [2, 3]);
}

#[test]
fn refusals_change_nothing() {
    let mut book = Matching::new();
    gtc(&mut book, 1, Side::Bid, 50, i64::MAX);
    book.take_changes();
    for (id, price, qty) in [(2, 0, 1), (2, 1, 0), (2, -1, 1), (1, 50, 1), (2, 50, 1)] {
        assert!(
            book.place(order(id, Side::Bid, price, qty, TimeInForce::Gtc))
                .is_err()
        );
    }
    assert_eq!(book.levels(Side::Bid, 9), [(50, i64::MAX)]);
    assert!(book.take_changes().is_empty());
}

/// A list of resting orders, scanned whole for every step.
#[derive(Default)]
struct Naive {
    orders: Vec<(u64, Side, i64, i64)>,
}

impl Naive {
    fn place(
        &mut self,
        id: u64,
        side: Side,
        price: i64,
        qty: i64,
        tif: TimeInForce,
    ) -> Vec<(u64, i64, i64)> {
        let fits = |p: i64| {
            if side == Side::Bid {
                p <= price
            } else {
                p >= price
            }
        };
        let mut others: Vec<usize> = (0..self.orders.len())
            .filter(|&i| self.orders[i].1 != side && fits(self.orders[i].2))
            .collect();
        others.sort_by_key(|&i| {
            if side == Side::Bid {
                self.orders[i].2
            } else {
                -self.orders[i].2
            }
        });
        let total: i64 = others.iter().map(|&i| self.orders[i].3).sum();
        if tif == TimeInForce::Fok && total < qty {
            return Vec::new();
        }
        let (mut left, mut trades) = (qty, Vec::new());
        for i in others {
            let traded = left.min(self.orders[i].3);
            if traded > 0 {
                trades.push((self.orders[i].0, self.orders[i].2, traded));
                self.orders[i].3 -= traded;
                left -= traded;
            }
        }
        self.orders.retain(|order| order.3 > 0);
        if left > 0 && tif == TimeInForce::Gtc {
            self.orders.push((id, side, price, left));
        }
        trades
    }

    fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        let mut sums = BTreeMap::new();
        for order in self.orders.iter().filter(|order| order.1 == side) {
            *sums.entry(order.2).or_insert(0) += order.3;
        }
        let mut levels: Vec<_> = sums.into_iter().collect();
        if side == Side::Bid {
            levels.reverse();
        }
        levels
    }
}

proptest! {
    #[test]
    fn agrees_with_the_naive_model(
        steps in prop::collection::vec((0..4_u8, any::<bool>(), 1..12_i64, 1..9_i64, 0..60_u64), 1..120)
    ) {
        let (mut book, mut naive) = (Matching::new(), Naive::default());
        let mut mirror: BTreeMap<(bool, i64), i64> = BTreeMap::new();
        for (n, (kind, bid, price, qty, other)) in steps.into_iter().enumerate() {
            let side = if bid { Side::Bid } else { Side::Ask };
            let id = n as u64;
            if kind == 3 {
                let known = naive.orders.iter().position(|order| order.0 == other);
                let removed = known.map(|i| naive.orders.remove(i).3);
                prop_assert_eq!(book.cancel(other), removed);
            } else {
                let tif = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][kind as usize];
                let outcome = book.place(order(id, side, price, qty, tif)).unwrap();
                let trades: Vec<_> =
                    outcome.trades.iter().map(|t| (t.maker_order, t.price, t.qty)).collect();
                prop_assert_eq!(&trades, &naive.place(id, side, price, qty, tif));
                let traded: i64 = trades.iter().map(|t| t.2).sum();
                prop_assert_eq!(traded + outcome.resting + outcome.cancelled, qty);
            }
            for (side, price, qty) in book.take_changes() {
                if qty == 0 {
                    mirror.remove(&(side == Side::Ask, price));
                } else {
                    mirror.insert((side == Side::Ask, price), qty);
                }
            }
            for side in [Side::Bid, Side::Ask] {
                let levels = book.levels(side, 99);
                prop_assert_eq!(&levels, &naive.levels(side));
                let mirrored = mirror.range((side == Side::Ask, 0)..=(side == Side::Ask, 99)).count();
                prop_assert_eq!(mirrored, levels.len());
            }
            if let (Some((bid, _)), Some((ask, _))) = (book.best(Side::Bid), book.best(Side::Ask)) {
                prop_assert!(bid < ask);
            }
        }
    }
}
