//! `Market` and its `Batch`.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use xrpfast_core::book::Side;
use xrpfast_core::market::{self, Note, Signal};
use xrpfast_core::spread::Rules;
use xrpfast_core::wire::Venue;

use crate::books::SpreadDetector;
use crate::buffer::with_bytes;
use crate::errors::to_py;
use crate::numbers::scale;

/// What one frame led to; reused by its `Market`, valid until the next call to it.
#[pyclass(module = "xrpfast._core")]
#[derive(Default)]
pub struct Batch {
    signals: Vec<Signal>,
    notes: Vec<Note>,
}

#[pymethods]
impl Batch {
    /// Number of pending signals.
    fn __len__(&self) -> usize {
        self.signals.len()
    }

    /// A signal's row: the fields of `events.Signal` up to `recv_ns`, in order.
    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyTuple>> {
        let at = match index {
            0.. => index.unsigned_abs(),
            _ => (self.signals.len())
                .checked_sub(index.unsigned_abs())
                .unwrap_or(usize::MAX),
        };
        let signal = self
            .signals
            .get(at)
            .ok_or_else(|| PyIndexError::new_err("no such signal"))?;
        row(py, signal)
    }

    /// (kind, book or -1, text).
    #[getter]
    fn notes(&self) -> Vec<(&'static str, i64, &str)> {
        self.notes
            .iter()
            .map(|note| {
                let book = note.book.map_or(-1, |book| book as i64);
                (note.kind.name(), book, note.text.as_str())
            })
            .collect()
    }
}

fn row<'py>(py: Python<'py>, signal: &Signal) -> PyResult<Bound<'py, PyTuple>> {
    let spread = &signal.spread;
    let small = |value: i64| Ok::<_, PyErr>(value.into_pyobject(py)?.into_any());
    let large = |value: i128| Ok::<_, PyErr>(value.into_pyobject(py)?.into_any());
    let count = |value: usize| small(value as i64);
    PyTuple::new(
        py,
        [
            small(signal.signal_id as i64)?,
            count(signal.detector)?,
            count(signal.buy_book)?,
            count(signal.sell_book)?,
            small(spread.buy_qty)?,
            small(spread.sell_qty)?,
            small(spread.buy_limit)?,
            small(spread.sell_limit)?,
            large(spread.buy_cost)?,
            large(spread.sell_proceeds)?,
            large(spread.profit)?,
            small(spread.edge)?,
            small(spread.buy_best_bid)?,
            small(spread.buy_best_ask)?,
            small(spread.sell_best_bid)?,
            small(spread.sell_best_ask)?,
            small(signal.buy_version as i64)?,
            small(signal.sell_version as i64)?,
            small(signal.buy_data_ns)?,
            small(signal.sell_data_ns)?,
            small(signal.recv_ns)?,
        ],
    )
}

fn venue(name: &str) -> PyResult<Venue> {
    name.parse()
        .map_err(|_| PyValueError::new_err(format!("unknown venue: {name:?}")))
}

type Levels = Vec<(i64, i64)>;

/// Every book of the process and the detectors over them.
#[pyclass(module = "xrpfast._core")]
pub struct Market {
    market: market::Market,
    batch: Py<Batch>,
}

impl Market {
    /// The batch of what is pending now.
    #[inline]
    fn fill(&self, py: Python<'_>, pending: bool) -> Option<Py<Batch>> {
        if !pending {
            return None;
        }
        let mut batch = self.batch.borrow_mut(py);
        batch.signals.clear();
        batch.signals.extend(self.market.signals());
        batch.notes.clear();
        batch.notes.extend_from_slice(self.market.notes());
        drop(batch);
        Some(self.batch.clone_ref(py))
    }
}

