//! `no_proxy`: its items in the forms that people write, put into the one form that the matcher knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use no_proxy::NoProxy;

use crate::host::Host;

/// Whether a list of exceptions holds for a host and port, and the items that are not understood.
pub fn apply(list: &str, host: &Host, port: u16) -> (bool, Vec<String>) {
    let mut items = Vec::new();
    let mut unknown = Vec::new();
    for written in list.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|it| !it.is_empty()) {
        match Item::parse(&written.to_lowercase()) {
            Some(item) if item.port.is_none_or(|it| it == port) => items.push(item),
            Some(_) => {}
            None => unknown.push(written.to_owned()),
        }
    }
    // The matcher would find the name `0.0.1` in the address 127.0.0.1.
    let is_address = host.bare().parse::<IpAddr>().is_ok();
    let items = items.iter().filter(|item| !is_address || item.is_for_addresses);
    let pattern = items.map(|item| item.pattern.as_str()).collect::<Vec<_>>().join(",");
    (NoProxy::from(pattern).matches(&host.bare()), unknown)
}

/// One exception.
struct Item {
    /// As the matcher has it: `*`, an address, a network, `.domain` or a name.
    pattern: String,
    is_for_addresses: bool,
    /// The port for which it holds; all if none.
    port: Option<u16>,
}

impl Item {
    /// An item from its text in lower case; none when it is not understood.
    fn parse(text: &str) -> Option<Item> {
        let item = |pattern: String, port| Item { pattern, is_for_addresses: true, port };
        if text == "*" {
            return Some(item("*".to_owned(), None));
        }
        if let Some((address, prefix)) = text.split_once('/') {
            return Some(item(network(bare(address).parse().ok()?, prefix.parse().ok()?)?, None));
        }
        if let Ok(address) = bare(text).parse::<IpAddr>() {
            return Some(item(address.to_string(), None));
        }
        let (place, port) = match text.rsplit_once(':') {
            Some((place, port)) => (place, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Ok(address) = bare(place).parse::<IpAddr>() {
            return Some(item(address.to_string(), port));
        }
        // A trailing dot says that the name is complete; the matcher would take it for a prefix.
        let name = place.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(place);
        let name = name.strip_suffix('.').unwrap_or(name);
        Host::parse(name.strip_prefix('.').unwrap_or(name))?;
        Some(Item { is_for_addresses: false, ..item(name.to_owned(), port) })
    }
}

/// An address without the brackets of IPv6.
fn bare(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

/// A network, which the matcher knows only by its first address: people write any of its addresses.
fn network(address: IpAddr, prefix: u32) -> Option<String> {
    let first: IpAddr = match address {
        IpAddr::V4(address) => {
            let host_bits = 32_u32.checked_sub(prefix)?;
            Ipv4Addr::from(address.to_bits() & u32::MAX.checked_shl(host_bits).unwrap_or(0)).into()
        }
        IpAddr::V6(address) => {
            let host_bits = 128_u32.checked_sub(prefix)?;
            Ipv6Addr::from(address.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0)).into()
        }
    };
    Some(format!("{first}/{prefix}"))
}
