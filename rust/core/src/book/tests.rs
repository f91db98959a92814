use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn levels(pairs: &[(i64, i64)]) -> Vec<Level> {
    pairs
        .iter()
        .map(|&(price, qty)| Level::new(price, qty))
        .collect()
}

fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Book {
    let mut book = Book::new(2, 1).unwrap();
    book.load(levels(bids), levels(asks)).unwrap();
    book
}

#[test]
fn keeps_the_best_first() {
    let mut book = Book::new(2, 0).unwrap();
    for price in [100, 103, 101, 102] {
        book.set(Side::Bid, price, price * 10).unwrap();
        book.set(Side::Ask, price + 10, price * 10).unwrap();
    }
    let prices = |side| {
        book.levels(side)
            .map(|level| level.price)
            .collect::<Vec<_>>()
    };
    assert_eq!(prices(Side::Bid), [103, 102, 101, 100]);
    assert_eq!(prices(Side::Ask), [110, 111, 112, 113]);
    assert_eq!(book.best_bid(), Some(Level::new(103, 1030)));
    assert_eq!(book.best_ask(), Some(Level::new(110, 1000)));
    assert_eq!((book.len(), book.levels(Side::Bid).len()), (8, 4));
}

#[test]
fn zero_removes_and_removing_nothing_is_nothing() {
    let mut book = book(&[(100, 5), (99, 4)], &[(101, 1)]);
    book.set(Side::Bid, 100, 0).unwrap();
    book.set(Side::Bid, 98, 0).unwrap();
    book.set(Side::Ask, 101, 0).unwrap();
    assert_eq!(book.best_bid(), Some(Level::new(99, 4)));
    assert_eq!(book.best_ask(), None);
    assert_eq!(book.qty_at(Side::Bid, 99), 4);
    assert_eq!(book.qty_at(Side::Bid, 100), 0);
    assert!(!book.is_empty());
    book.clear();
    assert!(book.is_empty() && book.best_bid().is_none());
}

#[test]
fn refuses_impossible_levels() {
    let mut book = book(&[(100, 5)], &[]);
    let before = book.clone();
    for (price, qty) in [(0, 1), (-1, 1), (100, -1), (i64::MIN, 0)] {
        assert!(matches!(
            book.set(Side::Bid, price, qty),
            Err(Error::OutOfRange(_))
        ));
        assert!(matches!(
            book.load(vec![], levels(&[(price, qty)])),
            Err(Error::OutOfRange(_))
        ));
    }
    assert!(
        book.load(levels(&[(1, 1)]), levels(&[(5, 1), (6, 1), (5, 2)]))
            .is_err()
    );
    assert_eq!(book, before);
    assert!(Book::new(19, 0).is_err() && Book::new(0, 19).is_err());
}

#[test]
fn loads_any_order_and_drops_zeros() {
    let book = book(
        &[(99, 1), (101, 3), (100, 2), (98, 0)],
        &[(105, 2), (104, 1)],
    );
    assert_eq!(book.run(Side::Bid), levels(&[(99, 1), (100, 2), (101, 3)]));
    assert_eq!(book.run(Side::Ask), levels(&[(105, 2), (104, 1)]));
}

#[test]
fn knows_when_it_is_crossed() {
    assert!(!book(&[(100, 1)], &[(101, 1)]).is_crossed());
    assert!(book(&[(101, 1)], &[(101, 1)]).is_crossed());
    assert!(book(&[(102, 1)], &[(101, 1)]).is_crossed());
    assert!(!book(&[(102, 1)], &[]).is_crossed());
}

#[test]
fn rescales_all_or_nothing() {
    let mut book = book(&[(100, 5), (99, 4)], &[(i64::MAX / 100, 7)]);
    book.rescale(4, 3).unwrap();
    assert_eq!((book.price_decimals(), book.qty_decimals()), (4, 3));
    assert_eq!(book.best_bid(), Some(Level::new(10_000, 500)));
    let before = book.clone();
    assert!(matches!(book.rescale(5, 3), Err(Error::OutOfRange(_))));
    assert!(matches!(book.rescale(4, 0), Err(Error::OutOfRange(_))));
    assert!(matches!(book.rescale(4, 19), Err(Error::OutOfRange(_))));
    assert_eq!(book, before);
    book.rescale(2, 1).unwrap();
    assert_eq!(book.best_bid(), Some(Level::new(100, 5)));
}

#[test]
fn texts_rescale_the_book_when_finer() {
    let mut book = book(&[(1000, 5)], &[]);
    book.set_text(Side::Ask, b"1.2340", b"0.05").unwrap();
    assert_eq!((book.price_decimals(), book.qty_decimals()), (3, 2));
    assert_eq!(book.best_bid(), Some(Level::new(10_000, 50)));
    assert_eq!(book.best_ask(), Some(Level::new(1_234, 5)));
    book.set_text(Side::Ask, b"1.234", b"0.000").unwrap();
    assert_eq!(book.best_ask(), None);
    let before = book.clone();
    for (price, qty) in [
        (&b"0"[..], &b"1"[..]),
        (b"1e5", b"1"),
        (b"1", b"-1"),
        (b"0.00001", b"x"),
        (b"0", b"0.00001"),
        (b"1.000000000000000001", b"1"),
        (b"99999999999999999999", b"1"),
        (b"0.0000000000000000001", b"1"),
    ] {
        assert!(book.set_text(Side::Bid, price, qty).is_err());
        assert_eq!(book, before);
    }
}

