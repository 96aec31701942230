//! What a server may write in place of a character: percent-encoding, JSON escapes, character references of HTML.
//!
//! Reading one escape takes constant time, or time in proportion to digits that no other escape can begin in. So reading
//! a text takes time in proportion to its length.

use super::entities::{self, LONGEST_NAME};

/// What 0x80 to 0x9F stand for in Windows-1252. Everywhere else, and where it assigns nothing, it is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// A way to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Every byte is itself.
    Plain,
    /// `%C3` is a byte of UTF-8, or else of Windows-1252.
    Percent {
        /// Whether it is a character of Windows-1252.
        windows_1252: bool,
        /// Whether `+` is a blank, as in a form.
        form: bool,
    },
    /// `\"`, `\n`, `\u00e9`.
    Json,
    /// `&amp;`, `&amp`, `&#38;`, `&#x26;`.
    Html,
}

/// What one piece of a text stands for.
#[derive(Clone, Copy)]
pub struct Unit {
    /// How many bytes of the text it takes.
    pub length: usize,
    bytes: [u8; 4],
    count: usize,
}

impl Unit {
    /// The bytes it stands for: a character, or a single byte of one.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }

    /// A byte that is itself.
    pub fn byte(byte: u8) -> Unit {
        Unit { length: 1, bytes: [byte, 0, 0, 0], count: 1 }
    }

    fn character(length: usize, character: char) -> Unit {
        let mut bytes = [0; 4];
        let count = character.encode_utf8(&mut bytes).len();
        Unit { length, bytes, count }
    }
}

impl Reading {
    /// The bytes that may begin an escape.
    pub fn openings(self) -> &'static [u8] {
        match self {
            Reading::Plain => b"",
            Reading::Percent { form: false, .. } => b"%",
            Reading::Percent { form: true, .. } => b"%+",
            Reading::Json => b"\\",
            Reading::Html => b"&",
        }
    }

    /// The escape that a text begins with, if it begins with one.
    #[inline]
    pub fn escape(self, text: &[u8]) -> Option<Unit> {
        match (self, text.first()?) {
            (Reading::Percent { windows_1252, .. }, b'%') => {
                let byte = u8::try_from(hexadecimal(text.get(1..3)?)?).ok()?;
                let byte_or_character = if windows_1252 { Unit::character(1, windows(byte)) } else { Unit::byte(byte) };
                Some(Unit { length: 3, ..byte_or_character })
            }
            (Reading::Percent { form: true, .. }, b'+') => Some(Unit::byte(b' ')),
            (Reading::Json, b'\\') => json(text),
            (Reading::Html, b'&') => html(text),
            _ => None,
        }
    }
}

/// The character of a byte in Windows-1252.
pub fn windows(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|place| WINDOWS_1252.get(usize::from(place)));
    special.copied().unwrap_or(char::from(byte))
}

/// The byte of a character in Windows-1252.
pub fn windows_byte(character: char) -> Option<u8> {
    match WINDOWS_1252.iter().position(|known| *known == character) {
        Some(place) => u8::try_from(0x80 + place).ok(),
        None => u8::try_from(character).ok(),
    }
}

fn json(text: &[u8]) -> Option<Unit> {
    let short = match text.get(1)? {
        b'b' => b'\x08',
        b'f' => b'\x0C',
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(text),
        same @ (b'"' | b'\\' | b'/' | b'\'') => *same,
        _ => return None,
    };
    Some(Unit { length: 2, ..Unit::byte(short) })
}

/// `\u00e9`, or a pair of surrogates.
fn unicode(text: &[u8]) -> Option<Unit> {
    let unit = |text: &[u8]| u16::try_from(hexadecimal(text.strip_prefix(b"\\u")?.get(..4)?)?).ok();
    let first = unit(text)?;
    match char::decode_utf16([first]).next()? {
        Ok(single) => Some(Unit::character(6, single)),
        Err(_) => {
            let pair = char::decode_utf16([first, unit(text.get(6..)?)?]).next()?.ok()?;
            Some(Unit::character(12, pair))
        }
    }
}

fn html(text: &[u8]) -> Option<Unit> {
    let name = text.get(1..)?;
    if let Some(number) = name.strip_prefix(b"#") {
        let (digits, radix) = match number.strip_prefix(b"x").or_else(|| number.strip_prefix(b"X")) {
            Some(digits) => (digits, 16),
            None => (number, 10),
        };
        let mut code: u32 = 0;
        let mut count = 0;
        for digit in digits.iter().map_while(|byte| char::from(*byte).to_digit(radix)) {
            code = code.saturating_mul(radix).saturating_add(digit);
            count += 1;
        }
        let semicolon = usize::from(digits.get(count) == Some(&b';'));
        let length = text.len() - digits.len() + count + semicolon;
        // HTML reads the codes that Latin-1 leaves to control characters as Windows-1252.
        let character = u8::try_from(code).map_or_else(|_| char::from_u32(code), |byte| Some(windows(byte)));
        return Some(Unit::character(length, character.filter(|_| count > 0)?));
    }
    let run = name.iter().take(LONGEST_NAME + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let whole = name.get(run).filter(|end| **end == b';').and_then(|_| entities::named(name.get(..run)?));
    if let Some(character) = whole {
        return Some(Unit::character(run + 2, character));
    }
    let (length, character) = entities::without_semicolon(name.get(..run)?)?;
    Some(Unit::character(length + 1, character))
}

/// The value of hexadecimal digits and nothing else.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}
