//! One synchronisation state machine for every venue's book.
//!
//! `EMPTY → SYNCING → LIVE → (GAP | STALE | CROSSED) → SYNCING`. Only a LIVE book may be read by a
//! strategy. Frames cover sequence numbers `first..=last`:
//! - `last` at or below the book's sequence: old, dropped;
//! - `first` beyond the next number: a gap, the book is no longer LIVE;
//! - else the changes whose own sequence is newer than the book's are applied, all or none, and the
//!   book's sequence is `last`.
//!
//! What is a venue's own is in its decoder: KuCoin's changes carry a sequence each, so that a frame
//! that straddles the snapshot is applied in part; Binance's carry none and count as newer.
//!
//! A book that is not LIVE keeps the frames that come in, so that the snapshot which is on its way
//! finds what followed it.

use crate::book::{Book, Level, Side, Top};
use crate::decimal::Decimal;
use crate::wire::{Change, Quote, Snapshot};
use crate::{Error, Result};

/// Frames kept while no snapshot fits; at one more all are dropped and a newer snapshot is needed.
pub const MAX_FRAMES: usize = 16_384;
/// Changes kept in all.
pub const MAX_CHANGES: usize = 131_072;
/// Old frames in a row after which the venue's numbering must have started over.
const MAX_OLD: u32 = 4_096;

const POW10: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// State of a book's synchronisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing has come yet.
    Empty,
    /// Waiting for a snapshot that fits the frames kept.
    Syncing,
    /// In step with the venue.
    Live,
    /// A frame is missing.
    Gap,
    /// The stream ended.
    Stale,
    /// Bids reach asks: the levels cannot be right.
    Crossed,
}

impl State {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::Syncing => "SYNCING",
            Self::Live => "LIVE",
            Self::Gap => "GAP",
            Self::Stale => "STALE",
            Self::Crossed => "CROSSED",
        }
    }
}

/// When a frame's content was true and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Bound on the age of the data, monotonic nanoseconds.
    pub data_ns: i64,
    /// When it was received.
    pub recv_ns: i64,
}

impl Stamp {
    /// Data of which nothing is known: infinitely old.
    pub const NEVER: Self = Self {
        data_ns: i64::MIN,
        recv_ns: i64::MIN,
    };
}

/// The sequence numbers of one depth frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First number covered.
    pub first: u64,
    /// Last number covered.
    pub last: u64,
    /// When its content was true.
    pub stamp: Stamp,
}

/// A frame kept for the snapshot: its span and how many of the kept changes are its own.
#[derive(Debug, Clone, Copy)]
struct Kept {
    span: Span,
    changes: usize,
}

/// A book and the sequence number that it is at.
#[derive(Debug, Clone)]
struct Ladder {
    book: Book,
    sequence: u64,
    stamp: Stamp,
    /// Changes in the units of the book, on their way into it.
    staged: Vec<(Side, Level)>,
}

enum Step {
    Old,
    Gap,
    Applied,
}

impl Ladder {
    #[inline]
    fn step(&mut self, span: Span, changes: &[Change]) -> Result<Step> {
        if span.last <= self.sequence {
            return Ok(Step::Old);
        }
        if span.first > self.sequence + 1 {
            return Ok(Step::Gap);
        }
        if !self.stage(changes) {
            self.widen(changes)?;
        }
        for (side, level) in &self.staged {
            // Cannot fail: the scanner reads nothing negative, the decoders no price of zero.
            self.book.set(*side, level.price, level.qty)?;
        }
        self.sequence = span.last;
        self.stamp = span.stamp;
        Ok(Step::Applied)
    }

    /// Converts what is newer than the book; false when a value does not fit the book's scales.
    #[inline]
    fn stage(&mut self, changes: &[Change]) -> bool {
        let (price_decimals, qty_decimals) = (self.book.price_decimals(), self.book.qty_decimals());
        self.staged.clear();
        for change in changes {
            if change.sequence <= self.sequence {
                continue;
            }
            let Some(level) = level(change.price, change.qty, price_decimals, qty_decimals) else {
                return false;
            };
            self.staged.push((change.side, level));
        }
        true
    }

