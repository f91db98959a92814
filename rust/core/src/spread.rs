//! Executable edges between two books.