#[test]
fn a_newer_top_hides_what_it_outdates() {
    let book = book(&[(100, 5), (99, 4), (98, 3)], &[(102, 1), (103, 2)]);
    let top = Top {
        bid: Some(Level::new(99, 9)),
        ask: Some(Level::new(101, 8)),
    };
    let view = BookView::new(&book, top);
    assert_eq!(
        view.levels(Side::Bid).collect::<Vec<_>>(),
        levels(&[(99, 9), (98, 3)])
    );
    assert_eq!(
        view.levels(Side::Ask).collect::<Vec<_>>(),
        levels(&[(101, 8), (102, 1), (103, 2)])
    );
    assert_eq!(view.best(Side::Bid), Some(Level::new(99, 9)));
    let plain = BookView::from(&book);
    assert_eq!(plain.best(Side::Bid), book.best_bid());
    assert_eq!(
        plain.levels(Side::Ask).collect::<Vec<_>>(),
        levels(&[(102, 1), (103, 2)])
    );
    let worse = BookView::new(
        &book,
        Top {
            bid: Some(Level::new(1, 1)),
            ask: None,
        },
    );
    assert_eq!(worse.levels(Side::Bid).len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Set(Side, i64, i64),
    Rescale(u8, u8),
    Load(Vec<(i64, i64)>),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    prop_oneof![
        // Few prices, so that removals and replacements are common; many, so that runs get long.
        40 => (side.clone(), 1_i64..60, 0_i64..4).prop_map(|(s, p, q)| Step::Set(s, p, q)),
        20 => (side, 1_i64..5000, 1_i64..4).prop_map(|(s, p, q)| Step::Set(s, p, q)),
        1 => (0_u8..3, 0_u8..3).prop_map(|(p, q)| Step::Rescale(p, q)),
        1 => prop::collection::btree_map(1_i64..200, 0_i64..5, 0..60)
            .prop_map(|map| Step::Load(map.into_iter().collect())),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn agrees_with_two_maps(steps in prop::collection::vec(step(), 1..300)) {
        // The model keeps values at the finest scale the steps can reach.
        let mut book = Book::new(0, 0).unwrap();
        let mut bids = BTreeMap::new();
        let mut asks = BTreeMap::new();
        for step in steps {
            match step {
                Step::Set(side, price, qty) => {
                    book.set(side, price, qty).unwrap();
                    let map = if side == Side::Bid { &mut bids } else { &mut asks };
                    if qty == 0 { map.remove(&price); } else { map.insert(price, qty); }
                }
                Step::Rescale(p, q) => {
                    let (fp, fq) = (book.price_decimals(), book.qty_decimals());
                    let exact = |map: &BTreeMap<i64, i64>| -> Option<BTreeMap<i64, i64>> {
                        map.iter().map(|(price, qty)| {
                            let (up, uq) = (price * 100 / 10_i64.pow(fp.into()), qty * 100 / 10_i64.pow(fq.into()));
                            let (dp, dq) = (100 / 10_i64.pow(p.into()), 100 / 10_i64.pow(q.into()));
                            (up % dp == 0 && uq % dq == 0).then_some((up / dp, uq / dq))
                        }).collect()
                    };
                    let moved = exact(&bids).zip(exact(&asks));
                    prop_assert_eq!(book.rescale(p, q).is_ok(), moved.is_some());
                    if let Some((b, a)) = moved { (bids, asks) = (b, a); }
                }
                Step::Load(pairs) => {
                    book.load(levels(&pairs), levels(&pairs)).unwrap();
                    bids = pairs.iter().copied().filter(|pair| pair.1 != 0).collect();
                    asks = bids.clone();
                }
                Step::Clear => { book.clear(); bids.clear(); asks.clear(); }
            }
            let pairs = |side| book.levels(side).map(|l| (l.price, l.qty)).collect::<Vec<_>>();
            prop_assert_eq!(pairs(Side::Bid), bids.iter().rev().map(|(p, q)| (*p, *q)).collect::<Vec<_>>());
            prop_assert_eq!(pairs(Side::Ask), asks.iter().map(|(p, q)| (*p, *q)).collect::<Vec<_>>());
            prop_assert_eq!(book.len(), bids.len() + asks.len());
            prop_assert_eq!(book.best_bid().map(|l| l.price), bids.keys().next_back().copied());
            prop_assert_eq!(book.best_ask().map(|l| l.price), asks.keys().next().copied());
        }
    }

    #[test]
    fn a_view_is_the_book_below_its_top(
        prices in prop::collection::btree_set(1_i64..60, 0..30), top in 1_i64..60, bid: bool,
    ) {
        let side = if bid { Side::Bid } else { Side::Ask };
        let mut book = Book::new(0, 0).unwrap();
        for &price in &prices { book.set(side, price, 1).unwrap(); }
        let level = Some(Level::new(top, 7));
        let over = if bid { Top { bid: level, ask: None } } else { Top { bid: None, ask: level } };
        let seen: Vec<_> = BookView::new(&book, over).levels(side).map(|l| l.price).collect();
        let mut want: Vec<_> = prices.into_iter().filter(|p| if bid { *p < top } else { *p > top }).collect();
        want.push(top);
        want.sort_unstable();
        if bid { want.reverse(); }
        prop_assert_eq!(seen, want);
    }
}
