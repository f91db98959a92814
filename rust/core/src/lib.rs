//! The native core of xrpfast: books, decoding, spread detection, signing, order encoding,
//! matching, histograms and the journal.
//!
//! Pure Rust. Nothing here opens a socket, reads a clock or decides to trade.
#![forbid(unsafe_code)]

pub mod book;
pub mod decimal;
pub mod encode;
pub mod error;
pub mod feed;
pub mod gate;
pub mod journal;
pub mod latency;
pub mod market;
pub mod matching;
pub mod sign;
pub mod spread;
pub mod sync;
pub mod wire;

pub use error::{Error, Result};
