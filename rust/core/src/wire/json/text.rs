//! Strings as they stand in a document, compared without being copied.

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

    /// A text whose escapes were checked.
    #[inline]
    pub(super) const fn scanned(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
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
