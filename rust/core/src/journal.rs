//! Write-ahead journal: hash-chained records, torn tails cut.
