//! What a market tells: signals, notes, standings, counts.

use crate::spread::Spread;
use crate::sync::{Stamp, State};

/// An edge that holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Number of the signal, from 1.
    pub signal_id: u64,
    /// The detector.
    pub detector: usize,
    /// Book to buy on.
    pub buy_book: usize,
    /// Book to sell on.
    pub sell_book: usize,
    /// The edge.
    pub spread: Spread,
    /// Version of the buy book.
    pub buy_version: u64,
    /// Version of the sell book.
    pub sell_version: u64,
    /// Bound on the age of the buy book.
    pub buy_data_ns: i64,
    /// Bound on the age of the sell book.
    pub sell_data_ns: i64,
    /// When the frame that completed the signal was received.
    pub recv_ns: i64,
}

/// Kind of a [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A control frame; the text is the frame.
    Control,
    /// A book's state; the text is its name. Also when a snapshot did not fit and another is
    /// needed: SYNCING again.
    State,
    /// A frame or value that was refused; the text is why.
    Malformed,
}

impl NoteKind {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::State => "state",
            Self::Malformed => "malformed",
        }
    }
}

/// Something that happened besides signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The book, when there is one.
    pub book: Option<usize>,
    /// What happened.
    pub text: String,
}

/// A book's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// State of its synchronisation.
    pub state: State,
    /// Sequence number of what is seen.
    pub sequence: u64,
    /// Changes with everything that changes what is seen.
    pub version: u64,
    /// Age bound and receive time.
    pub stamp: Stamp,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Frames of any kind.
    pub frames: u64,
    /// Frames of depth.
    pub depth_frames: u64,
    /// Frames of a best bid and ask.
    pub ticker_frames: u64,
    /// Frames refused.
    pub malformed: u64,
    /// Books that lost a frame.
    pub gaps: u64,
    /// Books started over.
    pub resyncs: u64,
    /// Signals raised.
    pub signals: u64,
}
