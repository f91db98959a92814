//! Exact decimals: ASCII text to integer units and back, rounding to ticks and lots.
//!
//! A value is an `i64` count of 10^-scale, the scale at most [`MAX_SCALE`]. Nothing here rounds
//! unless its name says so, and nothing is a float.
//!
//! ```
//! use xrpfast_core::decimal;
//!
//! let units = decimal::parse_units(b"2.41370000", 5)?;
//! assert_eq!(units, 241_370);
//! assert_eq!(decimal::format(units, 5, true), "2.4137");
//! # Ok::<(), xrpfast_core::Error>(())
//! ```

use crate::{Error, Result};

/// The largest number of decimals: 10^18 is the last power of ten that fits an `i64`.
pub const MAX_SCALE: u8 = 18;
/// Decimals of money.
pub const MONEY_DECIMALS: u8 = 18;
/// One in the unit of rates (fees, edges).
pub const RATE_ONE: i64 = 100_000_000;

const POW10: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Why a text is not a value. Small and without text of its own: a finer value is no error on the
/// hot path, the book rescales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not digits with at most one point between digits (sign, exponent, empty, NaN).
    NotDecimal,
    /// Has digits below the scale.
    TooFine,
    /// Does not fit 64 bits at the scale.
    TooLarge,
}

impl Fault {
    /// The error that names the text.
    #[cold]
    #[must_use]
    pub fn of(self, text: &[u8]) -> Error {
        let shown = String::from_utf8_lossy(&text[..text.len().min(64)]);
        Error::Decimal(match self {
            Self::NotDecimal => format!("not a plain decimal: {shown:?}"),
            Self::TooFine => format!("finer than the scale: {shown:?}"),
            Self::TooLarge => format!("does not fit 64 bits: {shown:?}"),
        })
    }
}

/// A value with its own scale, as small as the value allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Count of 10^-scale.
    pub mantissa: i64,
    /// Number of decimals, without trailing zeros.
    pub scale: u8,
}

/// 10^exponent.
///
/// # Errors
/// [`Error::OutOfRange`] above [`MAX_SCALE`].
pub fn pow10(exponent: u8) -> Result<i64> {
    POW10
        .get(usize::from(exponent))
        .copied()
        .ok_or_else(|| Error::OutOfRange(format!("more than {MAX_SCALE} decimals: {exponent}")))
}

/// The units of 10^-decimals in a plain decimal text; never rounds, never allocates.
///
/// # Errors
/// A [`Fault`]; one that names the text is [`parse_units`].
#[inline]
pub fn scan_units(text: &[u8], decimals: u8) -> std::result::Result<i64, Fault> {
    // 19 bytes hold at most 19 digits: no step can overflow a u64.
    if text.len() > 19 || decimals > MAX_SCALE {
        return scan_long(text, decimals);
    }
    let mut value = 0_u64;
    let mut rest = text.iter();
    let mut whole_digits = 0;
    let mut point = false;
    for byte in rest.by_ref() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            if *byte != b'.' {
                return Err(Fault::NotDecimal);
            }
            point = true;
            break;
        }
        value = value * 10 + u64::from(digit);
        whole_digits += 1;
    }
    let fraction = rest.as_slice();
    if whole_digits == 0 || (point && fraction.is_empty()) {
        return Err(Fault::NotDecimal);
    }
    // Binance writes eight decimals whatever the tick: one word.
    if let Ok(word) = <[u8; 8]>::try_from(fraction) {
        if decimals <= 8 && value < 1 << 32 {
            return eight(value, u64::from_le_bytes(word), decimals);
        }
    }
    let kept = fraction.len().min(usize::from(decimals));
    let (kept, cut) = fraction.split_at(kept);
    for byte in kept {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Fault::NotDecimal);
        }
        value = value * 10 + u64::from(digit);
    }
    if cut.iter().any(|&byte| byte != b'0') {
        return Err(if cut.iter().all(u8::is_ascii_digit) {
            Fault::TooFine
        } else {
            Fault::NotDecimal
        });
    }
    let shift = usize::from(decimals) - kept.len();
    let value = i64::try_from(value).map_err(|_| Fault::TooLarge)?;
    value.checked_mul(POW10[shift]).ok_or(Fault::TooLarge)
}

