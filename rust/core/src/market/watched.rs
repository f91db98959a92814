//! One book of the market with what lies over it: the newer top, its version and its age.

use crate::book::{BookView, Level, Side, Top};
use crate::decimal;
use crate::spread::Rules;
use crate::sync::{BookSync, Span, Stamp, State};
use crate::wire::{Change, Quote, Snapshot, Ticker, Venue};
use crate::{Error, Result};

/// A ticker that is newer than the depth.
#[derive(Debug, Clone, Copy)]
struct Overlay {
    sequence: u64,
    bid: Option<Quote>,
    ask: Option<Quote>,
    top: Top,
    stamp: Stamp,
    stream: usize,
}

/// A book, its rules and its newer top.
#[derive(Debug)]
pub(super) struct Watched {
    pub venue: Venue,
    pub symbol: Box<[u8]>,
    pub rules: Rules,
    pub version: u64,
    /// Socket that its last depth frame came by.
    pub stream: Option<usize>,
    /// Detectors that look at it.
    pub detectors: Vec<usize>,
    sync: BookSync,
    overlay: Option<Overlay>,
}

impl Watched {
    pub fn new(venue: Venue, symbol: &str, rules: Rules) -> Result<Self> {
        Ok(Self {
            venue,
            symbol: symbol.as_bytes().into(),
            rules,
            version: 0,
            stream: None,
            detectors: Vec::new(),
            sync: BookSync::new(rules.price_decimals, rules.qty_decimals)?,
            overlay: None,
        })
    }

    #[inline]
    pub fn state(&self) -> State {
        self.sync.state()
    }

    #[inline]
    pub fn sequence(&self) -> u64 {
        match &self.overlay {
            Some(overlay) => overlay.sequence,
            None => self.sync.sequence(),
        }
    }

    /// The older age of what is seen, the newer receive time.
    #[inline]
    pub fn stamp(&self) -> Stamp {
        let depth = self.sync.stamp();
        match &self.overlay {
            None => depth,
            Some(overlay) => Stamp {
                data_ns: depth.data_ns.min(overlay.stamp.data_ns),
                recv_ns: depth.recv_ns.max(overlay.stamp.recv_ns),
            },
        }
    }

    /// What a strategy may look at: a LIVE book with both sides that do not cross.
    #[inline]
    pub fn view(&self) -> Option<BookView<'_>> {
        if self.sync.state() != State::Live {
            return None;
        }
        let top = self
            .overlay
            .map_or_else(Top::default, |overlay| overlay.top);
        let view = BookView::new(self.sync.book(), top);
        let (bid, ask) = (view.best(Side::Bid)?, view.best(Side::Ask)?);
        (bid.price < ask.price).then_some(view)
    }

    /// True when what is seen of the book changed.
    #[inline]
    pub fn on_depth(&mut self, span: Span, changes: &[Change], stream: usize) -> Result<bool> {
        self.stream = Some(stream);
        let changed = self.sync.on_depth(span, changes)?;
        if changed {
            self.version += 1;
            self.settle();
        }
        Ok(changed)
    }

    /// Drops the newer top when the depth has caught up or the book is not LIVE.
    #[inline]
    fn settle(&mut self) {
        let Some(mut overlay) = self.overlay.take() else {
            return;
        };
        if self.sync.state() != State::Live || self.sync.sequence() >= overlay.sequence {
            return;
        }
        // A finer depth frame may have changed the units of the book.
        if let Ok(top) = self.sync.top(overlay.bid, overlay.ask) {
            overlay.top = top;
            self.overlay = Some(overlay);
        }
    }

    /// True when what is seen of the book changed.
    #[inline]
    pub fn on_ticker(&mut self, ticker: &Ticker<'_>, stamp: Stamp, stream: usize) -> Result<bool> {
        if self.sync.state() != State::Live || ticker.sequence <= self.sequence() {
            return Ok(false);
        }
        let top = self.sync.top(ticker.bid, ticker.ask)?;
        if matches!((top.bid, top.ask), (Some(bid), Some(ask)) if bid.price >= ask.price) {
            return Err(Error::Malformed(
                "bookTicker whose bid reaches its ask".into(),
            ));
        }
        self.overlay = Some(Overlay {
            sequence: ticker.sequence,
            bid: ticker.bid,
            ask: ticker.ask,
            top,
            stamp,
            stream,
        });
        self.version += 1;
        Ok(true)
    }

    pub fn on_snapshot(
        &mut self,
        snapshot: Snapshot,
        changes: &[Change],
        stamp: Stamp,
    ) -> Result<State> {
        let state = self.sync.on_snapshot(snapshot, changes, stamp)?;
        self.version += 1;
        self.settle();
        Ok(state)
    }

    pub fn resync(&mut self) {
        self.sync.resync();
        self.version += 1;
        self.settle();
    }

    /// A socket of its venue closed; true when what is seen of the book changed.
    pub fn stream_down(&mut self, stream: usize) -> bool {
        let before = self.sync.state();
        // A book that no frame has reached yet may be waiting for this very socket.
        if self.stream.is_none_or(|own| own == stream) {
            self.sync.stale();
            self.stream = None;
        }
        let over = self.overlay.is_some_and(|overlay| overlay.stream == stream);
        if over || self.sync.state() != before {
            self.overlay = None;
            self.version += 1;
            return true;
        }
        false
    }

    /// A level in the units of the rules. A level finer than they are is left from before a change
    /// of rules: it reads as an order by the rules would meet it, its price rounded to the worse
    /// for who takes it and its quantity down.
    pub fn in_rules(&self, level: Level, side: Side) -> Level {
        let shift = |from: u8, to: u8| decimal::pow10(from.saturating_sub(to)).unwrap_or(1);
        let book = self.sync.book();
        let step = shift(book.price_decimals(), self.rules.price_decimals);
        let price = match side {
            Side::Bid => level.price.div_euclid(step),
            Side::Ask => level.price.div_euclid(step) + i64::from(level.price % step != 0),
        };
        let step = shift(book.qty_decimals(), self.rules.qty_decimals);
        Level::new(price, level.qty / step)
    }
}
