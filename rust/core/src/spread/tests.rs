use proptest::prelude::*;

use super::*;
use crate::book::{Book, Level, Top};

const MONEY: i128 = 1_000_000_000_000_000_000;

fn rules() -> Rules {
    Rules {
        price_decimals: 4,
        qty_decimals: 1,
        tick: 1,
        lot: 1,
        min_qty: 1,
        max_qty: 1_000_000_000,
        min_notional: 0,
        taker_rate: 100_000,
    }
}

fn params(min_edge: i64, max_qty: Option<&str>) -> SpreadParams {
    let max_qty = max_qty.map(|text| decimal::parse(text.as_bytes()).unwrap());
    SpreadParams { min_edge, max_qty }
}

fn book(rules: &Rules, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Book {
    let mut book = Book::new(rules.price_decimals, rules.qty_decimals).unwrap();
    let run = |pairs: &[(i64, i64)]| pairs.iter().map(|&(p, q)| Level::new(p, q)).collect();
    book.load(run(bids), run(asks)).unwrap();
    book
}

fn detect(detector: &SpreadDetector, buy: &Book, sell: &Book) -> Option<Spread> {
    detector.detect(buy.into(), sell.into())
}

#[test]
fn walks_to_the_last_level_that_pays() {
    let rules = rules();
    let buy = book(
        &rules,
        &[(23_990, 10)],
        &[(24_000, 100), (24_010, 50), (24_200, 1000)],
    );
    let sell = book(
        &rules,
        &[(24_200, 120), (24_150, 100), (24_020, 900)],
        &[(24_210, 10)],
    );
    // 10 bp of edge and 10 bp of fee on each side.
    let detector = SpreadDetector::new(params(100_000, None), rules, rules).unwrap();
    let spread = detect(&detector, &buy, &sell).unwrap();
    assert_eq!((spread.buy_qty, spread.sell_qty), (150, 150));
    assert_eq!((spread.buy_limit, spread.sell_limit), (24_010, 24_150));
    // 10 * 2.4 + 5 * 2.401 and 12 * 2.42 + 3 * 2.415.
    assert_eq!(spread.buy_cost, 36_005 * MONEY / 1000);
    assert_eq!(spread.sell_proceeds, 36_285 * MONEY / 1000);
    assert_eq!(
        spread.profit,
        280 * MONEY / 1000 - 36_005 * MONEY / 1_000_000 - 36_285 * MONEY / 1_000_000
    );
    assert_eq!(spread.edge, 576_892);
    assert_eq!((spread.buy_best_bid, spread.buy_best_ask), (23_990, 24_000));
    assert_eq!(
        (spread.sell_best_bid, spread.sell_best_ask),
        (24_200, 24_210)
    );
    assert_eq!(detect(&detector, &sell, &buy), None);
}

#[test]
fn the_edge_itself_is_enough_and_a_unit_less_is_not() {
    let mut rules = rules();
    rules.taker_rate = 0;
    let buy = book(&rules, &[], &[(10_000, 10)]);
    let detector = SpreadDetector::new(params(100_000, None), rules, rules).unwrap();
    assert!(detect(&detector, &buy, &book(&rules, &[(10_010, 10)], &[])).is_some());
    assert!(detect(&detector, &buy, &book(&rules, &[(10_009, 10)], &[])).is_none());
}

#[test]
fn empty_sides_offer_nothing() {
    let rules = rules();
    let detector = SpreadDetector::new(params(0, None), rules, rules).unwrap();
    let (empty, full) = (
        book(&rules, &[], &[]),
        book(&rules, &[(30_000, 5)], &[(20_000, 5)]),
    );
    assert_eq!(detect(&detector, &empty, &full), None);
    assert_eq!(detect(&detector, &full, &empty), None);
    let spread = detect(
        &detector,
        &book(&rules, &[], &[(1, 5)]),
        &book(&rules, &[(2, 5)], &[]),
    )
    .unwrap();
    assert_eq!((spread.buy_best_bid, spread.sell_best_ask), (0, 0));
}

#[test]
fn both_lots_hold_on_different_scales() {
    let buy_rules = Rules {
        qty_decimals: 1,
        lot: 4,
        ..rules()
    };
    let sell_rules = Rules {
        qty_decimals: 3,
        lot: 250,
        price_decimals: 6,
        ..rules()
    };
    let buy = book(&buy_rules, &[], &[(10_000, 99)]);
    let sell = book(&sell_rules, &[(1_100_000, 5_700)], &[]);
    let detector = SpreadDetector::new(params(0, None), buy_rules, sell_rules).unwrap();
    let spread = detect(&detector, &buy, &sell).unwrap();
    // Lots of 0.4 and 0.25 meet every 2; 5.7 are there.
    assert_eq!((spread.buy_qty, spread.sell_qty), (40, 4_000));
    assert_eq!((spread.buy_limit, spread.sell_limit), (10_000, 1_100_000));
    assert_eq!(
        (spread.buy_cost, spread.sell_proceeds),
        (4 * MONEY, 44 * MONEY / 10)
    );
}

#[test]
fn limits_of_size_hold() {
    let base = rules();
    let (buy, sell) = (
        book(&base, &[], &[(10_000, 100)]),
        book(&base, &[(11_000, 100)], &[]),
    );
    let qty = |params, buy_rules, sell_rules| {
        let detector = SpreadDetector::new(params, buy_rules, sell_rules).unwrap();
        detect(&detector, &buy, &sell).map(|spread| spread.buy_qty)
    };
    assert_eq!(qty(params(0, Some("3.75")), base, base), Some(37));
    assert_eq!(
        qty(
            params(0, None),
            Rules {
                max_qty: 42,
                ..base
            },
            base
        ),
        Some(42)
    );
    assert_eq!(
        qty(
            params(0, None),
            base,
            Rules {
                max_qty: 41,
                ..base
            }
        ),
        Some(41)
    );
    assert_eq!(
        qty(
            params(0, None),
            Rules {
                min_qty: 100,
                ..base
            },
            base
        ),
        Some(100)
    );
    assert_eq!(
        qty(
            params(0, None),
            base,
            Rules {
                min_qty: 101,
                ..base
            }
        ),
        None
    );
    assert_eq!(
        qty(
            params(0, None),
            Rules {
                min_notional: 10 * MONEY,
                ..base
            },
            base
        ),
        Some(100)
    );
    assert_eq!(
        qty(
            params(0, None),
            Rules {
                min_notional: 10 * MONEY + 1,
                ..base
            },
            base
        ),
        None
    );
    assert_eq!(
        qty(
            params(0, None),
            base,
            Rules {
                min_notional: 11 * MONEY,
                ..base
            }
        ),
        Some(100)
    );
    assert_eq!(
        qty(
            params(0, None),
            base,
            Rules {
                min_notional: 11 * MONEY + 1,
                ..base
            }
        ),
        None
    );
}

#[test]
fn a_newer_top_counts() {
    let rules = rules();
    let (buy, sell) = (
        book(&rules, &[], &[(10_000, 100)]),
        book(&rules, &[(11_000, 100)], &[]),
    );
    let detector = SpreadDetector::new(params(0, None), rules, rules).unwrap();
    let gone = BookView::new(
        &sell,
        Top {
            bid: Some(Level::new(9_000, 5)),
            ask: None,
        },
    );
    assert_eq!(detector.detect((&buy).into(), gone), None);
    let better = BookView::new(
        &sell,
        Top {
            bid: Some(Level::new(12_000, 7)),
            ask: None,
        },
    );
    let spread = detector.detect((&buy).into(), better).unwrap();
    assert_eq!((spread.buy_qty, spread.sell_best_bid), (100, 12_000));
    // 0.7 * 1.2 + 9.3 * 1.1.
    assert_eq!(spread.sell_proceeds, 1107 * MONEY / 100);
}

#[test]
fn a_book_finer_than_its_rules_still_gives_valid_orders() {
    let rules = Rules {
        tick: 10,
        ..rules()
    };
    let mut buy = book(&rules, &[(9_990, 1)], &[(10_000, 100)]);
    buy.rescale(6, 3).unwrap();
    buy.set(Side::Ask, 1_000_001, 50_000).unwrap();
    let sell = book(&rules, &[(11_000, 1000)], &[]);
    let detector = SpreadDetector::new(params(0, None), rules, rules).unwrap();
    let spread = detect(&detector, &buy, &sell).unwrap();
    assert_eq!((spread.buy_qty, spread.buy_limit), (600, 10_010));
    assert_eq!(spread.buy_cost, 60 * MONEY + 50 * MONEY / 1_000_000);
    assert_eq!((spread.buy_best_bid, spread.buy_best_ask), (9_990, 10_000));
}

#[test]
fn a_limit_rounded_to_the_tick_must_pay_too() {
    let rules = Rules {
        tick: 10,
        taker_rate: 0,
        ..rules()
    };
    let buy = book(&rules, &[], &[(10_001, 10)]);
    let detector = SpreadDetector::new(params(0, None), rules, rules).unwrap();
    assert_eq!(
        detect(&detector, &buy, &book(&rules, &[(10_008, 10)], &[])),
        None
    );
    let spread = detect(&detector, &buy, &book(&rules, &[(10_018, 10)], &[])).unwrap();
    assert_eq!((spread.buy_limit, spread.sell_limit), (10_010, 10_010));
}

#[test]
fn absurd_numbers_are_no_opportunity() {
    let rules = Rules {
        price_decimals: 0,
        qty_decimals: 0,
        max_qty: i64::MAX,
        ..rules()
    };
    let buy = book(&rules, &[], &[(i64::MAX / 2, i64::MAX)]);
    let sell = book(&rules, &[(i64::MAX, i64::MAX)], &[]);
    let detector = SpreadDetector::new(params(0, None), rules, rules).unwrap();
    assert_eq!(detect(&detector, &buy, &sell), None);
}

#[test]
fn refuses_rules_that_cannot_trade() {
    let good = rules();
    for bad in [
        Rules { tick: 0, ..good },
        Rules { lot: 0, ..good },
        Rules { lot: -1, ..good },
        Rules {
            min_qty: -1,
            ..good
        },
        Rules { max_qty: 0, ..good },
        Rules {
            max_qty: 3,
            min_qty: 4,
            ..good
        },
        Rules {
            max_qty: 3,
            lot: 4,
            ..good
        },
        Rules {
            min_notional: -1,
            ..good
        },
        Rules {
            taker_rate: -1,
            ..good
        },
        Rules {
            taker_rate: RATE_ONE,
            ..good
        },
        Rules {
            price_decimals: 19,
            ..good
        },
        Rules {
            price_decimals: 10,
            qty_decimals: 9,
            ..good
        },
        Rules {
            price_decimals: 15,
            ..good
        },
    ] {
        for (buy, sell) in [(bad, good), (good, bad)] {
            let made = SpreadDetector::new(params(0, None), buy, sell);
            assert!(matches!(made, Err(Error::OutOfRange(_))), "{bad:?}");
        }
    }
    for bad in [
        params(-RATE_ONE, None),
        params(RATE_ONE + 1, None),
        params(0, Some("0.05")),
    ] {
        assert!(matches!(
            SpreadDetector::new(bad, good, good),
            Err(Error::OutOfRange(_))
        ));
    }
}

/// Unit by unit on a scale finer than all, with other arithmetic than the detector's.
fn naive(
    params: &SpreadParams,
    (buy_rules, buy): (&Rules, &Book),
    (sell_rules, sell): (&Rules, &Book),
) -> Option<Spread> {
    let price_unit = |rules: &Rules| 10_i128.pow(u32::from(4 - rules.price_decimals));
    let qty_unit = |rules: &Rules| 10_i128.pow(u32::from(2 - rules.qty_decimals));
    let units = |book: &Book, rules: &Rules, side: Side| -> Vec<i128> {
        book.levels(side)
            .flat_map(|level| {
                let count = i128::from(level.qty) * qty_unit(rules);
                std::iter::repeat_n(i128::from(level.price) * price_unit(rules), count as usize)
            })
            .collect()
    };
    let asks = units(buy, buy_rules, Side::Ask);
    let bids = units(sell, sell_rules, Side::Bid);
    let one = i128::from(RATE_ONE);
    let pays = |ask: i128, bid: i128| {
        let fees = bid * i128::from(sell_rules.taker_rate) + ask * i128::from(buy_rules.taker_rate);
        (bid - ask) * one - fees >= ask * i128::from(params.min_edge)
    };
    let mut count = asks
        .iter()
        .zip(&bids)
        .take_while(|(ask, bid)| pays(**ask, **bid))
        .count();
    let cap = |rules: &Rules| (i128::from(rules.max_qty) * qty_unit(rules)) as usize;
    count = count.min(cap(buy_rules)).min(cap(sell_rules));
    if let Some(max) = params.max_qty {
        count = count.min((max.mantissa * 10_i64.pow(u32::from(2 - max.scale))) as usize);
    }
    let fits = |count: usize, rules: &Rules| {
        count as i128 % (i128::from(rules.lot) * qty_unit(rules)) == 0
    };
    while !fits(count, buy_rules) || !fits(count, sell_rules) {
        count -= 1;
    }
    let least = |rules: &Rules| (i128::from(rules.min_qty) * qty_unit(rules)) as usize;
    if count == 0 || count < least(buy_rules) || count < least(sell_rules) {
        return None;
    }
    // Units of price 10^-4 times quantity 10^-2.
    let money = |value: i128| value * 1_000_000_000_000;
    let buy_cost = money(asks[..count].iter().sum());
    let sell_proceeds = money(bids[..count].iter().sum());
    let worst_value = money(bids[count - 1] * count as i128);
    if buy_cost < buy_rules.min_notional || worst_value < sell_rules.min_notional {
        return None;
    }
    let fee = |value: i128, rules: &Rules| {
        let exact = value * i128::from(rules.taker_rate);
        exact / one + i128::from(exact % one != 0)
    };
    let profit =
        sell_proceeds - fee(sell_proceeds, sell_rules) - buy_cost - fee(buy_cost, buy_rules);
    let best = |level: Option<Level>| level.map_or(0, |level| level.price);
    Some(Spread {
        buy_qty: (count as i128 / qty_unit(buy_rules)) as i64,
        sell_qty: (count as i128 / qty_unit(sell_rules)) as i64,
        buy_limit: (asks[count - 1] / price_unit(buy_rules)) as i64,
        sell_limit: (bids[count - 1] / price_unit(sell_rules)) as i64,
        buy_cost,
        sell_proceeds,
        profit,
        edge: ((profit * one) as f64 / buy_cost as f64).floor() as i64,
        buy_best_bid: best(buy.best_bid()),
        buy_best_ask: best(buy.best_ask()),
        sell_best_bid: best(sell.best_bid()),
        sell_best_ask: best(sell.best_ask()),
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let shape = (2_u8..=4, 0_u8..=2, 1_i64..7, 0_i64..12, 8_i64..60);
    (shape, 0_i64..400_000, 0_i128..4).prop_map(
        |((price_decimals, qty_decimals, lot, min_qty, max_qty), taker_rate, notional)| Rules {
            price_decimals,
            qty_decimals,
            tick: 1,
            lot,
            min_qty,
            max_qty,
            min_notional: notional * MONEY,
            taker_rate,
        },
    )
}

type Pairs = Vec<(i64, i64)>;

fn side() -> impl Strategy<Value = Pairs> {
    // Offsets from a fair price in 10^-4 and quantities: the prices overlap in half the cases.
    prop::collection::btree_map(-300_i64..300, 1_i64..30, 0..8)
        .prop_map(|map| map.into_iter().collect())
}

fn placed(rules: &Rules, bids: &Pairs, asks: &Pairs) -> Book {
    let unit = 10_i64.pow(u32::from(4 - rules.price_decimals));
    let mut book = Book::new(rules.price_decimals, rules.qty_decimals).unwrap();
    for (side, pairs) in [(Side::Bid, bids), (Side::Ask, asks)] {
        for (offset, qty) in pairs {
            book.set(side, (20_000 + offset) / unit, *qty).unwrap();
        }
    }
    book
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn agrees_with_a_walk_unit_by_unit(
        buy_rules in any_rules(), sell_rules in any_rules(),
        bids in side(), asks in side(), other in side(),
        min_edge in -100_000_i64..1_000_000, max in prop::option::of(1_i64..6000),
    ) {
        let max_qty = max.map(|mantissa| Decimal { mantissa, scale: 2 });
        let params = SpreadParams { min_edge, max_qty };
        let buy = placed(&buy_rules, &other, &asks);
        let sell = placed(&sell_rules, &bids, &other);
        let Ok(detector) = SpreadDetector::new(params, buy_rules, sell_rules) else {
            return Ok(());
        };
        let mut want = naive(&params, (&buy_rules, &buy), (&sell_rules, &sell));
        let got = detect(&detector, &buy, &sell);
        if let (Some(got), Some(want)) = (&got, &mut want) {
            // The model's edge goes through a float, so only nearly.
            prop_assert!((got.edge - want.edge).abs() <= 1);
            let exact = got.profit * i128::from(RATE_ONE) - i128::from(got.edge) * got.buy_cost;
            prop_assert!(0 <= exact && exact < got.buy_cost);
            want.edge = got.edge;
        }
        prop_assert_eq!(got, want);
    }

    #[test]
    fn finer_books_change_nothing(
        rules in any_rules(), bids in side(), asks in side(), min_edge in 0_i64..500_000,
    ) {
        let params = SpreadParams { min_edge, max_qty: None };
        let Ok(detector) = SpreadDetector::new(params, rules, rules) else { return Ok(()); };
        let (mut buy, mut sell) = (placed(&rules, &vec![], &asks), placed(&rules, &bids, &vec![]));
        let before = detect(&detector, &buy, &sell);
        buy.rescale(7, 4).unwrap();
        prop_assert_eq!(detect(&detector, &buy, &sell), before);
        sell.rescale(9, 5).unwrap();
        prop_assert_eq!(detect(&detector, &buy, &sell), before);
    }

    #[test]
    fn never_panics(
        prices in prop::array::uniform4(1_i64..), qtys in prop::array::uniform4(1_i64..),
        scales in prop::array::uniform4(0_u8..=18), lot in 1_i64.., tick in 1_i64..,
    ) {
        let rules = |p: u8, q: u8| Rules {
            price_decimals: p, qty_decimals: q, tick, lot, min_qty: 0, max_qty: i64::MAX,
            min_notional: 0, taker_rate: 1000,
        };
        let (buy_rules, sell_rules) = (rules(scales[0], scales[1]), rules(scales[2], scales[3]));
        let level = |i: usize| (prices[i], qtys[i]);
        if let Ok(detector) = SpreadDetector::new(params(-99_999_999, None), buy_rules, sell_rules) {
            let buy = book(&buy_rules, &[], &[level(0)]);
            let sell = book(&sell_rules, &[level(2)], &[]);
            let _ = detect(&detector, &buy, &sell);
        }
    }
}
