//! Whole numbers and plain decimals.

use super::Scanner;
use crate::decimal::{self, Decimal};
use crate::wire::{Fault, Scan};

/// Digits that a 64-bit accumulator takes without a check.
const SAFE_DIGITS: usize = 19;

const POW10: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Eight decimals as a value and a scale without trailing zeros; None when one is no digit.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<(u64, u8)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // First digit in the lowest byte.
    let digits = u64::from_le_bytes(text) ^ (EACH * 0x30);
    // Adding 0x76 sets the high bit of a byte above 9; a byte with that bit set is no digit.
    if (digits.wrapping_add(EACH * 0x76) | digits) & (EACH * 0x80) != 0 {
        return None;
    }
    // Trailing zeros are the highest bytes; shifted out they become leading ones.
    let zeros = digits.leading_zeros() / 8;
    let digits = digits.checked_shl(zeros * 8).unwrap_or(0);
    // Pairs, then fours, then all eight, side by side in one word.
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let value = (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff;
    Some((value, 8 - zeros as u8))
}

impl Scanner<'_> {
    /// A whole number of at most 63 bits, written as a JSON number.
    #[inline]
    pub fn integer(&mut self) -> Scan<u64> {
        self.peek()?;
        let start = self.at;
        let value = self.digits()?;
        if self.at - start > 1 && self.bytes[start] == b'0' {
            return Err(Fault::new("number starts with a zero", start));
        }
        if matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E')) {
            return Err(self.fault("no whole number"));
        }
        Ok(value)
    }

    /// The same written as a string.
    #[inline]
    pub fn quoted_integer(&mut self) -> Scan<u64> {
        self.expect(b'"', "no string of digits")?;
        let value = self.digits()?;
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.fault("no whole number"));
        }
        self.at += 1;
        Ok(value)
    }

    #[inline]
    fn digits(&mut self) -> Scan<u64> {
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit) = self.digit() {
            value = value.wrapping_mul(10).wrapping_add(digit);
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.fault("no whole number")),
            // 19 digits never wrap 64 bits.
            1..=SAFE_DIGITS if value <= i64::MAX as u64 => Ok(value),
            _ => Err(Fault::new("number too large", start)),
        }
    }

    #[inline]
    pub(super) fn digit(&self) -> Option<u64> {
        let digit = self.bytes.get(self.at)?.wrapping_sub(b'0');
        (digit < 10).then_some(u64::from(digit))
    }

    /// A plain decimal of zero or more, written as a string.
    #[inline]
    pub fn decimal(&mut self) -> Scan<Decimal> {
        self.expect(b'"', "no decimal in a string")?;
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit) = self.digit() {
            value = value.wrapping_mul(10).wrapping_add(digit);
            self.at += 1;
        }
        let whole = self.at - start;
        match self.bytes.get(self.at..).unwrap_or_default() {
            // Binance writes eight decimals, always: one word.
            [b'.', word @ .., _] if whole.wrapping_sub(1) < SAFE_DIGITS - 8 => {
                if let Some((word, [b'"', ..])) = word.split_first_chunk::<8>() {
                    if let Some((fraction, scale)) = eight_digits(*word) {
                        self.at += 10;
                        let power = POW10[usize::from(scale)];
                        return match i64::try_from(value * power + fraction) {
                            Ok(mantissa) => Ok(Decimal { mantissa, scale }),
                            Err(_) => Err(Fault::new("decimal too large", start)),
                        };
                    }
                }
            }
            _ => {}
        }
        self.decimal_tail(start, value)
    }

    /// The rest of a decimal behind its whole digits, digit by digit.
    #[inline]
    fn decimal_tail(&mut self, start: usize, mut value: u64) -> Scan<Decimal> {
        let mut digits = self.at - start;
        let mut good = digits > 0;
        // Up to the last digit that is not zero: the value at its own smallest scale.
        let (mut mantissa, mut scale) = (value, 0);
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            let point = self.at;
            while let Some(digit) = self.digit() {
                value = value.wrapping_mul(10).wrapping_add(digit);
                self.at += 1;
                if digit != 0 {
                    (mantissa, scale) = (value, self.at - point);
                }
            }
            good &= self.at > point;
            digits += self.at - point;
        }
        if !good || self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.fault("no plain decimal"));
        }
        self.at += 1;
        if digits > SAFE_DIGITS || scale > usize::from(decimal::MAX_SCALE) {
            return self.long_decimal(start);
        }
        match i64::try_from(mantissa) {
            Ok(mantissa) => Ok(Decimal {
                mantissa,
                scale: scale as u8,
            }),
            Err(_) => Err(Fault::new("decimal too large", start)),
        }
    }

    #[cold]
    fn long_decimal(&self, start: usize) -> Scan<Decimal> {
        decimal::parse(&self.bytes[start..self.at - 1])
            .map_err(|_| Fault::new("decimal too long", start))
    }
}