/// `value` before the point and eight ASCII digits behind it, the first in the lowest byte, of
/// which at most `decimals` may count.
#[inline]
fn eight(value: u64, word: u64, decimals: u8) -> std::result::Result<i64, Fault> {
    let digits = word ^ 0x3030_3030_3030_3030;
    // A byte is above nine when adding 118 reaches its top bit, or has that bit itself.
    let above = (digits & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676;
    if (digits | above) & 0x8080_8080_8080_8080 != 0 {
        return Err(Fault::NotDecimal);
    }
    let kept = if decimals == 0 {
        if digits != 0 {
            return Err(Fault::TooFine);
        }
        0
    } else {
        // Shifting the digits that count to the end leaves leading zeros.
        let cut = 8 * u32::from(8 - decimals);
        let kept = digits << cut;
        if kept >> cut != digits {
            return Err(Fault::TooFine);
        }
        // Pairs of digits, then pairs of those, then the two halves.
        let pairs = (kept * 10 + (kept >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
    };
    // Below 2^32 times 10^8, so within 64 bits.
    let units = value * POW10[usize::from(decimals)].unsigned_abs() + kept;
    i64::try_from(units).map_err(|_| Fault::TooLarge)
}

/// The same for any length: leading and trailing zeros do not count.
#[cold]
fn scan_long(text: &[u8], decimals: u8) -> std::result::Result<i64, Fault> {
    let (whole, fraction) = split(text)?;
    let decimals = usize::from(decimals);
    if fraction.len() > decimals {
        return Err(Fault::TooFine);
    }
    if decimals > usize::from(MAX_SCALE) {
        return Err(Fault::TooLarge);
    }
    let mut value = 0_i64;
    for digit in whole.iter().chain(fraction) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit - b'0')))
            .ok_or(Fault::TooLarge)?;
    }
    value
        .checked_mul(POW10[decimals - fraction.len()])
        .ok_or(Fault::TooLarge)
}

/// Whole digits and fraction digits without the zeros that do not count; all are digits.
fn split(text: &[u8]) -> std::result::Result<(&[u8], &[u8]), Fault> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        None => (text, &b"0"[..]),
        Some(at) => (&text[..at], &text[at + 1..]),
    };
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !digits(whole) || !digits(fraction) {
        return Err(Fault::NotDecimal);
    }
    let lead = whole.iter().take_while(|&&byte| byte == b'0').count();
    let trail = fraction
        .iter()
        .rev()
        .take_while(|&&byte| byte == b'0')
        .count();
    Ok((&whole[lead..], &fraction[..fraction.len() - trail]))
}

/// The units of 10^-decimals in a plain decimal text; never rounds.
///
/// # Errors
/// [`Error::Decimal`]: not a plain decimal, finer than the scale, or too large for 64 bits.
#[inline]
pub fn parse_units(text: &[u8], decimals: u8) -> Result<i64> {
    scan_units(text, decimals).map_err(|fault| fault.of(text))
}

/// The value of a plain decimal text at its own smallest scale: `"2.50"` is 25 of 10^-1.
///
/// # Errors
/// [`Error::Decimal`]: not a plain decimal, more than [`MAX_SCALE`] decimals, or too large.
pub fn parse(text: &[u8]) -> Result<Decimal> {
    let scale = scale_of(text)?;
    Ok(Decimal {
        mantissa: parse_units(text, scale)?,
        scale,
    })
}

/// Decimals that a plain decimal text needs, trailing zeros not counted.
///
/// # Errors
/// [`Error::Decimal`]: not a plain decimal or more than [`MAX_SCALE`] decimals.
pub fn scale_of(text: &[u8]) -> Result<u8> {
    let (_, fraction) = split(text).map_err(|fault| fault.of(text))?;
    u8::try_from(fraction.len())
        .ok()
        .filter(|&scale| scale <= MAX_SCALE)
        .ok_or_else(|| Fault::TooFine.of(text))
}

