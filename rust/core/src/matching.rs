//! Price-time priority matching.
