//! Approvals: the only way to an order.
//!
//! A [`Gate`] mints [`Approved`]; an encoder is bound to one gate when it is made and refuses the
//! approvals of any other. The fields of an approval cannot be changed, and one approval becomes
//! one order at most.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::decimal::MAX_SCALE;
use crate::{Error, Result};

/// Longest client order id.
pub const MAX_CLIENT_ID: usize = 24;
/// Longest venue symbol.
pub const MAX_SYMBOL: usize = 32;

/// Process-unique ids, so that an approval names its gate without holding it.
static NEXT_GATE: AtomicU64 = AtomicU64::new(1);

/// Side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Buys the base asset.
    Buy = 0,
    /// Sells the base asset.
    Sell = 1,
}

/// Order types that the engine sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderType {
    /// At the price or better.
    Limit = 0,
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until filled or cancelled.
    Gtc = 0,
    /// Fills what it can at once, the rest is cancelled.
    Ioc = 1,
    /// Fills whole at once or not at all.
    Fok = 2,
}

impl Side {
    fn of(value: i64) -> Result<Self> {
        match value {
            0 => Ok(Self::Buy),
            1 => Ok(Self::Sell),
            _ => Err(Error::OutOfRange(format!("no such side: {value}"))),
        }
    }
}

impl OrderType {
    fn of(value: i64) -> Result<Self> {
        match value {
            0 => Ok(Self::Limit),
            _ => Err(Error::OutOfRange(format!("no such order type: {value}"))),
        }
    }
}

impl TimeInForce {
    fn of(value: i64) -> Result<Self> {
        match value {
            0 => Ok(Self::Gtc),
            1 => Ok(Self::Ioc),
            2 => Ok(Self::Fok),
            _ => Err(Error::OutOfRange(format!("no such time in force: {value}"))),
        }
    }
}

/// What the risk engine wants approved, as it came: nothing is checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Venue name, lower case.
    pub venue: &'a str,
    /// Symbol as the venue writes it.
    pub venue_symbol: &'a str,
    /// [`Side`] as a number.
    pub side: i64,
    /// [`OrderType`] as a number.
    pub order_type: i64,
    /// [`TimeInForce`] as a number.
    pub tif: i64,
    /// Limit price in units of 10^-price_decimals.
    pub price: i64,
    /// Scale of the price.
    pub price_decimals: i64,
    /// Quantity in units of 10^-qty_decimals.
    pub qty: i64,
    /// Scale of the quantity.
    pub qty_decimals: i64,
    /// Client order id.
    pub client_id: &'a str,
}

/// One order that risk let through: frozen, single use, expiring.
///
/// There is no constructor and no `Clone`: only [`Gate::approve`] makes one.
///
/// ```compile_fail,E0451
/// use xrpfast_core::gate::Approved;
/// fn from_another(approved: Approved) -> Approved {
///     Approved { ..approved }
/// }
/// ```
///
/// ```compile_fail,E0599
/// use xrpfast_core::gate::Approved;
/// fn twice(approved: &Approved) -> Approved {
///     Approved::clone(approved)
/// }
/// ```
///
/// Its fields cannot be changed, and what consumes it is the encoders' alone:
///
/// ```compile_fail,E0616
/// use xrpfast_core::gate::Approved;
/// fn alter(approved: &mut Approved) {
///     approved.price = 1;
/// }
/// ```
///
/// ```compile_fail,E0624
/// use xrpfast_core::gate::Approved;
/// fn spend(approved: &Approved) {
///     let _ = approved.take(1, "binance", 0);
/// }
/// ```
#[derive(Debug)]
pub struct Approved {
    gate: u64,
    venue: Box<str>,
    venue_symbol: Box<str>,
    client_id: Box<str>,
    side: Side,
    order_type: OrderType,
    tif: TimeInForce,
    price: i64,
    price_decimals: u8,
    qty: i64,
    qty_decimals: u8,
    minted_ns: i64,
    expires_ns: i64,
    used: AtomicBool,
}

/// Mints approvals that live for a fixed time.
#[derive(Debug)]
pub struct Gate {
    id: u64,
    ttl_ns: i64,
}

