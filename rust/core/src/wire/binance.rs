//! Binance spot: market data frames and snapshots.
//!
//! Raw (`/ws`) and combined (`/stream`) envelopes. The keys `a`, `b`, `A`, `B` mean other things
//! in other events, so they are read for what they hold and judged once the kind is known.

use super::json::{Scanner, Slot, Text};
use super::{Change, Depth, Fault, Frame, Quote, Scan, Snapshot, Ticker, event_ns, levels};
use crate::book::Side;
use crate::decimal::Decimal;

const KEYS: [&[u8]; 15] = [
    b"e", b"E", b"s", b"U", b"u", b"b", b"a", b"B", b"A", b"result", b"error", b"code", b"msg",
    b"stream", b"data",
];

/// What `b` or `a` holds: the levels of a depth event or the price of a ticker.
#[derive(Clone, Copy)]
enum Held {
    Levels,
    Price(Decimal),
}

/// The fields of one event.
struct Fields<'a> {
    event: Slot<Text<'a>>,
    time: Slot<u64>,
    symbol: Slot<Text<'a>>,
    first: Slot<u64>,
    last: Slot<u64>,
    bid: Slot<Held>,
    ask: Slot<Held>,
    bid_qty: Slot<Decimal>,
    ask_qty: Slot<Decimal>,
    reply: bool,
    code: bool,
    message: bool,
}

impl<'a> Fields<'a> {
    const fn new() -> Self {
        Self {
            event: Slot::Missing,
            time: Slot::Missing,
            symbol: Slot::Missing,
            first: Slot::Missing,
            last: Slot::Missing,
            bid: Slot::Missing,
            ask: Slot::Missing,
            bid_qty: Slot::Missing,
            ask_qty: Slot::Missing,
            reply: false,
            code: false,
            message: false,
        }
    }

    /// Reads one key's value; false when the key is not one of an event's.
    #[inline]
    fn take(
        &mut self,
        scan: &mut Scanner<'a>,
        key: &[u8],
        changes: &mut Vec<Change>,
    ) -> Scan<bool> {
        match key {
            b"e" => scan.fill(&mut self.event, Scanner::text)?,
            b"E" => scan.fill(&mut self.time, Scanner::integer)?,
            b"s" => scan.fill(&mut self.symbol, Scanner::text)?,
            b"U" => scan.fill(&mut self.first, Scanner::integer)?,
            b"u" => scan.fill(&mut self.last, Scanner::integer)?,
            b"b" => scan.fill(&mut self.bid, |scan| held(scan, Side::Bid, changes))?,
            b"a" => scan.fill(&mut self.ask, |scan| held(scan, Side::Ask, changes))?,
            b"B" => scan.fill(&mut self.bid_qty, Scanner::decimal)?,
            b"A" => scan.fill(&mut self.ask_qty, Scanner::decimal)?,
            b"result" | b"error" => {
                self.reply = true;
                scan.skip()?;
            }
            b"code" => {
                self.code = true;
                scan.skip()?;
            }
            b"msg" => {
                self.message = true;
                scan.skip()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn frame(self) -> Scan<Frame<'a>> {
        match self.event {
            Slot::Is(event) if event.is(b"depthUpdate") => self.depth(),
            Slot::Is(event) if event.is(b"bookTicker") => self.ticker(),
            Slot::Is(event) if event.is(b"serverShutdown") => Ok(Frame::Control),
            Slot::Is(_) => Ok(self.other()),
            Slot::Bad(fault) => Err(fault),
            Slot::Missing if self.reply || (self.code && self.message) => Ok(Frame::Control),
            Slot::Missing if self.last.seen() || self.bid_qty.seen() || self.ask_qty.seen() => {
                self.ticker()
            }
            Slot::Missing => Ok(self.other()),
        }
    }

    fn depth(self) -> Scan<Frame<'a>> {
        let first = self.first.need("depthUpdate without U")?;
        let last = self.last.need("depthUpdate without u")?;
        if first > last {
            return Err(Fault::new("depthUpdate whose U is above its u", 0));
        }
        for side in [self.bid, self.ask] {
            if !matches!(side.need("depthUpdate without b or a")?, Held::Levels) {
                return Err(Fault::new("depthUpdate whose b or a is no array", 0));
            }
        }
        Ok(Frame::Depth(Depth {
            symbol: self.symbol.need("depthUpdate without s")?,
            first,
            last,
            event_ns: self.time.optional()?.map(event_ns).transpose()?,
        }))
    }

    fn ticker(self) -> Scan<Frame<'a>> {
        let bid = best(self.bid, self.bid_qty)?;
        let ask = best(self.ask, self.ask_qty)?;
        Ok(Frame::Ticker(Ticker {
            symbol: self.symbol.need("bookTicker without s")?,
            sequence: self.last.need("bookTicker without u")?,
            bid,
            ask,
        }))
    }

