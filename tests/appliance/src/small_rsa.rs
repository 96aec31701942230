//! Signatures with an RSA key of 1024 bits, which ring neither makes nor uses: RSASSA-PSS with SHA-256 (RFC 8017, 8.1).

use num_bigint::BigUint;
use ring::digest::{SHA256, digest};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// Length of the modulus in bytes.
const LENGTH: usize = 128;

/// Length of a hash, and of the salt, in bytes.
const HASH: usize = 32;

/// A private key.
#[derive(Clone, Debug)]
pub(crate) struct SmallRsa {
    modulus: BigUint,
    exponent: BigUint,
}

impl SmallRsa {
    /// Reads modulus and private exponent: two lines of hexadecimal digits. `None`: they are something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.lines().map(|line| BigUint::parse_bytes(line.as_bytes(), 16));
        Some(Self { modulus: numbers.next()??, exponent: numbers.next()?? })
    }
}

impl SigningKey for SmallRsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = || -> Box<dyn Signer> { Box::new(self.clone()) };
        offered.contains(&self.scheme()).then(signer)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for SmallRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let encoded = BigUint::from_bytes_be(&encoded(message));
        let signature = encoded.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let zeros = vec![0; LENGTH.saturating_sub(signature.len())];
        Ok([zeros, signature].concat())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

/// EMSA-PSS (RFC 8017, 9.1.1). The salt is zeros: the key protects nothing.
fn encoded(message: &[u8]) -> Vec<u8> {
    let salt = [0; HASH];
    let hash = digest(&SHA256, &[&[0; 8], digest(&SHA256, message).as_ref(), &salt].concat());
    // MGF1 (RFC 8017, B.2.1): the hash, hashed with a counter.
    let mask = (0_u32..).flat_map(|count| {
        let block = digest(&SHA256, &[hash.as_ref(), &count.to_be_bytes()].concat());
        block.as_ref().to_vec()
    });
    let padding = vec![0; LENGTH - 2 * HASH - 2];
    let block = [&padding, &[1][..], &salt].concat();
    let mut encoded: Vec<u8> = block.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    if let Some(first) = encoded.first_mut() {
        // The number must be smaller than the modulus.
        *first &= 0x7f;
    }
    [&encoded, hash.as_ref(), &[0xbc]].concat()
}
