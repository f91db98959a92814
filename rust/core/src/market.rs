//! Every book of the process and the detectors over them.
//!
//! [`Market::on_frame`] is the one call per frame: it decodes, applies and detects. What a frame
//! led to is pending until it is consumed: a signal as long as its edge holds, so that in a burst
//! only what is still true at its end is left; notes in the order they came.
//!
//! Ages: data is as old as the older of its receive time and its event time mapped to the local
//! clock. A frame without event time (Binance's bookTicker) inherits the bound of the last timed
//! frame of its socket and is infinitely old before there was one. A depth frame or snapshot
//! without event time is bounded by its receive time as long as the venue's clock is not set.

use crate::book::Side;
use crate::spread::{Rules, SpreadDetector, SpreadParams};
use crate::sync::{Span, Stamp, State};
use crate::wire::json::Text;
use crate::wire::{Change, Depth, Frame, Ticker, Venue};
use crate::{Error, Result};

pub use report::{Counters, Note, NoteKind, Signal, Standing};
use watched::Watched;

mod report;
mod watched;

#[derive(Debug)]
struct Stream {
    venue: Venue,
    /// Book of the last frame: frames of one symbol come in runs.
    hint: usize,
    /// Bound of the last timed frame.
    timed_ns: i64,
}

#[derive(Debug)]
struct Watch {
    detector: SpreadDetector,
    buy: usize,
    sell: usize,
    pending: Option<Signal>,
}

/// Every book of the process and the detectors over them.
#[derive(Debug, Default)]
pub struct Market {
    books: Vec<Watched>,
    streams: Vec<Stream>,
    watches: Vec<Watch>,
    notes: Vec<Note>,
    changes: Vec<Change>,
    offsets: [Option<i64>; 2],
    pending: usize,
    counters: Counters,
}

impl Market {
    /// A market without books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a book in state EMPTY; returns its id.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for impossible rules or a symbol that is registered already.
    pub fn add_book(&mut self, venue: Venue, symbol: &str, rules: Rules) -> Result<usize> {
        if self
            .find(venue, Text::plain(symbol.as_bytes()), 0)
            .is_some()
        {
            return Err(Error::OutOfRange(format!(
                "{} {symbol} is registered already",
                venue.name()
            )));
        }
        self.books.push(Watched::new(venue, symbol, rules)?);
        Ok(self.books.len() - 1)
    }

    /// Registers one socket; returns its id.
    pub fn add_stream(&mut self, venue: Venue) -> usize {
        self.streams.push(Stream {
            venue,
            hint: 0,
            timed_ns: i64::MIN,
        });
        self.streams.len() - 1
    }

    /// Watches one ordered pair of books; returns the detector's id.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown book, a book against itself, or rules and parameters
    /// that do not go together.
    pub fn add_detector(&mut self, params: SpreadParams, buy: usize, sell: usize) -> Result<usize> {
        let rules = (self.book(buy)?.rules, self.book(sell)?.rules);
        if buy == sell {
            return Err(Error::OutOfRange(format!("book {buy} against itself")));
        }
        let detector = SpreadDetector::new(params, rules.0, rules.1)?;
        let id = self.watches.len();
        self.watches.push(Watch {
            detector,
            buy,
            sell,
            pending: None,
        });
        self.books[buy].detectors.push(id);
        self.books[sell].detectors.push(id);
        Ok(id)
    }

    /// Takes one frame; true when anything is pending.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown stream alone: a malformed frame changes no book and is
    /// a note.
    #[inline]
    pub fn on_frame(&mut self, stream: usize, raw: &[u8], recv_ns: i64) -> Result<bool> {
        let Some(Stream { venue, .. }) = self.streams.get(stream) else {
            return Err(unknown("stream", stream));
        };
        self.counters.frames += 1;
        match venue.decode(raw, &mut self.changes) {
            Ok(Frame::Depth(depth)) => self.on_depth(stream, &depth, recv_ns),
            Ok(Frame::Ticker(ticker)) => self.on_ticker(stream, &ticker, recv_ns),
            Ok(Frame::Other { event_ns }) => {
                if let Some(event_ns) = event_ns {
                    self.timed(stream, event_ns, recv_ns);
                }
            }
            Ok(Frame::Control) => {
                let text = String::from_utf8_lossy(raw).into_owned();
                self.note(NoteKind::Control, None, text);
            }
            Err(fault) => self.refuse(None, Error::from(fault)),
        }
        Ok(self.is_pending())
    }

