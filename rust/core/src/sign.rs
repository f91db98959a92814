//! Request signing; secrets are zeroed and never readable.