    /// The same at scales that take every value; changes nothing unless all fit.
    #[cold]
    fn widen(&mut self, changes: &[Change]) -> Result<()> {
        let newer = || {
            changes
                .iter()
                .filter(|change| change.sequence > self.sequence)
        };
        let (price_decimals, qty_decimals) = scales(newer(), &self.book);
        let staged = newer()
            .map(|change| {
                let level = exact_level(change.price, change.qty, price_decimals, qty_decimals)?;
                Ok((change.side, level))
            })
            .collect::<Result<Vec<_>>>()?;
        widen(&mut self.book, price_decimals, qty_decimals)?;
        self.staged.clear();
        self.staged.extend(staged);
        Ok(())
    }
}

/// Rescales exactly; changes nothing when a level does not fit.
fn widen(book: &mut Book, price_decimals: u8, qty_decimals: u8) -> Result<()> {
    book.rescale(price_decimals, qty_decimals)
        .map_err(|error| Error::Malformed(format!("too fine for this book: {error}")))
}

/// The finest scales among the book's own and those of `changes`.
fn scales<'a>(changes: impl Iterator<Item = &'a Change>, book: &Book) -> (u8, u8) {
    changes.fold(
        (book.price_decimals(), book.qty_decimals()),
        |(price, qty), change| (price.max(change.price.scale), qty.max(change.qty.scale)),
    )
}

#[inline]
fn level(price: Decimal, qty: Decimal, price_decimals: u8, qty_decimals: u8) -> Option<Level> {
    let fit = |value: Decimal, decimals: u8| {
        let shift = decimals.checked_sub(value.scale)?;
        value.mantissa.checked_mul(*POW10.get(usize::from(shift))?)
    };
    Some(Level {
        price: fit(price, price_decimals)?,
        qty: fit(qty, qty_decimals)?,
    })
}

fn exact_level(
    price: Decimal,
    qty: Decimal,
    price_decimals: u8,
    qty_decimals: u8,
) -> Result<Level> {
    level(price, qty, price_decimals, qty_decimals)
        .ok_or_else(|| Error::Malformed(format!("does not fit 64 bits: {price:?} × {qty:?}")))
}

/// A book kept in step with its venue.
#[derive(Debug, Clone)]
pub struct BookSync {
    state: State,
    ladder: Ladder,
    /// Scales that the book has at least: those of the venue's rules.
    decimals: (u8, u8),
    kept: Vec<Kept>,
    kept_changes: Vec<Change>,
    old_in_a_row: u32,
}

impl BookSync {
    /// An EMPTY book of at least these scales; a finer value rescales it exactly.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than 18 decimals.
    pub fn new(price_decimals: u8, qty_decimals: u8) -> Result<Self> {
        Ok(Self {
            state: State::Empty,
            ladder: Ladder {
                book: Book::new(price_decimals, qty_decimals)?,
                sequence: 0,
                stamp: Stamp::NEVER,
                staged: Vec::new(),
            },
            decimals: (price_decimals, qty_decimals),
            kept: Vec::new(),
            kept_changes: Vec::new(),
            old_in_a_row: 0,
        })
    }

