//! The hosts file, hosts(5): lines of an address and its names.
//!
//! What lives here: its syntax. What must not: where the file is, reading it, what an address is
//! good for.

use std::net::IpAddr;

/// All addresses that `text`, the content of a hosts file, gives `name`, in the file's order.
///
/// As in hosts(5), `#` starts a comment and names are compared without regard to case. A final dot
/// is ignored on both sides. A line that is not UTF-8 or has no address is skipped.
pub(super) fn addresses(text: &[u8], name: &str) -> Vec<IpAddr> {
    let name = without_final_dot(name);
    text.split(|byte| *byte == b'\n').filter_map(|line| address_if_named(line, name)).collect()
}

/// The address of one line if `name` is among its names.
fn address_if_named(line: &[u8], name: &str) -> Option<IpAddr> {
    // Comments go first: they alone may be in another encoding.
    let entry = line.split(|byte| *byte == b'#').next()?;
    let mut words = std::str::from_utf8(entry).ok()?.split_ascii_whitespace();
    let address = words.next()?.parse().ok()?;
    words.any(|word| without_final_dot(word).eq_ignore_ascii_case(name)).then_some(address)
}

/// `host.example.` and `host.example` are the same host here: no search list applies.
fn without_final_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}