#[pymethods]
impl Market {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            market: market::Market::new(),
            batch: Py::new(py, Batch::default())?,
        })
    }

    /// Registers a book in state EMPTY; returns its id.
    #[pyo3(signature = (
        venue, venue_symbol, *, price_decimals, qty_decimals, tick, lot, min_qty, max_qty,
        min_notional, taker_rate
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keywords: the fields of the rules"
    )]
    fn add_book(
        &mut self,
        venue: &str,
        venue_symbol: &str,
        price_decimals: i64,
        qty_decimals: i64,
        tick: i64,
        lot: i64,
        min_qty: i64,
        max_qty: i64,
        min_notional: i128,
        taker_rate: i64,
    ) -> PyResult<usize> {
        let rules = Rules {
            price_decimals: scale(price_decimals)?,
            qty_decimals: scale(qty_decimals)?,
            tick,
            lot,
            min_qty,
            max_qty,
            min_notional,
            taker_rate,
        };
        self.market
            .add_book(self::venue(venue)?, venue_symbol, rules)
            .map_err(to_py)
    }

    /// Registers one socket; returns its id. Frames find their book by symbol.
    fn add_stream(&mut self, venue: &str) -> PyResult<usize> {
        Ok(self.market.add_stream(self::venue(venue)?))
    }

    /// Watches one ordered pair; returns the detector's id.
    fn add_detector(
        &mut self,
        detector: &SpreadDetector,
        buy_book: usize,
        sell_book: usize,
    ) -> PyResult<usize> {
        self.market
            .add_detector(detector.params(), buy_book, sell_book)
            .map_err(to_py)
    }

    /// Decodes, applies, detects: the one call per frame.
    #[inline]
    fn on_frame(
        &mut self,
        py: Python<'_>,
        stream: usize,
        payload: &Bound<'_, PyAny>,
        recv_ns: i64,
    ) -> PyResult<Option<Py<Batch>>> {
        let pending = with_bytes(payload, |raw| self.market.on_frame(stream, raw, recv_ns))?;
        Ok(self.fill(py, pending.map_err(to_py)?))
    }

    /// Loads a REST snapshot body. Raises `MalformedFrame`, with nothing applied.
    fn on_snapshot(
        &mut self,
        py: Python<'_>,
        book: usize,
        raw: &Bound<'_, PyAny>,
        recv_ns: i64,
    ) -> PyResult<Option<Py<Batch>>> {
        let pending = with_bytes(raw, |raw| self.market.on_snapshot(book, raw, recv_ns))?;
        Ok(self.fill(py, pending.map_err(to_py)?))
    }

    /// The batch as `on_frame` would return it now.
    fn pending(&self, py: Python<'_>) -> Option<Py<Batch>> {
        self.fill(py, self.market.is_pending())
    }

    /// Forgets pending signals and notes: they were acted on.
    fn consume(&mut self) {
        self.market.consume();
    }

    /// A socket closed: every book that lives on it becomes STALE at once.
    fn stream_down(&mut self, py: Python<'_>, stream: usize) -> PyResult<Option<Py<Batch>>> {
        let pending = self.market.stream_down(stream).map_err(to_py)?;
        Ok(self.fill(py, pending))
    }

    /// Starts over: the book is SYNCING, buffering until a snapshot fits.
    fn resync(&mut self, book: usize) -> PyResult<()> {
        self.market.resync(book).map_err(to_py)
    }

    /// Maps a venue's event time to the local monotonic clock.
    fn set_clock(&mut self, venue: &str, offset_ns: i64) -> PyResult<()> {
        self.market.set_clock(self::venue(venue)?, offset_ns);
        Ok(())
    }

    fn state(&self, book: usize) -> PyResult<&'static str> {
        let standing = self.market.standing(book).map_err(to_py)?;
        Ok(standing.state.name())
    }

    /// (bid, bid_qty, ask, ask_qty) in the book's units, None unless LIVE and two-sided.
    fn top(&self, book: usize) -> PyResult<Option<(i64, i64, i64, i64)>> {
        self.market.top(book).map_err(to_py)
    }

    /// (state, sequence, version, data_ns, recv_ns).
    fn view(&self, book: usize) -> PyResult<(&'static str, u64, u64, i64, i64)> {
        let standing = self.market.standing(book).map_err(to_py)?;
        Ok((
            standing.state.name(),
            standing.sequence,
            standing.version,
            standing.stamp.data_ns,
            standing.stamp.recv_ns,
        ))
    }

    /// The best `n` bids and asks in the book's units, for people.
    fn depth(&self, book: usize, n: usize) -> PyResult<(Levels, Levels)> {
        let side = |side| self.market.depth(book, side, n).map_err(to_py);
        Ok((side(Side::Bid)?, side(Side::Ask)?))
    }

    /// frames, depth_frames, ticker_frames, malformed, gaps, resyncs, signals.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = self.market.counters();
        let counts = PyDict::new(py);
        counts.set_item("frames", counters.frames)?;
        counts.set_item("depth_frames", counters.depth_frames)?;
        counts.set_item("ticker_frames", counters.ticker_frames)?;
        counts.set_item("malformed", counters.malformed)?;
        counts.set_item("gaps", counters.gaps)?;
        counts.set_item("resyncs", counters.resyncs)?;
        counts.set_item("signals", counters.signals)?;
        Ok(counts)
    }
}

/// Adds this file's classes to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Batch>()?;
    m.add_class::<Market>()
}
