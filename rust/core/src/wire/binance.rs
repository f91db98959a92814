//! Binance spot: market data frames and snapshots.
