//! KuCoin spot: market data frames and snapshots.
//!
//! `data` may come before the topic that tells its kind, so it is read for a level-2 frame's keys
//! and judged at the end.

use super::json::{Scanner, Slot, Text};
use super::{Change, Depth, Fault, Frame, Scan, Snapshot, event_ns, item, levels};
use crate::book::Side;

const LEVEL2: &[u8] = b"/market/level2:";

/// The fields of a message's `data`.
struct Data<'a> {
    symbol: Slot<Text<'a>>,
    first: Slot<u64>,
    last: Slot<u64>,
    time: Slot<u64>,
    changes: Slot<()>,
}

impl<'a> Data<'a> {
    const EMPTY: Self = Self {
        symbol: Slot::Missing,
        first: Slot::Missing,
        last: Slot::Missing,
        time: Slot::Missing,
        changes: Slot::Missing,
    };

    fn read(scan: &mut Scanner<'a>, changes: &mut Vec<Change>) -> Scan<Self> {
        let mut data = Self::EMPTY;
        let mut first = true;
        scan.object()?;
        while let Some(key) = scan.key(&mut first)? {
            match key.name(&[
                b"symbol",
                b"sequenceStart",
                b"sequenceEnd",
                b"time",
                b"changes",
            ]) {
                b"symbol" => scan.fill(&mut data.symbol, Scanner::text)?,
                b"sequenceStart" => scan.fill(&mut data.first, Scanner::integer)?,
                b"sequenceEnd" => scan.fill(&mut data.last, Scanner::integer)?,
                b"time" => scan.fill(&mut data.time, Scanner::integer)?,
                b"changes" => scan.fill(&mut data.changes, |scan| sides(scan, changes))?,
                _ => scan.skip()?,
            }
        }
        Ok(data)
    }
}

/// Reads `{"asks":[[price,size,sequence],…],"bids":…}`.
fn sides(scan: &mut Scanner<'_>, changes: &mut Vec<Change>) -> Scan<()> {
    let (mut bids, mut asks) = (Slot::Missing, Slot::Missing);
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&[b"bids", b"asks"]) {
            b"bids" => scan.fill(&mut bids, |scan| entries(scan, Side::Bid, changes))?,
            b"asks" => scan.fill(&mut asks, |scan| entries(scan, Side::Ask, changes))?,
            _ => scan.skip()?,
        }
    }
    bids.need("changes without bids")?;
    asks.need("changes without asks")
}

fn entries(scan: &mut Scanner<'_>, side: Side, changes: &mut Vec<Change>) -> Scan<()> {
    scan.array()?;
    let mut first = true;
    while scan.item(&mut first)? {
        scan.array()?;
        let mut start = true;
        let price = item(scan, &mut start, Scanner::decimal)?;
        let qty = item(scan, &mut start, Scanner::decimal)?;
        let sequence = item(scan, &mut start, Scanner::quoted_integer)?;
        while scan.item(&mut start)? {
            scan.skip()?;
        }
        changes.push(Change {
            side,
            price,
            qty,
            sequence,
        });
    }
    Ok(())
}

/// Decodes one message of the public socket.
///
/// # Errors
/// A [`Fault`] for a message that is not what KuCoin may send.
pub fn decode<'a>(raw: &'a [u8], changes: &mut Vec<Change>) -> Scan<Frame<'a>> {
    let mut scan = Scanner::new(raw);
    let (mut kind, mut topic, mut subject) = (Slot::Missing, Slot::Missing, Slot::Missing);
    let mut data = Slot::Missing;
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&[b"type", b"topic", b"subject", b"data"]) {
            b"type" => scan.fill(&mut kind, Scanner::text)?,
            b"topic" => scan.fill(&mut topic, Scanner::text)?,
            b"subject" => scan.fill(&mut subject, Scanner::text)?,
            b"data" => scan.fill(&mut data, |scan| Data::read(scan, changes))?,
            _ => scan.skip()?,
        }
    }
    scan.end()?;
    let kind = kind.need("message without type")?;
    if !kind.is(b"message") {
        let known: [&[u8]; 4] = [b"welcome", b"ack", b"pong", b"error"];
        return Ok(if known.iter().any(|name| kind.is(name)) {
            Frame::Control
        } else {
            Frame::Other { event_ns: None }
        });
    }
    let topic = topic.optional()?;
    let subject = subject.optional()?;
    let symbol = match topic {
        Some(topic) => topic.after(LEVEL2),
        None => None,
    };
    let level2 = subject.is_none_or(|subject| subject.is(b"trade.l2update"))
        && (symbol.is_some() || (topic.is_none() && subject.is_some()));
    if !level2 {
        return Ok(other(data));
    }
    level2_frame(data.need("level2 message without data")?, symbol, changes)
}

