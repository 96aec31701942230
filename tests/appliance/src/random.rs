//! Random tokens: passwords, session secrets, UUIDs. And chance that can be had again.

use std::fmt::Write as _;
use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// A token of `bytes` random bytes as hexadecimal digits.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn token(bytes: usize) -> io::Result<String> {
    let mut raw = vec![0; bytes];
    SystemRandom::new().fill(&mut raw).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(hex(&raw))
}

/// A random UUID (version 4).
///
/// # Errors
/// As [`token`].
pub(crate) fn uuid() -> io::Result<String> {
    let digits = token(16)?;
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    Ok(format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32)))
}

/// A random seed, short enough to be typed.
///
/// # Errors
/// As [`token`].
pub(crate) fn seed() -> io::Result<u64> {
    Ok(token(4)?.bytes().fold(0, |seed, digit| seed * 10 + u64::from(digit % 10)))
}

/// A number from 0 to 1, always the same for the same seed and count (SplitMix64, public domain by Sebastiano Vigna).
pub(crate) fn unit(seed: u64, count: u32) -> f64 {
    let mut mixed = seed.wrapping_add(u64::from(count).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // 53 bits are what a float holds.
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
