//! Exact decimals: ASCII text to integer units and back, rounding to ticks and lots.
