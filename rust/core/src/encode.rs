//! Order requests as the venues take them, from an approval alone.
//!
//! An encoder writes into a buffer of its own, which is reused: no allocation in steady state.
//! Checks come first, then the approval is consumed, and from there on nothing can fail.

use crate::decimal::write_units;
use crate::gate::{Approved, Gate, OrderType, Side, TimeInForce, check_client_id, check_symbol};
use crate::sign::Signer;
use crate::{Error, Result};

/// Room for the longest request, so that the buffers never grow.
const ROOM: usize = 1024;
/// Longest `recvWindow` that Binance takes.
const MAX_RECV_WINDOW_MS: u32 = 60_000;

const fn tif_text(tif: TimeInForce) -> &'static [u8] {
    match tif {
        TimeInForce::Gtc => b"GTC",
        TimeInForce::Ioc => b"IOC",
        TimeInForce::Fok => b"FOK",
    }
}

/// Appends a number as decimal text.
fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut text = [0_u8; 20];
    let mut at = text.len();
    let mut rest = value;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

fn wall_ms(wall_ns: i64) -> Result<u64> {
    u64::try_from(wall_ns / 1_000_000)
        .ok()
        .filter(|&ms| ms > 0)
        .ok_or_else(|| Error::OutOfRange(format!("wall clock {wall_ns}")))
}

/// Self-trade prevention modes of Binance.
const STP_MODES: [&str; 6] = [
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "EXPIRE_BOTH",
    "DECREMENT",
    "TRANSFER",
];

/// Self-trade prevention modes of KuCoin: cancel the newest, the oldest, both; decrease and cancel.
const KUCOIN_STP_MODES: [&str; 4] = ["CN", "CO", "CB", "DC"];

/// Signed WebSocket API requests of Binance.
///
/// Parameters are signed sorted by name, joined as `name=value`; decimals are sent as JSON strings
/// and integers as integers, because the venue signs the scalars' texts.
#[derive(Debug)]
pub struct BinanceEncoder {
    gate: u64,
    /// Has hashed what every payload of its kind begins with.
    place_signer: Signer,
    cancel_signer: Signer,
    api_key: Box<[u8]>,
    recv_window: Box<[u8]>,
    stp: Option<Box<[u8]>>,
    json: Vec<u8>,
    payload: Vec<u8>,
}

