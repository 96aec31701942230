//! Finding one secret in a text in any of the forms a server may repeat it in: plain, percent-encoded, JSON-escaped,
//! HTML-escaped, each also where only some characters are escaped.
//!
//! Every search takes time in proportion to the text, whatever text and secret are: both may come from a hostile server.

use std::collections::VecDeque;
use std::ops::Range;

use super::MASK;

/// A secret shorter than this is masked only where it is the whole string: it would tear ordinary words apart.
const SHORTEST_INSIDE: usize = 4;

/// The named character references of ASCII characters (HTML 5).
const ASCII_NAMES: [(&str, char); 40] = [
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];

/// The named character references of U+00A0 to U+00FF, in order.
const LATIN_1_NAMES: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
    deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
    Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
    ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
    agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
    eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// No character reference is longer than `&#x0010FFFF;`.
const LONGEST_REFERENCE: usize = 12;

/// A way to read a text: the bytes that open an escape sequence, and what the sequence stands for.
struct Escapes {
    openings: &'static [u8],
    read: fn(&str) -> Option<Unit>,
}

/// What one piece of a text stands for.
struct Unit {
    /// How many bytes of the text it takes.
    length: usize,
    /// What it stands for: a character's bytes, or the one byte of `%C3`.
    bytes: [u8; 4],
    /// How many of them count.
    count: usize,
}

const PLAIN: Escapes = Escapes { openings: b"", read: |_| None };
const PERCENT: Escapes = Escapes { openings: b"%", read: percent_encoded };
/// Percent-encoded by a server that does not know UTF-8: `%E9` is one character.
const LATIN_1: Escapes = Escapes { openings: b"%", read: |text| Some(character(3, char::from(percent_byte(text)?))) };
const FORM: Escapes = Escapes { openings: b"%+", read: form_encoded };
const JSON: Escapes = Escapes { openings: b"\\", read: json_escaped };
const HTML: Escapes = Escapes { openings: b"&", read: html_escaped };

/// One secret, prepared for searching.
pub struct Matcher {
    secret: String,
    /// For each length of a match that breaks off: how much of it may still begin the next one (Knuth, Morris, Pratt).
    fallback: Vec<usize>,
}

impl Matcher {
    /// Prepares the search for a secret, which is not empty.
    pub fn new(secret: &str) -> Matcher {
        let mut fallback: Vec<usize> = vec![0];
        let mut matched = 0;
        for byte in secret.bytes().skip(1) {
            matched = advance(secret.as_bytes(), &fallback, matched, byte);
            fallback.push(matched);
        }
        Matcher { secret: secret.to_owned(), fallback }
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The text with every occurrence replaced, or nothing when there is none.
    pub fn mask(&self, text: &str) -> Option<String> {
        let mut found: Vec<Range<usize>> = Vec::new();
        // The quick look first: nearly every text has neither the secret nor escapes.
        if text.contains(&self.secret) {
            self.find(text, &PLAIN, &mut found);
        }
        let latin_1 = (!self.secret.is_ascii()).then_some(LATIN_1);
        for escapes in [PERCENT, FORM, JSON, HTML].into_iter().chain(latin_1) {
            if text.bytes().any(|byte| escapes.openings.contains(&byte)) {
                self.find(text, &escapes, &mut found);
            }
        }
        if self.secret.chars().count() < SHORTEST_INSIDE {
            return found.contains(&(0..text.len())).then(|| MASK.to_owned());
        }
        found.sort_unstable_by_key(|range| range.start);
        let mut masked: Option<String> = None;
        let mut copied = 0;
        for range in found {
            if range.start >= copied {
                let masked = masked.get_or_insert_default();
                masked.push_str(text.get(copied..range.start)?);
                masked.push_str(MASK);
            }
            // Occurrences that overlap are masked as one.
            copied = copied.max(range.end);
        }
        let mut masked = masked?;
        masked.push_str(text.get(copied..)?);
        Some(masked)
    }

    /// Finds the secret in what the text stands for when it is read with these escapes.
    fn find(&self, text: &str, escapes: &Escapes, found: &mut Vec<Range<usize>>) {
        let secret = self.secret.as_bytes();
        let mut matched = 0;
        // Where the units begin that hold the last bytes, as many as the secret has.
        let mut starts = VecDeque::with_capacity(secret.len());
        let mut at = 0;
        while let Some(byte) = text.as_bytes().get(at) {
            let unit = escapes.openings.contains(byte).then(|| text.get(at..).and_then(escapes.read)).flatten();
            let unit = unit.unwrap_or(Unit { length: 1, bytes: [*byte, 0, 0, 0], count: 1 });
            for byte in unit.bytes.iter().take(unit.count) {
                if starts.len() == secret.len() {
                    starts.pop_front();
                }
                starts.push_back(at);
                matched = advance(secret, &self.fallback, matched, *byte);
                if matched == secret.len() {
                    found.extend(starts.front().map(|start| *start..at + unit.length));
                }
            }
            at += unit.length;
        }
    }
}

/// How much of the secret is matched after one more byte.
fn advance(secret: &[u8], fallback: &[usize], mut matched: usize, byte: u8) -> usize {
    loop {
        if secret.get(matched) == Some(&byte) {
            return matched + 1;
        }
        match matched.checked_sub(1).and_then(|last| fallback.get(last)) {
            Some(shorter) => matched = *shorter,
            None => return 0,
        }
    }
}

/// A character in the place of an escape sequence.
fn character(length: usize, character: char) -> Unit {
    let mut bytes = [0; 4];
    let count = character.encode_utf8(&mut bytes).len();
    Unit { length, bytes, count }
}

/// `%C3`, in either case of the digits.
fn percent_encoded(text: &str) -> Option<Unit> {
    percent_byte(text).map(|byte| Unit { length: 3, bytes: [byte, 0, 0, 0], count: 1 })
}

fn percent_byte(text: &str) -> Option<u8> {
    u8::try_from(hexadecimal(text.get(1..3)?)?).ok()
}

/// `%C3`, and `+` for a blank.
fn form_encoded(text: &str) -> Option<Unit> {
    if text.starts_with('+') { Some(character(1, ' ')) } else { percent_encoded(text) }
}

/// `\"`, `\n`, `\u00e9`, a pair of surrogates.
fn json_escaped(text: &str) -> Option<Unit> {
    let short = match text.chars().nth(1)? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode_escaped(text),
        same @ ('"' | '\\' | '/' | '\'') => same,
        _ => return None,
    };
    Some(character(2, short))
}

