//! Price levels of one market in two sorted runs, the best at the end.
//!
//! Bids ascend and asks descend, so that the top costs a load and the changes near it, which are
//! nearly all, move few levels.
//!
//! ```
//! use xrpfast_core::book::{Book, Side};
//!
//! let mut book = Book::new(4, 1)?;
//! book.set(Side::Bid, 24_137, 150)?;
//! book.set(Side::Ask, 24_141, 20)?;
//! assert_eq!(book.best_bid().map(|level| level.price), Some(24_137));
//! # Ok::<(), xrpfast_core::Error>(())
//! ```

use crate::decimal::{self, MAX_SCALE};
use crate::{Error, Result};

pub use view::{BookView, Levels, Top};

mod view;

/// Levels compared one by one from the top before the search halves the rest.
const NEAR: usize = 8;

/// Side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Buyers.
    Bid,
    /// Sellers.
    Ask,
}

impl Side {
    /// Whether `price` is nearer to the other side than `other`.
    #[inline]
    #[must_use]
    pub fn better(self, price: i64, other: i64) -> bool {
        match self {
            Self::Bid => price > other,
            Self::Ask => price < other,
        }
    }
}

/// A price and the quantity there, in the units of its book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Level {
    /// Count of 10^-price_decimals.
    pub price: i64,
    /// Count of 10^-qty_decimals.
    pub qty: i64,
}

impl Level {
    /// A level of `qty` at `price`.
    #[must_use]
    pub const fn new(price: i64, qty: i64) -> Self {
        Self { price, qty }
    }
}

/// An order book of exact integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    price_decimals: u8,
    qty_decimals: u8,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// An empty book of these scales.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than [`MAX_SCALE`] decimals.
    pub fn new(price_decimals: u8, qty_decimals: u8) -> Result<Self> {
        decimal::pow10(price_decimals)?;
        decimal::pow10(qty_decimals)?;
        Ok(Self {
            price_decimals,
            qty_decimals,
            bids: Vec::new(),
            asks: Vec::new(),
        })
    }

    /// Decimals of the prices.
    #[inline]
    #[must_use]
    pub fn price_decimals(&self) -> u8 {
        self.price_decimals
    }

    /// Decimals of the quantities.
    #[inline]
    #[must_use]
    pub fn qty_decimals(&self) -> u8 {
        self.qty_decimals
    }

    /// The highest bid.
    #[inline]
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.last().copied()
    }

    /// The lowest ask.
    #[inline]
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.last().copied()
    }

    /// The best level of a side.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.run(side).last().copied()
    }

    /// Whether the best bid is at or above the best ask.
    #[inline]
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.bids.last(), self.asks.last()), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    /// A side's levels, best first.
    #[inline]
    #[must_use]
    pub fn levels(&self, side: Side) -> Levels<'_> {
        Levels {
            top: None,
            run: self.run(side),
        }
    }

    /// A side's levels with the best at the end, as stored.
    #[inline]
    #[must_use]
    pub fn run(&self, side: Side) -> &[Level] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Quantity at a price, zero without a level.
    #[must_use]
    pub fn qty_at(&self, side: Side, price: i64) -> i64 {
        locate(self.run(side), side, price).map_or(0, |at| self.run(side)[at].qty)
    }

    /// Number of levels of both sides.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bids.len() + self.asks.len()
    }

    /// Whether there is no level at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Sets the quantity at a price; zero removes the level, and removing what is not there is
    /// nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a price of zero or less or a negative quantity.
    #[inline]
    pub fn set(&mut self, side: Side, price: i64, qty: i64) -> Result<()> {
        check(price, qty)?;
        let run = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        match locate(run, side, price) {
            Ok(at) if qty == 0 => {
                run.remove(at);
            }
            Ok(at) => run[at].qty = qty,
            Err(_) if qty == 0 => {}
            Err(at) => run.insert(at, Level { price, qty }),
        }
        Ok(())
    }

    /// Sets a level from plain decimal texts; values finer than the scales rescale the whole book
    /// first, exactly. On an error nothing changes.
    ///
    /// # Errors
    /// [`Error::Decimal`] for texts that are no plain decimals; [`Error::OutOfRange`] for a price
    /// of zero and when the book does not fit 64 bits at the finer scale.
    pub fn set_text(&mut self, side: Side, price: &[u8], qty: &[u8]) -> Result<()> {
        let price_decimals = decimal::scale_of(price)?.max(self.price_decimals);
        let qty_decimals = decimal::scale_of(qty)?.max(self.qty_decimals);
        let price = decimal::parse_units(price, price_decimals)?;
        let qty = decimal::parse_units(qty, qty_decimals)?;
        check(price, qty)?;
        self.rescale(price_decimals, qty_decimals)?;
        self.set(side, price, qty)
    }

    /// Replaces all levels, given in any order; levels of zero quantity are left out. The scales
    /// stay. On an error nothing changes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a price of zero or less, a negative quantity or a price that
    /// occurs twice on one side.
    pub fn load(&mut self, bids: Vec<Level>, asks: Vec<Level>) -> Result<()> {
        let bids = sorted(Side::Bid, bids)?;
        self.asks = sorted(Side::Ask, asks)?;
        self.bids = bids;
        Ok(())
    }

    /// Removes all levels and keeps the memory.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Changes the scales, exactly. On an error nothing changes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a value does not fit 64 bits or is finer than its new scale.
    pub fn rescale(&mut self, price_decimals: u8, qty_decimals: u8) -> Result<()> {
        if (price_decimals, qty_decimals) == (self.price_decimals, self.qty_decimals) {
            return Ok(());
        }
        if price_decimals > MAX_SCALE || qty_decimals > MAX_SCALE {
            return Err(Error::OutOfRange(format!("more than {MAX_SCALE} decimals")));
        }
        let side = |run: &[Level]| -> Result<Vec<Level>> {
            run.iter()
                .map(|level| {
                    Ok(Level {
                        price: decimal::rescale(level.price, self.price_decimals, price_decimals)?,
                        qty: decimal::rescale(level.qty, self.qty_decimals, qty_decimals)?,
                    })
                })
                .collect()
        };
        let (bids, asks) = (side(&self.bids)?, side(&self.asks)?);
        *self = Self {
            price_decimals,
            qty_decimals,
            bids,
            asks,
        };
        Ok(())
    }
}

