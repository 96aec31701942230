//! Finding one secret in a text in any of the forms a server may repeat it in.
//!
//! Forms are matched character by character, so that a text which escapes only some characters is found as well:
//! plain, percent-encoded, JSON-escaped, HTML-escaped.

use super::MASK;

/// A secret shorter than this is masked only where it is the whole string: it would tear ordinary words apart.
const SHORTEST_INSIDE: usize = 4;

/// The named character references an HTML escaper writes for characters of a password.
const HTML_NAMES: [(&str, char); 6] =
    [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", '\u{a0}')];

/// One secret, prepared for searching.
pub struct Matcher {
    secret: Vec<char>,
    /// The bytes a match can begin with: the first character itself and the openings of the escaped forms.
    openings: [u8; 5],
}

impl Matcher {
    /// Prepares the search for a secret, which is not empty.
    pub fn new(secret: &str) -> Matcher {
        let first = secret.bytes().next().unwrap_or_default();
        Matcher { secret: secret.chars().collect(), openings: [first, b'%', b'\\', b'&', b'+'] }
    }

    /// The text with every occurrence replaced, or nothing when there is none.
    pub fn mask(&self, text: &str) -> Option<String> {
        if self.secret.len() < SHORTEST_INSIDE {
            return (self.ends(text).contains(&text.len())).then(|| MASK.to_owned());
        }
        let mut masked: Option<String> = None;
        let mut copied = 0;
        for (at, _) in text.bytes().enumerate().filter(|(_, byte)| self.openings.contains(byte)) {
            if at < copied {
                continue; // inside the occurrence just replaced
            }
            let Some(end) = text.get(at..).and_then(|rest| self.ends(rest).into_iter().max()) else { continue };
            let masked = masked.get_or_insert_default();
            masked.push_str(text.get(copied..at).unwrap_or_default());
            masked.push_str(MASK);
            copied = at + end;
        }
        let mut masked = masked?;
        masked.push_str(text.get(copied..).unwrap_or_default());
        Some(masked)
    }

    /// Where the occurrences that begin with the text can end: several, for `&` may stand for itself or open `&amp;`.
    fn ends(&self, text: &str) -> Vec<usize> {
        let mut ends = vec![0];
        for wanted in &self.secret {
            let mut next = Vec::new();
            for end in ends {
                next.extend(
                    text.get(end..).into_iter().flat_map(|rest| forms(rest, *wanted)).map(|length| end + length),
                );
            }
            next.sort_unstable();
            next.dedup();
            if next.is_empty() {
                return next;
            }
            ends = next;
        }
        ends
    }
}

/// The lengths of the forms of one character that the text begins with.
fn forms(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let plain = text.starts_with(wanted).then(|| wanted.len_utf8());
    let escaped = match text.bytes().next() {
        Some(b'%') => percent_encoded(text, wanted),
        Some(b'+') if wanted == ' ' => Some(1),
        Some(b'\\') => json_escaped(text, wanted),
        Some(b'&') => html_escaped(text, wanted),
        _ => None,
    };
    plain.into_iter().chain(escaped)
}

/// `%C3%A9`, in either case of the digits.
fn percent_encoded(text: &str, wanted: char) -> Option<usize> {
    let mut rest = text;
    for byte in wanted.encode_utf8(&mut [0; 4]).bytes() {
        let digits = rest.strip_prefix('%')?.get(..2)?;
        if u8::from_str_radix(digits, 16).ok()? != byte {
            return None;
        }
        rest = rest.get(3..)?;
    }
    Some(text.len() - rest.len())
}

/// `\"`, `\n`, `\u00e9`, a pair of surrogates.
fn json_escaped(text: &str, wanted: char) -> Option<usize> {
    let rest = text.strip_prefix('\\')?;
    let short = match rest.chars().next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode_escaped(text, wanted),
        same @ ('"' | '\\' | '/' | '\'') => same,
        _ => return None,
    };
    (short == wanted).then_some(2)
}

fn unicode_escaped(text: &str, wanted: char) -> Option<usize> {
    let mut rest = text;
    for unit in wanted.encode_utf16(&mut [0; 2]) {
        let digits = rest.strip_prefix("\\u")?.get(..4)?;
        if u16::from_str_radix(digits, 16).ok()? != *unit {
            return None;
        }
        rest = rest.get(6..)?;
    }
    Some(text.len() - rest.len())
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn html_escaped(text: &str, wanted: char) -> Option<usize> {
    // No reference is longer than `&#x0010FFFF;`: look no further for its end.
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let referred = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => HTML_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1,
    };
    (referred == wanted).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secret: &str, text: &str) -> String {
        Matcher::new(secret).mask(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn finds_a_secret_in_every_escaped_form() {
        let secret = "p&\"/\\w é\u{1F511}<'x";
        for form in [
            secret.to_owned(),
            "p%26%22%2F%5Cw%20%C3%A9%F0%9F%94%91%3C%27x".into(),
            "p%26%22%2f%5cw+%c3%a9%f0%9f%94%91%3c%27x".into(),
            r#"p&\"\/\\w é🔑<'x"#.into(),
            r#"\u0070\u0026\u0022\u002F\u005cw \u00e9\uD83D\udd11\u003c\u0027x"#.into(),
            "p&amp;&quot;/\\w é🔑&lt;&#39;x".into(),
            "p&#38;&#34;&#x2F;&#92;w&#32;&#233;&#128273;&#60;&apos;x".into(),
            "p&\"%2F\\\\w\\u0020é🔑&lt;'x".into(),
        ] {
            assert_eq!(mask(secret, &format!("before {form} after")), "before ******** after", "{form}");
            assert_eq!(mask(secret, &format!("{form}{form}")), "****************", "{form}");
        }
    }

    #[test]
    fn an_ampersand_may_be_itself_or_an_escape() {
        assert_eq!(mask("a&amp;b", "a&amp;b"), MASK);
        assert_eq!(mask("a&bc", "a&amp;bc"), MASK);
        assert_eq!(mask("a%41b", "a%41b"), MASK);
        assert_eq!(mask("a%41b", "a%2541b"), MASK);
    }

    #[test]
    fn a_short_secret_is_masked_only_as_the_whole_string() {
        assert_eq!(mask("abc", "abc"), MASK);
        assert_eq!(mask("a/b", "a%2Fb"), MASK);
        assert_eq!(mask("abc", "abcd"), "abcd");
        assert_eq!(mask("abc", "xabc"), "xabc");
    }

    #[test]
    fn other_text_stays() {
        for text in ["", "PASSW0RD", "Passw0r", "100% & \\ +", "&#99999999999;", "%", "%zz%5", "\\u12", "é"] {
            assert_eq!(mask("Passw0rd", text), text);
        }
    }
}