impl BinanceEncoder {
    /// An encoder bound to `gate`. `stp` is `selfTradePreventionMode`, the account's own if `None`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a key, window or mode that the venue does not take.
    pub fn new(
        gate: &Gate,
        signer: &Signer,
        api_key: &str,
        recv_window_ms: u32,
        stp: Option<&str>,
    ) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if api_key.is_empty() || api_key.len() > 128 || !api_key.bytes().all(plain) {
            return Err(Error::OutOfRange("not an API key of Binance".into()));
        }
        if recv_window_ms == 0 || recv_window_ms > MAX_RECV_WINDOW_MS {
            return Err(Error::OutOfRange(format!(
                "recvWindow of {recv_window_ms} ms"
            )));
        }
        if let Some(mode) = stp.filter(|mode| !STP_MODES.contains(mode)) {
            return Err(Error::OutOfRange(format!(
                "no such self-trade prevention: {mode:?}"
            )));
        }
        Ok(Self {
            gate: gate.id(),
            place_signer: signer
                .with_prefix(format!("apiKey={api_key}&newClientOrderId=").as_bytes()),
            cancel_signer: signer
                .with_prefix(format!("apiKey={api_key}&origClientOrderId=").as_bytes()),
            api_key: api_key.as_bytes().into(),
            recv_window: recv_window_ms.to_string().into_bytes().into(),
            stp: stp.map(|mode| mode.as_bytes().into()),
            json: Vec::with_capacity(ROOM),
            payload: Vec::with_capacity(ROOM),
        })
    }

    /// `order.place` of the approved order, signed; consumes the approval.
    ///
    /// # Errors
    /// [`Error::Approval`] as of the gate; [`Error::OutOfRange`] for a wall clock before 1970.
    /// Neither consumes the approval.
    pub fn encode(
        &mut self,
        approved: &Approved,
        request_id: u64,
        now_ns: i64,
        wall_ns: i64,
    ) -> Result<&[u8]> {
        let timestamp = wall_ms(wall_ns)?;
        approved.take(self.gate, "binance", now_ns)?;
        let kind: &[u8] = match approved.order_type() {
            OrderType::Limit => b"LIMIT",
        };
        let side: &[u8] = match approved.side() {
            Side::Buy => b"BUY",
            Side::Sell => b"SELL",
        };
        self.begin(
            request_id,
            b"order.place",
            b"newClientOrderId",
            approved.client_id(),
        );
        self.text(b"newOrderRespType", b"ACK");
        self.decimal(b"price", approved.price(), approved.price_decimals());
        self.decimal(b"quantity", approved.qty(), approved.qty_decimals());
        self.recv_window();
        if let Some(mode) = self.stp.take() {
            self.text(b"selfTradePreventionMode", &mode);
            self.stp = Some(mode);
        }
        self.text(b"side", side);
        self.text(b"symbol", approved.venue_symbol().as_bytes());
        self.text(b"timeInForce", tif_text(approved.tif()));
        self.timestamp(timestamp);
        self.text(b"type", kind);
        self.place_signer.end_request(&self.payload, &mut self.json);
        Ok(&self.json)
    }

    /// `order.cancel` by client order id, signed. Needs no approval.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a symbol, id or time that cannot be one.
    pub fn cancel(
        &mut self,
        venue_symbol: &str,
        client_id: &str,
        request_id: u64,
        wall_ns: i64,
    ) -> Result<&[u8]> {
        check_symbol(venue_symbol)?;
        check_client_id(client_id)?;
        let timestamp = wall_ms(wall_ns)?;
        self.begin(request_id, b"order.cancel", b"origClientOrderId", client_id);
        self.recv_window();
        self.text(b"symbol", venue_symbol.as_bytes());
        self.timestamp(timestamp);
        self.cancel_signer
            .end_request(&self.payload, &mut self.json);
        Ok(&self.json)
    }

    /// Starts both texts; the payload begins with the client id, its head is hashed already.
    fn begin(&mut self, request_id: u64, method: &[u8], id_name: &[u8], client_id: &str) {
        let (json, payload) = (&mut self.json, &mut self.payload);
        json.clear();
        payload.clear();
        json.extend_from_slice(b"{\"id\":");
        push_number(json, request_id);
        json.extend_from_slice(b",\"method\":\"");
        json.extend_from_slice(method);
        json.extend_from_slice(b"\",\"params\":{\"apiKey\":\"");
        json.extend_from_slice(&self.api_key);
        json.extend_from_slice(b"\",\"");
        json.extend_from_slice(id_name);
        json.extend_from_slice(b"\":\"");
        json.extend_from_slice(client_id.as_bytes());
        json.push(b'"');
        payload.extend_from_slice(client_id.as_bytes());
    }

    fn name(&mut self, name: &[u8]) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name);
        self.json.extend_from_slice(b"\":");
        self.payload.push(b'&');
        self.payload.extend_from_slice(name);
        self.payload.push(b'=');
    }

    fn text(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        self.json.push(b'"');
        self.json.extend_from_slice(value);
        self.json.push(b'"');
        self.payload.extend_from_slice(value);
    }

    fn decimal(&mut self, name: &[u8], value: i64, decimals: u8) {
        self.name(name);
        let at = self.payload.len();
        write_units(&mut self.payload, value, decimals, true);
        self.json.push(b'"');
        self.json.extend_from_slice(&self.payload[at..]);
        self.json.push(b'"');
    }

    fn recv_window(&mut self) {
        self.name(b"recvWindow");
        self.json.extend_from_slice(&self.recv_window);
        self.payload.extend_from_slice(&self.recv_window);
    }

    fn timestamp(&mut self, ms: u64) {
        self.name(b"timestamp");
        let at = self.payload.len();
        push_number(&mut self.payload, ms);
        self.json.extend_from_slice(&self.payload[at..]);
    }
}

