//! Random tokens: passwords, session secrets, UUIDs.

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

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