    #[inline]
    fn on_depth(&mut self, stream: usize, depth: &Depth<'_>, recv_ns: i64) {
        self.counters.depth_frames += 1;
        let data_ns = self.bound(stream, depth.event_ns, recv_ns);
        let Some(book) = self.locate(stream, depth.symbol) else {
            return;
        };
        let span = Span {
            first: depth.first,
            last: depth.last,
            stamp: Stamp { data_ns, recv_ns },
        };
        let watched = &mut self.books[book];
        let before = watched.state();
        match watched.on_depth(span, &self.changes, stream) {
            Ok(true) => {
                self.note_state(book, before);
                self.detect(book, recv_ns);
            }
            Ok(false) => {}
            Err(error) => self.refuse(Some(book), error),
        }
    }

    #[inline]
    fn on_ticker(&mut self, stream: usize, ticker: &Ticker<'_>, recv_ns: i64) {
        self.counters.ticker_frames += 1;
        let Some(book) = self.locate(stream, ticker.symbol) else {
            return;
        };
        let stamp = Stamp {
            data_ns: recv_ns.min(self.streams[stream].timed_ns),
            recv_ns,
        };
        match self.books[book].on_ticker(ticker, stamp, stream) {
            Ok(true) => self.detect(book, recv_ns),
            Ok(false) => {}
            Err(error) => self.refuse(Some(book), error),
        }
    }

    /// Notes the age of a timed frame; returns its bound.
    #[inline]
    fn timed(&mut self, stream: usize, event_ns: i64, recv_ns: i64) -> i64 {
        let Stream {
            venue, timed_ns, ..
        } = &mut self.streams[stream];
        *timed_ns = match self.offsets[*venue as usize] {
            Some(offset) => recv_ns.min(event_ns.saturating_add(offset)),
            None => recv_ns,
        };
        *timed_ns
    }

    #[inline]
    fn bound(&mut self, stream: usize, event_ns: Option<i64>, recv_ns: i64) -> i64 {
        let Stream {
            venue, timed_ns, ..
        } = self.streams[stream];
        match (event_ns, self.offsets[venue as usize]) {
            (Some(event_ns), _) => self.timed(stream, event_ns, recv_ns),
            (None, None) => recv_ns,
            (None, Some(_)) => recv_ns.min(timed_ns),
        }
    }

    #[inline]
    fn locate(&mut self, stream: usize, symbol: Text<'_>) -> Option<usize> {
        let Stream { venue, hint, .. } = self.streams[stream];
        let book = self.find(venue, symbol, hint)?;
        self.streams[stream].hint = book;
        Some(book)
    }

    #[inline]
    fn find(&self, venue: Venue, symbol: Text<'_>, hint: usize) -> Option<usize> {
        let fits = |book: &Watched| book.venue == venue && symbol.is(&book.symbol);
        match self.books.get(hint) {
            Some(book) if fits(book) => Some(hint),
            _ => self.books.iter().position(fits),
        }
    }

    /// Runs the detectors of a book that changed; an edge that is gone takes its signal along.
    #[inline]
    fn detect(&mut self, book: usize, recv_ns: i64) {
        for at in 0..self.books[book].detectors.len() {
            let id = self.books[book].detectors[at];
            let watch = &mut self.watches[id];
            let (buy, sell) = (&self.books[watch.buy], &self.books[watch.sell]);
            let spread = match (buy.view(), sell.view()) {
                (Some(buy), Some(sell)) => watch.detector.detect(buy, sell),
                _ => None,
            };
            let had = usize::from(watch.pending.is_some());
            watch.pending = spread.map(|spread| {
                self.counters.signals += 1;
                Signal {
                    signal_id: self.counters.signals,
                    detector: id,
                    buy_book: watch.buy,
                    sell_book: watch.sell,
                    spread,
                    buy_version: buy.version,
                    sell_version: sell.version,
                    buy_data_ns: buy.stamp().data_ns,
                    sell_data_ns: sell.stamp().data_ns,
                    recv_ns,
                }
            });
            self.pending = self.pending - had + usize::from(watch.pending.is_some());
        }
    }

    /// Loads a REST snapshot body; true when anything is pending. A snapshot too old for the
    /// frames seen leaves the book SYNCING with a note that says so again.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a body that is no snapshot, with nothing applied;
    /// [`Error::OutOfRange`] for an unknown book.
    pub fn on_snapshot(&mut self, book: usize, raw: &[u8], recv_ns: i64) -> Result<bool> {
        let (venue, before) = (self.book(book)?.venue, self.book(book)?.state());
        let snapshot = venue.snapshot(raw, &mut self.changes)?;
        let data_ns = match (snapshot.event_ns, self.offsets[venue as usize]) {
            (_, None) => recv_ns,
            (Some(event_ns), Some(offset)) => recv_ns.min(event_ns.saturating_add(offset)),
            (None, Some(_)) => i64::MIN,
        };
        let stamp = Stamp { data_ns, recv_ns };
        let state = self.books[book].on_snapshot(snapshot, &self.changes, stamp)?;
        if state == before && state == State::Syncing {
            self.note(NoteKind::State, Some(book), state.name().to_owned());
        } else {
            self.note_state(book, before);
        }
        self.detect(book, recv_ns);
        Ok(self.is_pending())
    }