/// Appends the text of `value` units of 10^-decimals; `trim` drops trailing zeros.
///
/// # Panics
/// When `decimals` is above [`MAX_SCALE`].
pub fn write_units(out: &mut Vec<u8>, value: i64, decimals: u8, trim: bool) {
    assert!(decimals <= MAX_SCALE, "more than {MAX_SCALE} decimals");
    let decimals = usize::from(decimals);
    // Digits from the right: 19 of a 64-bit value, padding zeros, a point and a sign.
    let mut text = [0_u8; 24];
    let mut at = text.len();
    let mut rest = value.unsigned_abs();
    let mut keep = !trim;
    for _ in 0..decimals {
        let digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        keep |= digit != b'0';
        if keep {
            at -= 1;
            text[at] = digit;
        }
    }
    if at < text.len() {
        at -= 1;
        text[at] = b'.';
    }
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        text[at] = b'-';
    }
    out.extend_from_slice(&text[at..]);
}

/// The text of `value` units of 10^-decimals; `trim` drops trailing zeros.
///
/// # Panics
/// When `decimals` is above [`MAX_SCALE`].
#[must_use]
pub fn format(value: i64, decimals: u8, trim: bool) -> String {
    let mut out = Vec::with_capacity(24);
    write_units(&mut out, value, decimals, trim);
    out.into_iter().map(char::from).collect()
}

/// The text of money, without trailing zeros.
#[must_use]
pub fn format_money(value: i128) -> String {
    let one = 10_u128.pow(u32::from(MONEY_DECIMALS));
    let (whole, fraction) = (value.unsigned_abs() / one, value.unsigned_abs() % one);
    let sign = if value < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{fraction:018}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `value` units of 10^-from as units of 10^-to, exactly.
///
/// # Errors
/// [`Error::OutOfRange`] when it does not fit 64 bits, is finer than `to`, or a scale is too large.
pub fn rescale(value: i64, from: u8, to: u8) -> Result<i64> {
    let refused = |why: &str| Error::OutOfRange(format!("{value} of 10^-{from} {why} 10^-{to}"));
    if to >= from {
        let factor = pow10(to - from)?;
        value
            .checked_mul(factor)
            .ok_or_else(|| refused("does not fit 64 bits at"))
    } else {
        let factor = pow10(from - to)?;
        if value % factor != 0 {
            return Err(refused("is finer than"));
        }
        Ok(value / factor)
    }
}

/// The largest multiple of `step` that is not above `value`.
///
/// # Panics
/// When `step` is not positive.
#[must_use]
pub fn floor_to(value: i64, step: i64) -> i64 {
    assert!(step > 0, "step must be positive");
    value.div_euclid(step) * step
}

/// The smallest multiple of `step` that is not below `value`; None above 64 bits.
///
/// # Panics
/// When `step` is not positive.
#[must_use]
pub fn ceil_to(value: i64, step: i64) -> Option<i64> {
    let floor = floor_to(value, step);
    if floor == value {
        Some(value)
    } else {
        floor.checked_add(step)
    }
}

/// Whether a price fits the tick, or a quantity the lot.
#[must_use]
pub fn is_multiple(value: i64, step: i64) -> bool {
    step > 0 && value % step == 0
}

/// The exact product, which needs twice the bits; its scale is the sum of both.
#[inline]
#[must_use]
pub fn product(price: i64, qty: i64) -> i128 {
    i128::from(price) * i128::from(qty)
}

/// What `qty` costs at `price`, in money; None when the scales add up to more than
/// [`MONEY_DECIMALS`] or the value does not fit.
#[must_use]
pub fn notional(price: i64, price_decimals: u8, qty: i64, qty_decimals: u8) -> Option<i128> {
    let scale = price_decimals.checked_add(qty_decimals)?;
    let shift = MONEY_DECIMALS.checked_sub(scale)?;
    product(price, qty).checked_mul(i128::from(POW10[usize::from(shift)]))
}

#[cfg(test)]
mod tests;
