//! A JSON scanner over borrowed bytes: no allocation, any key order.
//!
//! It checks the grammar of everything it passes, values that nobody asked for included, so that
//! a truncated or garbled frame is refused as a whole.

use crate::decimal::{self, Decimal};
use crate::wire::{Fault, Scan};

/// Nested arrays and objects that a value may have.
const MAX_DEPTH: usize = 128;

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

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// A text without escapes.
    #[must_use]
    pub const fn plain(raw: &'a [u8]) -> Self {
        Self {
            raw,
            escaped: false,
        }
    }

    /// The bytes between the quotes, escapes left as they are.
    #[inline]
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether the text, with its escapes resolved, is `expected`.
    #[inline]
    #[must_use]
    pub fn is(self, expected: &[u8]) -> bool {
        if self.escaped {
            Unescaped::new(self.raw).eq(expected.iter().copied())
        } else {
            self.raw == expected
        }
    }

    /// Whether both texts say the same.
    #[must_use]
    pub fn same(self, other: Self) -> bool {
        Unescaped::new(self.raw).eq(Unescaped::new(other.raw))
    }

    /// What follows `prefix`, when the text starts with it.
    #[inline]
    #[must_use]
    pub fn after(self, prefix: &[u8]) -> Option<Self> {
        let raw = self.raw.strip_prefix(prefix)?;
        Some(Self { raw, ..self })
    }

    /// The member of `known` that the text is; the bytes themselves without escapes.
    #[inline]
    pub(crate) fn name(self, known: &[&'static [u8]]) -> &'a [u8] {
        if self.escaped {
            known
                .iter()
                .copied()
                .find(|name| self.is(name))
                .unwrap_or(b"")
        } else {
            self.raw
        }
    }
}

/// The bytes of an escaped text that was already checked.
struct Unescaped<'a> {
    raw: std::slice::Iter<'a, u8>,
    utf8: [u8; 4],
    left: std::ops::Range<usize>,
}

impl<'a> Unescaped<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Self {
            raw: raw.iter(),
            utf8: [0; 4],
            left: 0..0,
        }
    }

    fn unit(&mut self) -> u32 {
        (0..4).fold(0, |unit, _| {
            let digit = self.raw.next().copied().unwrap_or(b'0');
            unit << 4 | char::from(digit).to_digit(16).unwrap_or(0)
        })
    }

    fn unicode(&mut self) -> u8 {
        let mut code = self.unit();
        if (0xd800..0xdc00).contains(&code) && self.raw.as_slice().starts_with(b"\\u") {
            let high = self.raw.clone();
            self.raw.nth(1);
            match self.unit() {
                low @ 0xdc00..0xe000 => code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00),
                _ => self.raw = high,
            }
        }
        // A lone surrogate is no character and equals no text that a venue uses.
        let size = char::from_u32(code)
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .encode_utf8(&mut self.utf8)
            .len();
        self.left = 1..size;
        self.utf8[0]
    }
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let Some(at) = self.left.next() {
            return Some(self.utf8[at]);
        }
        let byte = *self.raw.next()?;
        if byte != b'\\' {
            return Some(byte);
        }
        Some(match self.raw.next()? {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => self.unicode(),
            other => *other,
        })
    }
}

/// What a key held: absent, a value, or something that is no such value. Which of the last is an
/// error depends on the kind of the frame, which may be known only at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot<T> {
    /// The key was not there.
    Missing,
    /// The value.
    Is(T),
    /// Valid JSON, but not what the key has to hold.
    Bad(Fault),
}

impl<T> Slot<T> {
    /// Whether the key was there.
    #[inline]
    pub const fn seen(&self) -> bool {
        !matches!(self, Self::Missing)
    }

    /// The value; `why` is the fault when it is missing.
    #[inline]
    pub fn need(self, why: &'static str) -> Scan<T> {
        match self {
            Self::Is(value) => Ok(value),
            Self::Missing => Err(Fault::new(why, 0)),
            Self::Bad(fault) => Err(fault),
        }
    }

    /// The value if the key was there; a value of the wrong kind is a fault.
    #[inline]
    pub fn optional(self) -> Scan<Option<T>> {
        match self {
            Self::Is(value) => Ok(Some(value)),
            Self::Missing => Ok(None),
            Self::Bad(fault) => Err(fault),
        }
    }
}

