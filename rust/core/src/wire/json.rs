//! A JSON scanner over borrowed bytes: no allocation, any key order.
//!
//! It checks the grammar of everything it passes, values that nobody asked for included, so that
//! a truncated or garbled frame is refused as a whole.

use crate::wire::{Fault, Scan};

pub use text::Text;

mod number;
mod text;

/// Nested arrays and objects that a value may have.
const MAX_DEPTH: usize = 128;

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
        Ok(Text::scanned(raw, escaped))
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