    /// The state.
    #[inline]
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The sequence number up to which the book is right; that of the last right one in a GAP.
    #[inline]
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.ladder.sequence
    }

    /// The levels; to be believed only while LIVE.
    #[inline]
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.ladder.book
    }

    /// When the last frame applied was true.
    #[inline]
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.ladder.stamp
    }

    /// Takes a depth frame, all of it or nothing; true when the book or its state changed.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] when a value cannot be held exactly; nothing
    /// changed, and the next frame will be a gap.
    #[inline]
    pub fn on_depth(&mut self, span: Span, changes: &[Change]) -> Result<bool> {
        if self.state != State::Live {
            return Ok(self.keep(span, changes));
        }
        match self.ladder.step(span, changes)? {
            Step::Applied => {
                self.old_in_a_row = 0;
                if self.ladder.book.is_crossed() {
                    self.leave(State::Crossed);
                }
                Ok(true)
            }
            Step::Old => {
                self.old_in_a_row += 1;
                if self.old_in_a_row > MAX_OLD {
                    self.leave(State::Gap);
                }
                Ok(self.state != State::Live)
            }
            Step::Gap => {
                self.leave(State::Gap);
                self.keep(span, changes);
                Ok(true)
            }
        }
    }

    fn leave(&mut self, state: State) {
        self.state = state;
        self.forget();
    }

    fn forget(&mut self) {
        self.old_in_a_row = 0;
        self.kept.clear();
        self.kept_changes.clear();
    }

    /// Keeps a frame for the snapshot to come. What is kept has no gap inside.
    #[cold]
    fn keep(&mut self, span: Span, changes: &[Change]) -> bool {
        if let Some(tail) = self.kept.last() {
            if span.last <= tail.span.last {
                return false;
            }
            let full = self.kept.len() >= MAX_FRAMES
                || self.kept_changes.len() + changes.len() > MAX_CHANGES;
            if full || span.first > tail.span.last + 1 {
                self.forget();
            }
        }
        self.kept.push(Kept {
            span,
            changes: changes.len(),
        });
        self.kept_changes.extend_from_slice(changes);
        if self.state == State::Empty {
            self.state = State::Syncing;
            return true;
        }
        false
    }

    /// Loads a snapshot and what was kept since. One too old for what was kept leaves the book
    /// SYNCING, one older than a LIVE book changes nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a price occurs twice or a value cannot be held; nothing changed.
    pub fn on_snapshot(
        &mut self,
        snapshot: Snapshot,
        changes: &[Change],
        stamp: Stamp,
    ) -> Result<State> {
        if self.state == State::Live && snapshot.sequence < self.ladder.sequence {
            return Ok(self.state);
        }
        let mut ladder = Ladder {
            book: load(self.decimals, changes)?,
            sequence: snapshot.sequence,
            stamp,
            staged: Vec::new(),
        };
        let mut at = 0;
        for kept in &self.kept {
            let own = &self.kept_changes[at..at + kept.changes];
            at += kept.changes;
            if matches!(ladder.step(kept.span, own)?, Step::Gap) {
                self.state = State::Syncing;
                return Ok(self.state);
            }
        }
        std::mem::swap(&mut ladder.staged, &mut self.ladder.staged);
        self.ladder = ladder;
        self.leave(if self.ladder.book.is_crossed() {
            State::Crossed
        } else {
            State::Live
        });
        Ok(self.state)
    }

    /// Levels of another source in the units of the book, which becomes finer when they are.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they cannot be held exactly; nothing changed.
    pub fn top(&mut self, bid: Option<Quote>, ask: Option<Quote>) -> Result<Top> {
        let book = &mut self.ladder.book;
        let (mut price_decimals, mut qty_decimals) = (book.price_decimals(), book.qty_decimals());
        for (price, qty) in bid.iter().chain(&ask) {
            price_decimals = price_decimals.max(price.scale);
            qty_decimals = qty_decimals.max(qty.scale);
        }
        let held = |quote: Option<Quote>| {
            quote
                .map(|(price, qty)| exact_level(price, qty, price_decimals, qty_decimals))
                .transpose()
        };
        let top = Top {
            bid: held(bid)?,
            ask: held(ask)?,
        };
        widen(book, price_decimals, qty_decimals)?;
        Ok(top)
    }

    /// Starts over: SYNCING, nothing kept.
    pub fn resync(&mut self) {
        self.leave(State::Syncing);
    }

    /// The stream ended. A book that never had anything stays EMPTY.
    pub fn stale(&mut self) {
        if self.state != State::Empty {
            self.leave(State::Stale);
        }
    }
}

/// A book of a snapshot's levels at scales that hold them all.
fn load(decimals: (u8, u8), changes: &[Change]) -> Result<Book> {
    let empty = Book::new(decimals.0, decimals.1)?;
    let (price_decimals, qty_decimals) = scales(changes.iter(), &empty);
    let mut book = Book::new(price_decimals, qty_decimals)?;
    let side = |side: Side| {
        changes
            .iter()
            .filter(|change| change.side == side)
            .map(|change| exact_level(change.price, change.qty, price_decimals, qty_decimals))
            .collect::<Result<Vec<_>>>()
    };
    let (bids, asks) = (side(Side::Bid)?, side(Side::Ask)?);
    book.load(bids, asks)
        .map_err(|error| Error::Malformed(format!("snapshot: {error}")))?;
    Ok(book)
}

#[cfg(test)]
mod tests;