impl Signer {
    /// Ends the JSON of a request with the signature of `payload`.
    fn end_request(&self, payload: &[u8], json: &mut Vec<u8>) {
        json.extend_from_slice(b",\"signature\":\"");
        self.push_hex(payload, json);
        json.extend_from_slice(b"\"}}");
    }
}

/// WebSocket order entry requests of KuCoin. The session is authenticated, requests carry no
/// signature.
#[derive(Debug)]
pub struct KucoinEncoder {
    gate: u64,
    stp: Option<Box<[u8]>>,
    json: Vec<u8>,
}

impl KucoinEncoder {
    /// An encoder bound to `gate`. `stp` is the order's `stp`; without it own orders may trade with
    /// each other.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a mode that the venue does not take.
    pub fn new(gate: &Gate, stp: Option<&str>) -> Result<Self> {
        if let Some(mode) = stp.filter(|mode| !KUCOIN_STP_MODES.contains(mode)) {
            return Err(Error::OutOfRange(format!(
                "no such self-trade prevention: {mode:?}"
            )));
        }
        Ok(Self {
            gate: gate.id(),
            stp: stp.map(|mode| mode.as_bytes().into()),
            json: Vec::with_capacity(ROOM),
        })
    }

    /// `spot.order` of the approved order; consumes the approval.
    ///
    /// # Errors
    /// [`Error::Approval`] as of the gate, with nothing consumed.
    pub fn encode(&mut self, approved: &Approved, request_id: u64, now_ns: i64) -> Result<&[u8]> {
        approved.take(self.gate, "kucoin", now_ns)?;
        let kind: &[u8] = match approved.order_type() {
            OrderType::Limit => b"limit",
        };
        let side: &[u8] = match approved.side() {
            Side::Buy => b"buy",
            Side::Sell => b"sell",
        };
        self.begin(request_id, b"spot.order", approved.client_id());
        self.text(b"symbol", approved.venue_symbol().as_bytes());
        self.text(b"side", side);
        self.text(b"type", kind);
        self.decimal(b"price", approved.price(), approved.price_decimals());
        self.decimal(b"size", approved.qty(), approved.qty_decimals());
        self.text(b"timeInForce", tif_text(approved.tif()));
        if let Some(mode) = self.stp.take() {
            self.text(b"stp", &mode);
            self.stp = Some(mode);
        }
        self.json.extend_from_slice(b"}}");
        Ok(&self.json)
    }

    /// `spot.cancel` by client order id. Needs no approval.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a symbol or id that cannot be one.
    pub fn cancel(
        &mut self,
        venue_symbol: &str,
        client_id: &str,
        request_id: u64,
    ) -> Result<&[u8]> {
        check_symbol(venue_symbol)?;
        check_client_id(client_id)?;
        self.begin(request_id, b"spot.cancel", client_id);
        self.text(b"symbol", venue_symbol.as_bytes());
        self.json.extend_from_slice(b"}}");
        Ok(&self.json)
    }

    /// The venue wants the id as a text that is not empty.
    fn begin(&mut self, request_id: u64, op: &[u8], client_id: &str) {
        let json = &mut self.json;
        json.clear();
        json.extend_from_slice(b"{\"id\":\"");
        push_number(json, request_id);
        json.extend_from_slice(b"\",\"op\":\"");
        json.extend_from_slice(op);
        json.extend_from_slice(b"\",\"args\":{\"clientOid\":\"");
        json.extend_from_slice(client_id.as_bytes());
        json.push(b'"');
    }

    fn text(&mut self, name: &[u8], value: &[u8]) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name);
        self.json.extend_from_slice(b"\":\"");
        self.json.extend_from_slice(value);
        self.json.push(b'"');
    }

    fn decimal(&mut self, name: &[u8], value: i64, decimals: u8) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name);
        self.json.extend_from_slice(b"\":\"");
        write_units(&mut self.json, value, decimals, true);
        self.json.push(b'"');
    }
}

#[cfg(test)]
mod tests;