    /// A socket closed: every book that lives on it is STALE; true when anything is pending.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown stream.
    pub fn stream_down(&mut self, stream: usize) -> Result<bool> {
        let Some(socket) = self.streams.get_mut(stream) else {
            return Err(unknown("stream", stream));
        };
        socket.timed_ns = i64::MIN;
        let venue = socket.venue;
        for book in 0..self.books.len() {
            let watched = &mut self.books[book];
            let before = watched.state();
            if watched.venue == venue && watched.stream_down(stream) {
                let recv_ns = watched.stamp().recv_ns;
                self.note_state(book, before);
                self.detect(book, recv_ns);
            }
        }
        Ok(self.is_pending())
    }

    /// Starts a book over: SYNCING until a snapshot fits.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown book.
    pub fn resync(&mut self, book: usize) -> Result<()> {
        let before = self.book(book)?.state();
        self.counters.resyncs += 1;
        self.books[book].resync();
        self.note_state(book, before);
        self.detect(book, i64::MIN);
        Ok(())
    }

    /// Maps a venue's event time to the local monotonic clock: local = venue + offset.
    pub fn set_clock(&mut self, venue: Venue, offset_ns: i64) {
        self.offsets[venue as usize] = Some(offset_ns);
    }

    /// Whether there are signals or notes.
    #[inline]
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending > 0 || !self.notes.is_empty()
    }

    /// The signals that hold now.
    pub fn signals(&self) -> impl Iterator<Item = &Signal> {
        self.watches
            .iter()
            .filter_map(|watch| watch.pending.as_ref())
    }

    /// The notes since they were last consumed.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Forgets signals and notes: they were acted on.
    #[inline]
    pub fn consume(&mut self) {
        if self.pending > 0 {
            self.watches
                .iter_mut()
                .for_each(|watch| watch.pending = None);
            self.pending = 0;
        }
        self.notes.clear();
    }

    /// A book's standing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown book.
    pub fn standing(&self, book: usize) -> Result<Standing> {
        let watched = self.book(book)?;
        Ok(Standing {
            state: watched.state(),
            sequence: watched.sequence(),
            version: watched.version,
            stamp: watched.stamp(),
        })
    }

    /// Bid, its quantity, ask, its quantity in the units of the book's rules; None unless LIVE and
    /// two-sided.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown book.
    pub fn top(&self, book: usize) -> Result<Option<(i64, i64, i64, i64)>> {
        let watched = self.book(book)?;
        Ok(watched.view().and_then(|view| {
            let bid = watched.in_rules(view.best(Side::Bid)?, Side::Bid);
            let ask = watched.in_rules(view.best(Side::Ask)?, Side::Ask);
            Some((bid.price, bid.qty, ask.price, ask.qty))
        }))
    }

    /// The best `n` levels of a side in the units of the book's rules; none unless LIVE and
    /// two-sided.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown book.
    pub fn depth(&self, book: usize, side: Side, n: usize) -> Result<Vec<(i64, i64)>> {
        let watched = self.book(book)?;
        Ok(watched.view().map_or_else(Vec::new, |view| {
            let levels = view.levels(side).take(n);
            levels
                .map(|level| watched.in_rules(level, side))
                .map(|level| (level.price, level.qty))
                .collect()
        }))
    }

    /// Counts since the start.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn book(&self, book: usize) -> Result<&Watched> {
        self.books.get(book).ok_or_else(|| unknown("book", book))
    }

    fn note(&mut self, kind: NoteKind, book: Option<usize>, text: String) {
        self.notes.push(Note { kind, book, text });
    }

    #[inline]
    fn note_state(&mut self, book: usize, before: State) {
        let state = self.books[book].state();
        if state != before {
            self.counters.gaps += u64::from(state == State::Gap);
            self.note(NoteKind::State, Some(book), state.name().to_owned());
        }
    }

    #[cold]
    fn refuse(&mut self, book: Option<usize>, error: Error) {
        self.counters.malformed += 1;
        self.note(NoteKind::Malformed, book, error.to_string());
    }
}

#[cold]
fn unknown(what: &str, id: usize) -> Error {
    Error::OutOfRange(format!("unknown {what}: {id}"))
}

#[cfg(test)]
mod tests;
