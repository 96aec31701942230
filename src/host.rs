//! What a host is: a DNS name or an IP address, and the forms of it that the layers below need.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use rustls::pki_types::ServerName;
use serde::de::{Deserialize, Deserializer, Error};

/// No DNS name is longer, a trailing dot included.
pub const LONGEST_NAME: usize = 253;

/// A DNS name whose last label is not all digits, with or without a trailing dot.
const NAME: &str = "(?:L\\.)*(?![0-9]+\\.?$)L\\.?";
/// One label of it.
const LABEL: &str = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
/// An IPv4 address.
const IPV4: &str = "(?:B\\.){3}B";
/// One of its bytes.
const BYTE: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/// An IPv6 address (RFC 4291, section 2.2): eight groups, or fewer around one `::`, the last two perhaps as IPv4.
const IPV6: &str = "(?:(?:G:){7}G|(?:G:){1,7}:|(?:G:){1,6}:G|(?:G:){1,5}(?::G){1,2}|(?:G:){1,4}(?::G){1,3}\
    |(?:G:){1,3}(?::G){1,4}|(?:G:){1,2}(?::G){1,5}|G:(?::G){1,6}|:(?:(?::G){1,7}|:)\
    |(?:G:){6}V|::(?:G:){0,5}V|G::(?:G:){0,4}V|(?:G:){2}:(?:G:){0,3}V|(?:G:){3}:(?:G:){0,2}V|(?:G:){4}:(?:G:)?V\
    |(?:G:){5}:V)";
/// One of its groups.
const GROUP: &str = "[0-9A-Fa-f]{1,4}";

/// The grammar of [`Host::parse`] for the published schema; a property test holds the two together.
pub fn patterns() -> [String; 4] {
    let name = NAME.replace('L', LABEL);
    let ipv4 = IPV4.replace('B', BYTE);
    let ipv6 = IPV6.replace('G', GROUP).replace('V', &ipv4);
    [format!("^{name}$"), format!("^{ipv4}$"), format!("^{ipv6}$"), format!("^\\[{ipv6}\\]$")]
}

/// A host to connect to, or a name expected in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As the user wrote it, without the brackets of an IPv6 address.
    given: String,
    name: ServerName<'static>,
}

impl Host {
    /// A host from its text; none when the text is not one.
    pub fn parse(text: &str) -> Option<Host> {
        let bare = match text.strip_prefix('[') {
            Some(rest) => {
                let inside = rest.strip_suffix(']')?;
                inside.parse::<Ipv6Addr>().ok()?;
                inside
            }
            None => text,
        };
        let tls_name = if bare.len() <= LONGEST_NAME { bare.strip_suffix('.').unwrap_or(bare) } else { return None };
        let name = ServerName::try_from(tls_name).ok()?.to_owned();
        let dotted_address = matches!(name, ServerName::IpAddress(_)) && tls_name != bare;
        // `ServerName` would take a second trailing dot.
        (!dotted_address && !tls_name.ends_with('.')).then(|| Host { given: bare.to_owned(), name })
    }

    /// For people.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// For the name lookup: with its trailing dot, which says that no search domain applies.
    pub fn lookup_name(&self) -> &str {
        &self.given
    }

    /// For TLS: the name a certificate must hold, without a trailing dot.
    pub fn tls_name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// For NO_PROXY: lower case, no trailing dot, no brackets.
    pub fn bare(&self) -> String {
        self.given.trim_end_matches('.').to_lowercase()
    }

    /// For a URL and for CONNECT: an IPv6 address in brackets, no trailing dot.
    pub fn in_url(&self) -> Cow<'_, str> {
        match self.given.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => Cow::Owned(format!("[{address}]")),
            _ => Cow::Borrowed(self.given.trim_end_matches('.')),
        }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Host, D::Error> {
        Host::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not a host"))
    }
}
