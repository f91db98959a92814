//! The state machine, transition by transition.

use super::*;
use crate::Error;
use crate::book::{Level, Side};
use crate::decimal::Decimal;
use crate::wire::NO_SEQUENCE;

fn value(mantissa: i64, scale: u8) -> Decimal {
    Decimal { mantissa, scale }
}

fn change(side: Side, price: i64, qty: i64, sequence: u64) -> Change {
    Change {
        side,
        price: value(price, 0),
        qty: value(qty, 0),
        sequence,
    }
}

fn span(first: u64, last: u64) -> Span {
    Span {
        first,
        last,
        stamp: Stamp {
            data_ns: last as i64,
            recv_ns: last as i64 + 1,
        },
    }
}

fn bid(price: i64, qty: i64) -> Change {
    change(Side::Bid, price, qty, NO_SEQUENCE)
}

fn ask(price: i64, qty: i64) -> Change {
    change(Side::Ask, price, qty, NO_SEQUENCE)
}

fn snapshot(sync: &mut BookSync, sequence: u64) -> State {
    let loaded = Snapshot {
        sequence,
        event_ns: None,
    };
    sync.on_snapshot(loaded, &[bid(10, 1), ask(20, 2)], Stamp::NEVER)
        .unwrap()
}

fn live() -> BookSync {
    let mut sync = BookSync::new(0, 0).unwrap();
    assert_eq!(snapshot(&mut sync, 100), State::Live);
    sync
}

#[test]
fn a_snapshot_and_what_was_kept_make_it_live() {
    let mut sync = BookSync::new(0, 0).unwrap();
    assert_eq!(sync.state(), State::Empty);
    assert!(sync.on_depth(span(99, 99), &[bid(10, 9)]).unwrap());
    assert_eq!(sync.state(), State::Syncing);
    assert!(!sync.on_depth(span(100, 102), &[bid(11, 3)]).unwrap());
    assert!(!sync.on_depth(span(103, 103), &[ask(20, 0)]).unwrap());
    assert_eq!(snapshot(&mut sync, 100), State::Live);
    assert_eq!(sync.sequence(), 103);
    assert_eq!(sync.stamp().data_ns, 103);
    assert_eq!(sync.book().qty_at(Side::Bid, 10), 1, "99 is older");
    assert_eq!(sync.book().best_bid(), Some(Level::new(11, 3)));
    assert_eq!(sync.book().best_ask(), None);
}

#[test]
fn a_snapshot_too_old_is_asked_for_again() {
    let mut sync = BookSync::new(0, 0).unwrap();
    sync.on_depth(span(102, 103), &[bid(11, 3)]).unwrap();
    assert_eq!(snapshot(&mut sync, 100), State::Syncing);
    assert!(sync.book().is_empty());
    assert_eq!(snapshot(&mut sync, 101), State::Live, "102 follows");
    assert_eq!(sync.sequence(), 103);
}

#[test]
fn a_snapshot_newer_than_everything_kept() {
    let mut sync = BookSync::new(0, 0).unwrap();
    sync.on_depth(span(50, 60), &[bid(11, 3)]).unwrap();
    assert_eq!(snapshot(&mut sync, 100), State::Live);
    assert_eq!(sync.sequence(), 100);
    assert_eq!(sync.book().qty_at(Side::Bid, 11), 0);
}

#[test]
fn old_frames_are_dropped_and_overlaps_applied() {
    let mut sync = live();
    assert!(!sync.on_depth(span(98, 100), &[bid(10, 99)]).unwrap());
    assert_eq!(sync.book().qty_at(Side::Bid, 10), 1);
    let straddling = [change(Side::Bid, 10, 7, 99), change(Side::Bid, 9, 5, 102)];
    assert!(sync.on_depth(span(98, 103), &straddling).unwrap());
    assert_eq!(
        sync.book().qty_at(Side::Bid, 10),
        1,
        "its own sequence is old"
    );
    assert_eq!(sync.book().qty_at(Side::Bid, 9), 5);
    assert_eq!((sync.sequence(), sync.state()), (103, State::Live));
}

#[test]
fn a_gap_shows_at_once_and_its_frames_wait() {
    let mut sync = live();
    assert!(sync.on_depth(span(102, 102), &[bid(11, 1)]).unwrap());
    assert_eq!((sync.state(), sync.sequence()), (State::Gap, 100));
    assert_eq!(sync.book().qty_at(Side::Bid, 11), 0);
    assert!(!sync.on_depth(span(103, 104), &[bid(12, 1)]).unwrap());
    assert_eq!(sync.state(), State::Gap);
    assert_eq!(snapshot(&mut sync, 100), State::Syncing);
    assert_eq!(snapshot(&mut sync, 101), State::Live);
    assert_eq!(sync.sequence(), 104);
    assert_eq!(sync.book().best_bid(), Some(Level::new(12, 1)));
}

