//! A book as it is read: its levels, under a newer top where there is one.

use super::{Book, Level, Side};

/// Levels of one side, best first.
#[derive(Debug, Clone)]
pub struct Levels<'a> {
    pub(super) top: Option<Level>,
    pub(super) run: &'a [Level],
}

impl Iterator for Levels<'_> {
    type Item = Level;

    #[inline]
    fn next(&mut self) -> Option<Level> {
        if let Some(top) = self.top.take() {
            return Some(top);
        }
        let (last, rest) = self.run.split_last()?;
        self.run = rest;
        Some(*last)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.run.len() + usize::from(self.top.is_some());
        (len, Some(len))
    }
}

impl ExactSizeIterator for Levels<'_> {}

/// A newer top of book than the depth has, in the book's units. A side is None when the source
/// says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Top {
    /// Replaces the best bid and hides every bid at or above it.
    pub bid: Option<Level>,
    /// Replaces the best ask and hides every ask at or below it.
    pub ask: Option<Level>,
}

/// A book as it is read: its levels under the newer top, when there is one. Never mixed into the
/// book, so that the depth alone stays checkable against the venue.
#[derive(Debug, Clone, Copy)]
pub struct BookView<'a> {
    book: &'a Book,
    top: Top,
}

impl<'a> From<&'a Book> for BookView<'a> {
    fn from(book: &'a Book) -> Self {
        Self {
            book,
            top: Top::default(),
        }
    }
}

impl<'a> BookView<'a> {
    /// `book` under `top`.
    #[inline]
    #[must_use]
    pub fn new(book: &'a Book, top: Top) -> Self {
        Self { book, top }
    }

    /// The best level of a side.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.top_of(side).or_else(|| self.book.best(side))
    }

    /// A side's levels, best first, without those that the newer top hides.
    #[inline]
    #[must_use]
    pub fn levels(&self, side: Side) -> Levels<'a> {
        let top = self.top_of(side);
        let mut run = self.book.run(side);
        if let Some(top) = top {
            while let Some((last, rest)) = run.split_last() {
                if side.better(top.price, last.price) {
                    break;
                }
                run = rest;
            }
        }
        Levels { top, run }
    }

    /// Decimals of the prices.
    #[inline]
    #[must_use]
    pub fn price_decimals(&self) -> u8 {
        self.book.price_decimals()
    }

    /// Decimals of the quantities.
    #[inline]
    #[must_use]
    pub fn qty_decimals(&self) -> u8 {
        self.book.qty_decimals()
    }

    #[inline]
    fn top_of(&self, side: Side) -> Option<Level> {
        match side {
            Side::Bid => self.top.bid,
            Side::Ask => self.top.ask,
        }
    }
}
