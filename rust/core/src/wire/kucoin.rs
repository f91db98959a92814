//! KuCoin spot: market data frames and snapshots.