fn unicode_escaped(text: &str) -> Option<Unit> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::try_from(hexadecimal(digits)?).ok()
    };
    let first = unit(0)?;
    match char::decode_utf16([first]).next()? {
        Ok(single) => Some(character(6, single)),
        Err(_) => char::decode_utf16([first, unit(6)?]).next()?.ok().map(|pair| character(12, pair)),
    }
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn html_escaped(text: &str) -> Option<Unit> {
    let end = text.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let referred = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => hexadecimal(digits)?,
            None => number.parse().ok()?,
        })?,
        None => named(name)?,
    };
    Some(character(end + 1, referred))
}

fn named(name: &str) -> Option<char> {
    let ascii = ASCII_NAMES.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
    ascii.or_else(|| {
        let place = LATIN_1_NAMES.split(' ').position(|known| known == name)?;
        u8::try_from(0xA0 + place).ok().map(char::from)
    })
}

/// A number of hexadecimal digits and nothing else.
fn hexadecimal(digits: &str) -> Option<u32> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
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
            "p%26%22%2f%5cw%20%c3%a9%f0%9f%94%91%3c%27x".into(),
            "p&\"%2F\\w é%F0%9F%94%91<'x".into(),
            r#"p&\"\/\\w é🔑<'x"#.into(),
            r#"\u0070\u0026\u0022\u002F\u005cw \u00e9\uD83D\udd11\u003c\u0027x"#.into(),
            "p&amp;&quot;/\\w é🔑&lt;&#39;x".into(),
            "p&#38;&#34;&#x2F;&#92;w&#32;&#233;&#128273;&#60;&apos;x".into(),
        ] {
            assert_eq!(mask(secret, &format!("before {form} after")), "before ******** after", "{form}");
            assert_eq!(mask(secret, &format!("{form}{form}")), "****************", "{form}");
        }
        assert_eq!(mask("na\u{ef}v\u{e9}#1", "na%EFv%E9%231 na&iuml;v&eacute;&num;1"), "******** ********");
        assert_eq!(mask("a bc/", "x a+bc%2F a+bc/"), "x ******** ********");
        assert_eq!(mask("a+bc", "x a+bc a%2Bbc"), "x ******** ********");
    }

    #[test]
    fn an_ampersand_may_be_itself_or_an_escape() {
        assert_eq!(mask("a&amp;b", "a&amp;b"), MASK);
        assert_eq!(mask("a&bc", "a&amp;bc"), MASK);
        assert_eq!(mask("a%41b", "a%41b"), MASK);
        assert_eq!(mask("a%41b", "a%2541b"), MASK);
    }

    #[test]
    fn occurrences_that_overlap_are_masked_as_one() {
        assert_eq!(mask("abab", "xabababx"), "x********x");
        assert_eq!(mask("aaaab", "xaaaaaabx"), "xaa********x");
        assert_eq!(mask("&&&&1", "&&&&&&&&1%"), "&&&&********%");
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
        for text in ["", "PASSW0RD", "Passw0r", "100% & \\ +", "&#99999999999;", "%", "%zz%5", "%+5", "\\u12", "é"] {
            assert_eq!(mask("Passw0rd", text), text);
        }
    }
}