/// A position in one JSON document.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[cold]
    fn fault(&self, why: &'static str) -> Fault {
        if self.at >= self.bytes.len() {
            return Fault::new("ends too early", self.at);
        }
        Fault::new(why, self.at)
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub fn peek(&mut self) -> Scan<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(self.fault("")),
            }
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, why: &'static str) -> Scan<()> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.fault(why))
        }
    }

    /// That nothing but white space follows.
    pub fn end(&mut self) -> Scan<()> {
        match self.peek() {
            Ok(_) => Err(self.fault("goes on after its end")),
            Err(_) => Ok(()),
        }
    }

    /// Enters an object.
    #[inline]
    pub fn object(&mut self) -> Scan<()> {
        self.expect(b'{', "no object")
    }

    /// The next key of the object entered, its colon consumed; None at its end. `first` starts
    /// true.
    #[inline]
    pub fn key(&mut self, first: &mut bool) -> Scan<Option<Text<'a>>> {
        if self.more(b'}', first)? {
            let key = self.text()?;
            self.expect(b':', "no colon after a key")?;
            Ok(Some(key))
        } else {
            Ok(None)
        }
    }

    /// Enters an array.
    #[inline]
    pub fn array(&mut self) -> Scan<()> {
        self.expect(b'[', "no array")
    }

    /// Whether the array entered has another item. `first` starts true.
    #[inline]
    pub fn item(&mut self, first: &mut bool) -> Scan<bool> {
        self.more(b']', first)
    }

    #[inline]
    fn more(&mut self, close: u8, first: &mut bool) -> Scan<bool> {
        let byte = self.peek()?;
        if byte == close {
            self.at += 1;
            return Ok(false);
        }
        if *first {
            *first = false;
        } else if byte == b',' {
            self.at += 1;
        } else {
            return Err(self.fault("no comma between values"));
        }
        Ok(true)
    }

    /// A string.
    #[inline]
    pub fn text(&mut self) -> Scan<Text<'a>> {
        self.expect(b'"', "no string")?;
        let start = self.at;
        let (mut escaped, mut ascii) = (false, true);
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.fault("control character in a string")),
                Some(byte) => {
                    ascii &= byte.is_ascii();
                    self.at += 1;
                }
                None => return Err(self.fault("")),
            }
        }
        let raw = &self.bytes[start..self.at];
        if !ascii && std::str::from_utf8(raw).is_err() {
            return Err(self.fault("string is not UTF-8"));
        }
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    #[cold]
    fn escape(&mut self) -> Scan<()> {
        self.at += 1;
        match self.bytes.get(self.at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.bytes.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                        return Err(self.fault("bad escape in a string"));
                    }
                }
                self.at += 1;
            }
            _ => return Err(self.fault("bad escape in a string")),
        }
        Ok(())
    }

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
    fn digit(&self) -> Option<u64> {
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

    /// A value of any kind, checked and dropped.
    pub fn skip(&mut self) -> Scan<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: usize) -> Scan<()> {
        if depth > MAX_DEPTH {
            return Err(self.fault("nested too deep"));
        }
        let mut first = true;
        match self.peek()? {
            b'{' => {
                self.object()?;
                while self.key(&mut first)?.is_some() {
                    self.skip_at(depth + 1)?;
                }
                Ok(())
            }
            b'[' => {
                self.array()?;
                while self.item(&mut first)? {
                    self.skip_at(depth + 1)?;
                }
                Ok(())
            }
            b'"' => self.text().map(drop),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Scan<()> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.fault("no value"))
        }
    }

    fn number(&mut self) -> Scan<()> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let start = self.at;
        let whole = self.run();
        if whole == 0 || (whole > 1 && self.bytes[start] == b'0') {
            return Err(self.fault("no value"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.run() == 0 {
                return Err(self.fault("number without digits after its point"));
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.run() == 0 {
                return Err(self.fault("number without an exponent"));
            }
        }
        Ok(())
    }

    fn run(&mut self) -> usize {
        let start = self.at;
        while self.digit().is_some() {
            self.at += 1;
        }
        self.at - start
    }

    /// Reads the value of a key into its slot. A value that `read` does not take is skipped and
    /// kept as [`Slot::Bad`]; a key that comes twice is a fault.
    #[inline]
    pub fn fill<T>(
        &mut self,
        slot: &mut Slot<T>,
        read: impl FnOnce(&mut Self) -> Scan<T>,
    ) -> Scan<()> {
        if slot.seen() {
            return Err(self.fault("key occurs twice"));
        }
        let start = self.at;
        *slot = match read(self) {
            Ok(value) => Slot::Is(value),
            Err(fault) => {
                self.at = start;
                self.skip()?;
                Slot::Bad(fault)
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
