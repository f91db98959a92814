//! Bytes to values: one file a venue over a shared JSON scanner.

pub mod binance;
pub mod json;
pub mod kucoin;
