//! One symbol's book from the venue's own bytes, for a notebook, a capture or a tape.
//!
//! ```
//! use xrpfast_core::feed::BookFeed;
//! use xrpfast_core::sync::State;
//! use xrpfast_core::wire::Venue;
//!
//! let mut feed = BookFeed::new(Venue::Binance, "XRPUSDT");
//! feed.on_snapshot(br#"{"lastUpdateId":7,"bids":[["2.41","10"]],"asks":[["2.42","5"]]}"#)?;
//! let state = feed.on_message(
//!     br#"{"e":"depthUpdate","E":1790000000200,"s":"XRPUSDT","U":8,"u":9,"b":[["2.415","1"]],"a":[]}"#,
//! )?;
//! assert_eq!(state, State::Live);
//! assert_eq!(feed.book().best_bid().map(|level| level.price), Some(2_415));
//! # Ok::<(), xrpfast_core::Error>(())
//! ```

use crate::Result;
use crate::book::Book;
use crate::sync::{BookSync, Span, Stamp, State};
use crate::wire::{Change, Frame, Venue};

/// A book whose scales follow the data: inferred from the snapshot, finer with a finer value.
#[derive(Debug, Clone)]
pub struct BookFeed {
    venue: Venue,
    symbol: Box<[u8]>,
    sync: BookSync,
    changes: Vec<Change>,
}

impl BookFeed {
    /// An EMPTY book of `symbol`, written as the venue writes it.
    ///
    /// # Panics
    /// Never: zero decimals are always allowed.
    #[must_use]
    pub fn new(venue: Venue, symbol: &str) -> Self {
        Self {
            venue,
            symbol: symbol.as_bytes().into(),
            sync: BookSync::new(0, 0).expect("zero decimals are allowed"),
            changes: Vec::new(),
        }
    }

    /// Loads a REST snapshot; returns the new state, SYNCING when it is too old for the frames
    /// seen.
    ///
    /// # Errors
    /// [`crate::Error::Malformed`], with nothing applied.
    pub fn on_snapshot(&mut self, raw: &[u8]) -> Result<State> {
        let snapshot = self.venue.snapshot(raw, &mut self.changes)?;
        self.sync.on_snapshot(snapshot, &self.changes, Stamp::NEVER)
    }

    /// Takes one WebSocket message; frames of other symbols or kinds change nothing.
    ///
    /// # Errors
    /// [`crate::Error::Malformed`], with nothing applied.
    pub fn on_message(&mut self, raw: &[u8]) -> Result<State> {
        match self.venue.decode(raw, &mut self.changes)? {
            Frame::Depth(depth) if depth.symbol.is(&self.symbol) => {
                let span = Span {
                    first: depth.first,
                    last: depth.last,
                    stamp: Stamp::NEVER,
                };
                self.sync.on_depth(span, &self.changes)?;
            }
            _ => {}
        }
        Ok(self.sync.state())
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.sync.state()
    }

    /// The sequence number up to which the book is right.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sync.sequence()
    }

    /// The levels; to be believed only while LIVE.
    #[must_use]
    pub fn book(&self) -> &Book {
        self.sync.book()
    }
}

#[cfg(test)]
mod tests;