/// Refuses a text that is empty, too long, or has a byte that `allowed` does not name.
fn check_text(what: &str, text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> Result<()> {
    if text.is_empty() || text.len() > longest || !text.bytes().all(allowed) {
        let shown: String = text.chars().take(longest + 1).collect();
        return Err(Error::OutOfRange(format!("not a {what}: {shown:?}")));
    }
    Ok(())
}

/// Checks a client order id: 1 to 24 of `[0-9A-Za-z-]`.
///
/// # Errors
/// [`Error::OutOfRange`] otherwise.
pub fn check_client_id(text: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    check_text("client order id", text, MAX_CLIENT_ID, allowed)
}

/// Checks a venue symbol: 1 to 32 of `[0-9A-Za-z-_./]`, so that it can stand in JSON and in a
/// signed query as it is.
///
/// # Errors
/// [`Error::OutOfRange`] otherwise.
pub fn check_symbol(text: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    check_text("venue symbol", text, MAX_SYMBOL, allowed)
}

fn check_venue(text: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    check_text("venue", text, 16, allowed)
}

fn check_scale(what: &str, decimals: i64) -> Result<u8> {
    u8::try_from(decimals)
        .ok()
        .filter(|&scale| scale <= MAX_SCALE)
        .ok_or_else(|| Error::OutOfRange(format!("{what}: {decimals} decimals")))
}

fn check_positive(what: &str, value: i64) -> Result<i64> {
    if value <= 0 {
        return Err(Error::OutOfRange(format!(
            "{what} is not positive: {value}"
        )));
    }
    Ok(value)
}

impl Gate {
    /// A gate whose approvals live `ttl_ns` from the moment they are minted.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a time that is not positive.
    pub fn new(ttl_ns: i64) -> Result<Self> {
        let ttl_ns = check_positive("life of an approval", ttl_ns)?;
        Ok(Self {
            id: NEXT_GATE.fetch_add(1, Ordering::Relaxed),
            ttl_ns,
        })
    }

    /// The id that this gate's approvals carry.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Mints an approval of `request`, valid to `now_ns` + life, both ends included.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a field that no order may have.
    pub fn approve(&self, request: &Request<'_>, now_ns: i64) -> Result<Approved> {
        check_venue(request.venue)?;
        check_symbol(request.venue_symbol)?;
        check_client_id(request.client_id)?;
        let expires_ns = now_ns
            .checked_add(self.ttl_ns)
            .ok_or_else(|| Error::OutOfRange(format!("time {now_ns}")))?;
        Ok(Approved {
            gate: self.id,
            side: Side::of(request.side)?,
            order_type: OrderType::of(request.order_type)?,
            tif: TimeInForce::of(request.tif)?,
            price: check_positive("price", request.price)?,
            price_decimals: check_scale("price", request.price_decimals)?,
            qty: check_positive("quantity", request.qty)?,
            qty_decimals: check_scale("quantity", request.qty_decimals)?,
            venue: request.venue.into(),
            venue_symbol: request.venue_symbol.into(),
            client_id: request.client_id.into(),
            minted_ns: now_ns,
            expires_ns,
            used: AtomicBool::new(false),
        })
    }
}

impl Approved {
    /// Consumes the approval for an encoder of `venue` that is bound to `gate`.
    ///
    /// Who gets `Ok` is the only one who ever will: the mark is set atomically and before a byte
    /// of the order exists, so whatever fails afterwards, no second order can come of it. A
    /// refusal consumes nothing, but none of the refused can be sent from there either.
    ///
    /// # Errors
    /// [`Error::Approval`] when it is foreign, for another venue, expired, dated in the future
    /// or used.
    pub(crate) fn take(&self, gate: u64, venue: &str, now_ns: i64) -> Result<()> {
        let refuse = |why: &str| {
            Err(Error::Approval(format!(
                "order {} of {}: {why}",
                self.client_id, self.venue
            )))
        };
        if self.gate != gate {
            return refuse("approved by another gate");
        }
        if &*self.venue != venue {
            return refuse(&format!("not for {venue}"));
        }
        if now_ns > self.expires_ns {
            return refuse("expired");
        }
        // An old stamp must not keep an approval alive.
        if now_ns < self.minted_ns {
            return refuse("used before the time at which it was approved");
        }
        if self.used.swap(true, Ordering::AcqRel) {
            return refuse("used already");
        }
        Ok(())
    }

    /// Venue name.
    #[must_use]
    pub fn venue(&self) -> &str {
        &self.venue
    }

    /// Symbol as the venue writes it.
    #[must_use]
    pub fn venue_symbol(&self) -> &str {
        &self.venue_symbol
    }

    /// Client order id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Side.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Order type.
    #[must_use]
    pub fn order_type(&self) -> OrderType {
        self.order_type
    }

    /// Time in force.
    #[must_use]
    pub fn tif(&self) -> TimeInForce {
        self.tif
    }

    /// Limit price in units of 10^-[`Self::price_decimals`].
    #[must_use]
    pub fn price(&self) -> i64 {
        self.price
    }

    /// Scale of the price.
    #[must_use]
    pub fn price_decimals(&self) -> u8 {
        self.price_decimals
    }

    /// Quantity in units of 10^-[`Self::qty_decimals`].
    #[must_use]
    pub fn qty(&self) -> i64 {
        self.qty
    }

    /// Scale of the quantity.
    #[must_use]
    pub fn qty_decimals(&self) -> u8 {
        self.qty_decimals
    }

    /// Last moment at which an encoder takes it.
    #[must_use]
    pub fn expires_ns(&self) -> i64 {
        self.expires_ns
    }

    /// Whether an encoder took it.
    #[must_use]
    pub fn used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }
}

#[cfg(test)]
pub(crate) mod tests;