#[inline]
fn check(price: i64, qty: i64) -> Result<()> {
    if price <= 0 || qty < 0 {
        return Err(refused(price, qty));
    }
    Ok(())
}

#[cold]
fn refused(price: i64, qty: i64) -> Error {
    Error::OutOfRange(if price <= 0 {
        format!("price must be above zero: {price}")
    } else {
        format!("quantity must not be negative: {qty}")
    })
}

/// Where a price is, or where it belongs.
#[inline]
fn locate(run: &[Level], side: Side, price: i64) -> std::result::Result<usize, usize> {
    let far = run.len().saturating_sub(NEAR);
    for (at, level) in run.iter().enumerate().skip(far).rev() {
        if level.price == price {
            return Ok(at);
        }
        if side.better(price, level.price) {
            return Err(at + 1);
        }
    }
    let at = run[..far].partition_point(|level| side.better(price, level.price));
    match run[..far].get(at) {
        Some(level) if level.price == price => Ok(at),
        _ => Err(at),
    }
}

/// The levels as a run: checked, zeros dropped, best last.
fn sorted(side: Side, mut levels: Vec<Level>) -> Result<Vec<Level>> {
    levels
        .iter()
        .try_for_each(|level| check(level.price, level.qty))?;
    levels.retain(|level| level.qty != 0);
    // Snapshots come best first: reversed they are sorted already and the sort is one pass.
    levels.reverse();
    match side {
        Side::Bid => levels.sort_by_key(|level| level.price),
        Side::Ask => levels.sort_by_key(|level| std::cmp::Reverse(level.price)),
    }
    if let Some(pair) = levels
        .windows(2)
        .find(|pair| pair[0].price == pair[1].price)
    {
        return Err(Error::OutOfRange(format!(
            "price occurs twice: {}",
            pair[0].price
        )));
    }
    Ok(levels)
}

#[cfg(test)]
mod tests;
