//! Request signing; secrets are zeroed and never readable.
//!
//! `sha2` rather than `ring`: with SHA-NI it signs an order in 238 ns against 292 ns, and its states
//! wipe themselves. The construction around it is here and not that of the `hmac` crate, which
//! leaves the padded secret on the stack.
//!
//! ```
//! let signer = xrpfast_core::sign::Signer::new(b"test_api_secret").unwrap();
//! assert_eq!(signer.base64(b"test_plain"), "jie/gxS38wLFFaBwl/cAzFbAzlI8MIny96jSXrB+iP4=");
//! ```

use std::fmt;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Length of a signature in lower-case hex.
pub const HEX_LEN: usize = 64;
/// Length of a signature in padded base64.
pub const BASE64_LEN: usize = 44;
/// Block of SHA-256, to which HMAC pads the secret.
const BLOCK: usize = 64;

/// HMAC-SHA256 with the key schedule computed once.
///
/// It keeps two hash states, not the secret. They sign as well as the secret does, so they are
/// wiped on drop, have no accessor and are not shown by `Debug`.
#[derive(Clone)]
pub struct Signer {
    inner: Sha256,
    outer: Sha256,
}

impl Signer {
    /// Computes the key schedule of `secret` (RFC 2104). The caller wipes its own copy.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an empty secret.
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.is_empty() {
            return Err(Error::OutOfRange("the secret is empty".into()));
        }
        let mut key = Zeroizing::new([0_u8; BLOCK]);
        if secret.len() > BLOCK {
            let short = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(secret)));
            key[..32].copy_from_slice(&*short);
        } else {
            key[..secret.len()].copy_from_slice(secret);
        }
        let keyed = |pad: u8| {
            let block = Zeroizing::new(key.map(|byte| byte ^ pad));
            Sha256::new_with_prefix(block.as_slice())
        };
        Ok(Self {
            inner: keyed(0x36),
            outer: keyed(0x5c),
        })
    }

    /// A signer of messages that begin with `prefix`, which is hashed here, once.
    #[must_use]
    pub fn with_prefix(&self, prefix: &[u8]) -> Self {
        let mut signer = self.clone();
        signer.inner.update(prefix);
        signer
    }

    /// The signature's 32 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(message).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }

    /// The signature in lower-case hex, as Binance takes it.
    #[must_use]
    pub fn hex(&self, message: &[u8]) -> String {
        base16ct::lower::encode_string(&self.sign(message))
    }

    /// The signature in padded standard base64, as KuCoin takes it.
    #[must_use]
    pub fn base64(&self, message: &[u8]) -> String {
        Base64::encode_string(&self.sign(message))
    }

    /// Appends the signature of `message` to `out` in lower-case hex.
    pub(crate) fn push_hex(&self, message: &[u8], out: &mut Vec<u8>) {
        let at = out.len();
        out.resize(at + HEX_LEN, 0);
        base16ct::lower::encode(&self.sign(message), &mut out[at..])
            .expect("room for the signature was made");
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(hmac-sha256, redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails to compile when the states stop being wiped on drop.
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}

    #[test]
    fn states_are_wiped_on_drop() {
        wiped::<Sha256>();
    }

    #[test]
    fn signs_the_published_vectors() {
        let signer =
            Signer::new(b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
                .unwrap();
        let message = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
            &recvWindow=5000&timestamp=1499827319559";
        let hex = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        assert_eq!(signer.hex(message), hex);
        let mut out = b"x".to_vec();
        signer.push_hex(message, &mut out);
        assert_eq!(out, format!("x{hex}").into_bytes());
    }

    #[test]
    fn a_prefix_changes_nothing_but_the_work() {
        let signer = Signer::new(b"k").unwrap();
        let whole = [b'm'; 200];
        for cut in [0, 1, 63, 64, 65, 128, 200] {
            let prefixed = signer.with_prefix(&whole[..cut]);
            assert_eq!(prefixed.sign(&whole[cut..]), signer.sign(&whole));
            assert_eq!(
                prefixed.sign(&whole[cut..]),
                signer.sign(&whole),
                "signs again"
            );
        }
    }

    #[test]
    fn shows_nothing_and_refuses_an_empty_secret() {
        let signer = Signer::new(b"very secret").unwrap();
        assert_eq!(format!("{signer:?}"), "Signer(hmac-sha256, redacted)");
        assert!(Signer::new(b"").is_err());
    }

    #[test]
    fn long_secrets_are_hashed_first() {
        // RFC 4231, test case 6: a key of 131 bytes.
        let signer = Signer::new(&[0xaa; 131]).unwrap();
        assert_eq!(
            signer.hex(b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        // A key of exactly one block is not hashed.
        let block = Signer::new(&[0xaa; BLOCK]).unwrap();
        let longer = Signer::new(&[0xaa; BLOCK + 1]).unwrap();
        assert_ne!(block.sign(b""), longer.sign(b""));
    }
}