    fn other(self) -> Frame<'a> {
        let time = self.time.optional().ok().flatten();
        Frame::Other {
            event_ns: time.and_then(|stamp| event_ns(stamp).ok()),
        }
    }
}

fn held(scan: &mut Scanner<'_>, side: Side, changes: &mut Vec<Change>) -> Scan<Held> {
    if scan.peek()? != b'[' {
        return scan.decimal().map(Held::Price);
    }
    let start = changes.len();
    levels(scan, side, changes)
        .map(|()| Held::Levels)
        .inspect_err(|_| changes.truncate(start))
}

/// A ticker's level; a price and quantity of zero are an empty side.
fn best(price: Slot<Held>, qty: Slot<Decimal>) -> Scan<Option<Quote>> {
    let Held::Price(price) = price.need("bookTicker without b or a")? else {
        return Err(Fault::new("bookTicker whose b or a is no price", 0));
    };
    let qty = qty.need("bookTicker without B or A")?;
    match (price.mantissa, qty.mantissa) {
        (0, 0) => Ok(None),
        (0, _) | (_, 0) => Err(Fault::new("bookTicker with a price or quantity of zero", 0)),
        _ => Ok(Some((price, qty))),
    }
}

/// Decodes one message of a market stream.
///
/// # Errors
/// A [`Fault`] for a message that is not what Binance may send.
pub fn decode<'a>(raw: &'a [u8], changes: &mut Vec<Change>) -> Scan<Frame<'a>> {
    let mut scan = Scanner::new(raw);
    if scan.peek()? == b'[' {
        // Streams of all symbols send arrays.
        scan.skip()?;
        scan.end()?;
        return Ok(Frame::Other { event_ns: None });
    }
    let mut outer = Fields::new();
    let mut inner: Option<Fields<'a>> = None;
    let mut stream = Slot::Missing;
    let mut enveloped = false;
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&KEYS) {
            b"data" if enveloped => return Err(Fault::new("data occurs twice", 0)),
            b"data" => {
                enveloped = true;
                if scan.peek()? == b'{' {
                    // Levels that the envelope itself might carry are none of the event's.
                    changes.clear();
                    inner = Some(event(&mut scan, changes)?);
                } else {
                    scan.skip()?;
                }
            }
            b"stream" => scan.fill(&mut stream, Scanner::text)?,
            // Behind the event of an envelope nothing may add to its levels.
            _ if enveloped => scan.skip()?,
            name => {
                if !outer.take(&mut scan, name, changes)? {
                    scan.skip()?;
                }
            }
        }
    }
    scan.end()?;
    match inner {
        Some(fields) => fields.frame(),
        None if enveloped => Ok(Frame::Other { event_ns: None }),
        None => outer.frame(),
    }
}

fn event<'a>(scan: &mut Scanner<'a>, changes: &mut Vec<Change>) -> Scan<Fields<'a>> {
    let mut fields = Fields::new();
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        if !fields.take(scan, key.name(&KEYS), changes)? {
            scan.skip()?;
        }
    }
    Ok(fields)
}

/// Decodes the body of `GET /api/v3/depth`.
///
/// # Errors
/// A [`Fault`] for a body that is not a snapshot.
pub fn snapshot(raw: &[u8], changes: &mut Vec<Change>) -> Scan<Snapshot> {
    let mut scan = Scanner::new(raw);
    let (mut sequence, mut bids, mut asks) = (Slot::Missing, Slot::Missing, Slot::Missing);
    let (mut code, mut first) = (false, true);
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&[b"lastUpdateId", b"bids", b"asks", b"code"]) {
            b"lastUpdateId" => scan.fill(&mut sequence, Scanner::integer)?,
            b"bids" => scan.fill(&mut bids, |scan| levels(scan, Side::Bid, changes))?,
            b"asks" => scan.fill(&mut asks, |scan| levels(scan, Side::Ask, changes))?,
            name => {
                code |= name == b"code";
                scan.skip()?;
            }
        }
    }
    scan.end()?;
    if code && !sequence.seen() {
        return Err(Fault::new("an error instead of a snapshot", 0));
    }
    bids.need("snapshot without bids")?;
    asks.need("snapshot without asks")?;
    Ok(Snapshot {
        sequence: sequence.need("snapshot without lastUpdateId")?,
        event_ns: None,
    })
}

#[cfg(test)]
mod tests;