fn level2_frame<'a>(
    data: Data<'a>,
    topic: Option<Text<'a>>,
    changes: &mut Vec<Change>,
) -> Scan<Frame<'a>> {
    data.changes.need("level2 message without changes")?;
    let first = data.first.need("level2 message without sequenceStart")?;
    let last = data.last.need("level2 message without sequenceEnd")?;
    if first > last {
        return Err(Fault::new("sequenceStart above sequenceEnd", 0));
    }
    let outside = |change: &Change| change.sequence < first || change.sequence > last;
    if changes.iter().any(outside) {
        return Err(Fault::new("change outside its message's sequence", 0));
    }
    let symbol = match (data.symbol.optional()?, topic) {
        (Some(symbol), Some(topic)) if !symbol.same(topic) => {
            return Err(Fault::new("symbol differs from the topic's", 0));
        }
        (Some(symbol), _) => symbol,
        (None, Some(topic)) => topic,
        (None, None) => return Err(Fault::new("level2 message without symbol", 0)),
    };
    // Price zero is hidden-order activity: it advances the sequence and touches no level.
    changes.retain(|change| change.price.mantissa != 0);
    Ok(Frame::Depth(Depth {
        symbol,
        first,
        last,
        event_ns: data.time.optional()?.map(event_ns).transpose()?,
    }))
}

/// Times of other topics come in several units and spellings; only a plain one is used.
fn other<'a>(data: Slot<Data<'_>>) -> Frame<'a> {
    let time = match data {
        Slot::Is(Data {
            time: Slot::Is(time),
            ..
        }) => event_ns(time).ok(),
        _ => None,
    };
    Frame::Other { event_ns: time }
}

/// Decodes the body of a level-2 REST call, `{"code":"200000","data":{…}}`.
///
/// # Errors
/// A [`Fault`] for a body that is not a snapshot.
pub fn snapshot(raw: &[u8], changes: &mut Vec<Change>) -> Scan<Snapshot> {
    let mut scan = Scanner::new(raw);
    let (mut code, mut data) = (Slot::Missing, Slot::Missing);
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&[b"code", b"data"]) {
            b"code" => scan.fill(&mut code, Scanner::text)?,
            b"data" => scan.fill(&mut data, |scan| book(scan, changes))?,
            _ => scan.skip()?,
        }
    }
    scan.end()?;
    if !code.need("snapshot without code")?.is(b"200000") {
        return Err(Fault::new("an error instead of a snapshot", 0));
    }
    data.need("snapshot without data")
}

fn book(scan: &mut Scanner<'_>, changes: &mut Vec<Change>) -> Scan<Snapshot> {
    let (mut sequence, mut time) = (Slot::Missing, Slot::Missing);
    let (mut bids, mut asks) = (Slot::Missing, Slot::Missing);
    let mut first = true;
    scan.object()?;
    while let Some(key) = scan.key(&mut first)? {
        match key.name(&[b"sequence", b"time", b"bids", b"asks"]) {
            b"sequence" => scan.fill(&mut sequence, Scanner::quoted_integer)?,
            b"time" => scan.fill(&mut time, Scanner::integer)?,
            b"bids" => scan.fill(&mut bids, |scan| levels(scan, Side::Bid, changes))?,
            b"asks" => scan.fill(&mut asks, |scan| levels(scan, Side::Ask, changes))?,
            _ => scan.skip()?,
        }
    }
    bids.need("snapshot without bids")?;
    asks.need("snapshot without asks")?;
    Ok(Snapshot {
        sequence: sequence.need("snapshot without sequence")?,
        event_ns: time.optional()?.map(event_ns).transpose()?,
    })
}

#[cfg(test)]
mod tests;
