//! One symbol's book from the venue's own bytes.
