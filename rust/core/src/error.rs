//! The one error type of the crate.

use thiserror::Error;

/// Everything that the core can refuse, with what was refused in the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A decimal text that is not one, is finer than the scale, or does not fit 64 bits.
    #[error("decimal: {0}")]
    Decimal(String),
    /// A frame that cannot be decoded; nothing of it was applied.
    #[error("malformed frame: {0}")]
    Malformed(String),
    /// A value outside what the field allows (negative quantity, zero price, overflow).
    #[error("out of range: {0}")]
    OutOfRange(String),
    /// A call that the state does not allow.
    #[error("wrong state: {0}")]
    State(String),
    /// An approval that is used, expired or minted by another gate.
    #[error("approval: {0}")]
    Approval(String),
    /// The journal on disk cannot be written, or is damaged before its tail.
    #[error("journal: {0}")]
    Journal(String),
}

/// Result of the crate.
pub type Result<T> = std::result::Result<T, Error>;
