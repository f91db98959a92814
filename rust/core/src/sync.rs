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

use crate::Result;
use crate::book::{Book, Top};
use crate::wire::{Change, Quote, Snapshot};

use ladder::{Ladder, Step, exact_level, load, widen};

mod ladder;

/// Frames kept while no snapshot fits; at one more all are dropped and a newer snapshot is needed.
pub const MAX_FRAMES: usize = 16_384;
/// Changes kept in all.
pub const MAX_CHANGES: usize = 131_072;
/// Old frames in a row after which the venue's numbering must have started over.
const MAX_OLD: u32 = 4_096;

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

#[cfg(test)]
mod tests;
