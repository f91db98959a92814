//! `BookFeed`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use xrpfast_core::feed;
use xrpfast_core::wire::Venue;

use crate::books::OrderBook;
use crate::buffer::with_text_or_bytes;
use crate::errors::to_py;

/// One symbol's book kept in step from the venue's own bytes (snapshots and messages).
#[pyclass(module = "xrpfast._core")]
pub struct BookFeed {
    venue: Venue,
    symbol: String,
    feed: feed::BookFeed,
}

#[pymethods]
impl BookFeed {
    #[new]
    fn new(venue: &str, symbol: String) -> PyResult<Self> {
        let venue: Venue = venue
            .parse()
            .map_err(|_| PyValueError::new_err(format!("unknown venue: {venue:?}")))?;
        Ok(Self {
            venue,
            feed: feed::BookFeed::new(venue, &symbol),
            symbol,
        })
    }

    /// Loads a REST snapshot; returns the new state.
    fn on_snapshot(&mut self, raw: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let state = with_text_or_bytes(raw, |raw| self.feed.on_snapshot(raw))?;
        Ok(state.map_err(to_py)?.name())
    }

    /// Takes one WebSocket message; returns the state.
    fn on_message(&mut self, raw: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let state = with_text_or_bytes(raw, |raw| self.feed.on_message(raw))?;
        Ok(state.map_err(to_py)?.name())
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.feed.state().name()
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.feed.sequence()
    }

    /// The book as it is now: a copy that later messages leave alone.
    #[getter]
    fn book(&self) -> OrderBook {
        OrderBook::of(self.feed.book().clone())
    }

    fn __repr__(&self) -> String {
        format!(
            "<BookFeed {} {}: {} at {}>",
            self.venue.name(),
            self.symbol,
            self.state(),
            self.sequence()
        )
    }
}

/// Adds this file's classes to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<BookFeed>()
}
