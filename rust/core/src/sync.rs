//! One synchronisation state machine for every venue's book.
