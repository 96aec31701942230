//! The SHA-256 fingerprint of a certificate, as people compare and pin it.

use serde::de::{Deserialize, Deserializer, Error};

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Fingerprint {
    /// A fingerprint from its text: 64 hexadecimal digits in any case, with or without `sha256:` and colons.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let prefixed = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sha256:"));
        let mut digits = if prefixed { text.get(7..)? } else { text };
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            if index > 0 {
                digits = digits.strip_prefix(':').unwrap_or(digits);
            }
            let (pair, rest) = digits.split_at_checked(2)?;
            let hexadecimal = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| hexadecimal)?;
            digits = rest;
        }
        digits.is_empty().then_some(Fingerprint(bytes))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        Fingerprint::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not a fingerprint"))
    }
}
