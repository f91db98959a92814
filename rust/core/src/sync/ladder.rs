//! A book at a sequence number: how frames and snapshots become its levels, exactly and whole.

use super::{Span, Stamp};
use crate::book::{Book, Level, Side};
use crate::decimal::Decimal;
use crate::wire::Change;
use crate::{Error, Result};

const POW10: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A book and the sequence number that it is at.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    pub book: Book,
    pub sequence: u64,
    pub stamp: Stamp,
    /// Changes in the units of the book, on their way into it.
    pub staged: Vec<(Side, Level)>,
}

/// What a frame did.
pub(super) enum Step {
    Old,
    Gap,
    Applied,
}

impl Ladder {
    /// Takes a frame, all of it or nothing.
    #[inline]
    pub fn step(&mut self, span: Span, changes: &[Change]) -> Result<Step> {
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
pub(super) fn widen(book: &mut Book, price_decimals: u8, qty_decimals: u8) -> Result<()> {
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

/// A level in units of these scales.
pub(super) fn exact_level(
    price: Decimal,
    qty: Decimal,
    price_decimals: u8,
    qty_decimals: u8,
) -> Result<Level> {
    level(price, qty, price_decimals, qty_decimals)
        .ok_or_else(|| Error::Malformed(format!("does not fit 64 bits: {price:?} × {qty:?}")))
}

/// A book of a snapshot's levels at scales that hold them all.
pub(super) fn load(decimals: (u8, u8), changes: &[Change]) -> Result<Book> {
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
