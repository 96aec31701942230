//! Random values: passwords, session secrets, UUIDs. And chance that a seed repeats.

use fastrand::Rng;
use uuid::Builder;

/// A token of 32 hexadecimal digits.
pub(crate) fn token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// A random UUID (version 4).
pub(crate) fn uuid() -> String {
    Builder::from_u128(fastrand::u128(..)).with_version(uuid::Version::Random).into_uuid().to_string()
}

/// A random seed, short enough to type.
pub(crate) fn seed() -> u64 {
    fastrand::u64(..100_000_000)
}

/// A number from 0 to 1, always the same for the same seed and count.
pub(crate) fn unit(seed: u64, count: u32) -> f64 {
    Rng::with_seed(Rng::with_seed(seed).u64(..) ^ u64::from(count)).f64()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
