//! Bytes to values: one file a venue over a shared JSON scanner.
//!
//! A decoder reads a whole frame into a reusable list of changes and checks everything before
//! anyone applies anything, so nothing is ever applied by halves.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::book::Side;
use crate::decimal::Decimal;

pub mod binance;
pub mod json;
pub mod kucoin;

use json::{Scanner, Text};

/// The sequence of a change that has none of its own: newer than anything.
pub const NO_SEQUENCE: u64 = u64::MAX;

/// Why a frame is refused, and where. Small and without text of its own, so that refusing does
/// not allocate until somebody wants to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    why: &'static str,
    at: usize,
}

impl Fault {
    /// The fault `why` at byte `at`.
    #[must_use]
    pub const fn new(why: &'static str, at: usize) -> Self {
        Self { why, at }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            0 => f.write_str(self.why),
            at => write!(f, "{} at byte {at}", self.why),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault.to_string())
    }
}

/// Result of decoding.
pub type Scan<T> = std::result::Result<T, Fault>;

/// A venue whose market data can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// KuCoin spot.
    Kucoin,
}

impl Venue {
    /// The name in configuration and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Kucoin => "kucoin",
        }
    }

    /// Decodes one WebSocket message; the changes of a depth frame replace those in `changes`.
    ///
    /// # Errors
    /// A [`Fault`] for a message that is not what the venue may send.
    #[inline]
    pub fn decode<'a>(self, raw: &'a [u8], changes: &mut Vec<Change>) -> Scan<Frame<'a>> {
        changes.clear();
        match self {
            Self::Binance => binance::decode(raw, changes),
            Self::Kucoin => kucoin::decode(raw, changes),
        }
    }

    /// Decodes a REST snapshot body; its levels replace the changes in `changes`.
    ///
    /// # Errors
    /// A [`Fault`] for a body that is not a snapshot.
    pub fn snapshot(self, raw: &[u8], changes: &mut Vec<Change>) -> Scan<Snapshot> {
        changes.clear();
        match self {
            Self::Binance => binance::snapshot(raw, changes),
            Self::Kucoin => kucoin::snapshot(raw, changes),
        }
    }
}

impl FromStr for Venue {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "binance" => Ok(Self::Binance),
            "kucoin" => Ok(Self::Kucoin),
            _ => Err(Error::OutOfRange(format!(
                "unknown venue {name:?}: binance or kucoin"
            ))),
        }
    }
}

/// One level as a venue states it: the quantity at the price is now this, zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Side of the book.
    pub side: Side,
    /// The level; above zero.
    pub price: Decimal,
    /// Its whole quantity.
    pub qty: Decimal,
    /// The change's own sequence number, or [`NO_SEQUENCE`].
    pub sequence: u64,
}

/// Changes of one book that cover the sequence numbers `first..=last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth<'a> {
    /// The venue's symbol.
    pub symbol: Text<'a>,
    /// First sequence number covered.
    pub first: u64,
    /// Last sequence number covered; not below the first.
    pub last: u64,
    /// The venue's event time in Unix nanoseconds.
    pub event_ns: Option<i64>,
}

/// A price and the quantity there, each at its own scale.
pub type Quote = (Decimal, Decimal);

/// The best levels of one book at a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticker<'a> {
    /// The venue's symbol.
    pub symbol: Text<'a>,
    /// Sequence number at which the levels held.
    pub sequence: u64,
    /// Price and quantity of the best bid; None for an empty side.
    pub bid: Option<Quote>,
    /// Price and quantity of the best ask; None for an empty side.
    pub ask: Option<Quote>,
}

/// One WebSocket message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A change of depth.
    Depth(Depth<'a>),
    /// A best bid and ask.
    Ticker(Ticker<'a>),
    /// A word on the connection itself: welcome, acknowledgement, pong, error, shutdown.
    Control,
    /// Any other kind: not our business but for its event time.
    Other {
        /// The venue's event time in Unix nanoseconds.
        event_ns: Option<i64>,
    },
}

/// What a REST snapshot says besides its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Sequence number of the book.
    pub sequence: u64,
    /// The venue's time in Unix nanoseconds.
    pub event_ns: Option<i64>,
}

/// Unix nanoseconds of a venue's time stamp in milliseconds or microseconds.
fn event_ns(stamp: u64) -> Scan<i64> {
    // 10^14 ms is the year 5138, 10^14 us was March 1973: no stamp of an exchange is ambiguous.
    let unit = if stamp < 100_000_000_000_000 {
        1_000_000
    } else {
        1_000
    };
    i64::try_from(stamp)
        .ok()
        .and_then(|stamp| stamp.checked_mul(unit))
        .ok_or(Fault::new("event time out of range", 0))
}

/// Reads `[["price","qty"],…]` of one side into `changes`; items after the second are left aside.
#[inline]
fn levels(scan: &mut Scanner<'_>, side: Side, changes: &mut Vec<Change>) -> Scan<()> {
    scan.array()?;
    let mut first = true;
    while scan.item(&mut first)? {
        scan.array()?;
        let mut start = true;
        let price = item(scan, &mut start, Scanner::decimal)?;
        let qty = item(scan, &mut start, Scanner::decimal)?;
        while scan.item(&mut start)? {
            scan.skip()?;
        }
        if price.mantissa == 0 {
            return Err(Fault::new("level at price zero", 0));
        }
        changes.push(Change {
            side,
            price,
            qty,
            sequence: NO_SEQUENCE,
        });
    }
    Ok(())
}

/// The next item of a level; a level that ends before it is a fault.
#[inline]
fn item<'a, T>(
    scan: &mut Scanner<'a>,
    first: &mut bool,
    read: impl FnOnce(&mut Scanner<'a>) -> Scan<T>,
) -> Scan<T> {
    if scan.item(first)? {
        read(scan)
    } else {
        Err(Fault::new("level with too few items", 0))
    }
}

#[cfg(test)]
mod fuzz;