#[test]
fn a_gap_in_what_was_kept_leaves_its_newer_part() {
    let mut sync = BookSync::new(0, 0).unwrap();
    for at in [101, 102, 105, 104, 106] {
        sync.on_depth(span(at, at), &[bid(11, at as i64)]).unwrap();
    }
    assert_eq!(snapshot(&mut sync, 100), State::Syncing);
    assert_eq!(snapshot(&mut sync, 103), State::Syncing);
    assert_eq!(snapshot(&mut sync, 104), State::Live);
    assert_eq!(sync.sequence(), 106);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut sync = BookSync::new(0, 0).unwrap();
    let last = MAX_FRAMES as u64 + 5;
    for at in 1..=last {
        sync.on_depth(span(at, at), &[bid(11, 1)]).unwrap();
    }
    assert!(sync.kept.len() <= MAX_FRAMES);
    assert_eq!(snapshot(&mut sync, 1), State::Syncing);
    assert_eq!(snapshot(&mut sync, last), State::Live);
    let mut sync = BookSync::new(0, 0).unwrap();
    let wide = vec![bid(11, 1); MAX_CHANGES / 2];
    for at in 1..=5 {
        sync.on_depth(span(at, at), &wide).unwrap();
        assert!(sync.kept_changes.len() <= MAX_CHANGES);
    }
}

#[test]
fn crossed_levels_end_it() {
    for price in [20, 21] {
        let mut sync = live();
        assert!(sync.on_depth(span(101, 101), &[bid(price, 1)]).unwrap());
        assert_eq!(sync.state(), State::Crossed);
        assert!(!sync.on_depth(span(102, 102), &[bid(price, 0)]).unwrap());
        assert_eq!(sync.state(), State::Crossed);
        assert_eq!(snapshot(&mut sync, 101), State::Live);
        assert_eq!(sync.sequence(), 102);
    }
    let mut sync = BookSync::new(0, 0).unwrap();
    sync.on_depth(span(101, 101), &[bid(30, 1)]).unwrap();
    assert_eq!(snapshot(&mut sync, 100), State::Crossed);
}

#[test]
fn stale_and_resync() {
    let mut sync = BookSync::new(0, 0).unwrap();
    sync.stale();
    assert_eq!(sync.state(), State::Empty);
    let mut sync = live();
    sync.stale();
    assert_eq!(sync.state(), State::Stale);
    sync.on_depth(span(101, 101), &[bid(11, 1)]).unwrap();
    assert_eq!(sync.state(), State::Stale);
    sync.resync();
    assert_eq!(sync.state(), State::Syncing);
    assert_eq!(snapshot(&mut sync, 100), State::Live);
    assert_eq!(sync.sequence(), 100, "nothing kept");
}

#[test]
fn a_snapshot_while_live_never_turns_back() {
    let mut sync = live();
    sync.on_depth(span(101, 101), &[bid(11, 1)]).unwrap();
    assert_eq!(snapshot(&mut sync, 100), State::Live);
    assert_eq!(
        (sync.sequence(), sync.book().qty_at(Side::Bid, 11)),
        (101, 1)
    );
    assert_eq!(snapshot(&mut sync, 150), State::Live);
    assert_eq!(
        (sync.sequence(), sync.book().qty_at(Side::Bid, 11)),
        (150, 0)
    );
}

#[test]
fn numbering_that_started_over_is_a_gap() {
    let mut sync = live();
    for _ in 0..MAX_OLD {
        assert!(!sync.on_depth(span(1, 1), &[]).unwrap());
    }
    assert!(sync.on_depth(span(1, 1), &[]).unwrap());
    assert_eq!(sync.state(), State::Gap);
}

#[test]
fn finer_values_rescale_exactly() {
    let mut sync = live();
    let finer = Change {
        price: value(105, 1),
        qty: value(25, 2),
        ..bid(0, 0)
    };
    sync.on_depth(span(101, 101), &[ask(20, 3), finer]).unwrap();
    let book = sync.book();
    assert_eq!((book.price_decimals(), book.qty_decimals()), (1, 2));
    assert_eq!(book.best_bid(), Some(Level::new(105, 25)));
    assert_eq!(book.best_ask(), Some(Level::new(200, 300)));
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut sync = live();
    let before = sync.book().clone();
    let finest = Change {
        qty: value(1, 18),
        ..bid(11, 0)
    };
    let largest = bid(12, i64::MAX);
    assert!(
        sync.on_depth(span(101, 101), &[bid(9, 9), finest, largest])
            .is_err()
    );
    assert_eq!((sync.state(), sync.sequence()), (State::Live, 100));
    assert_eq!(sync.book(), &before);
    let loaded = Snapshot {
        sequence: 200,
        event_ns: None,
    };
    for bad in [vec![bid(9, 1), bid(9, 2)], vec![finest, largest]] {
        assert!(matches!(
            sync.on_snapshot(loaded, &bad, Stamp::NEVER),
            Err(Error::Malformed(_))
        ));
        assert_eq!(sync.book(), &before);
        assert_eq!((sync.state(), sync.sequence()), (State::Live, 100));
    }
}

#[test]
fn a_top_from_elsewhere_widens_the_book() {
    let mut sync = live();
    let top = sync.top(Some((value(105, 1), value(1, 0))), None).unwrap();
    assert_eq!(top.bid, Some(Level::new(105, 1)));
    assert_eq!(sync.book().best_bid(), Some(Level::new(100, 1)));
    assert!(
        sync.top(Some((value(i64::MAX, 0), value(1, 0))), None)
            .is_err()
    );
    assert_eq!(sync.book().price_decimals(), 1);
}
