//! JSON on one line for every reader: some split their input at more than line feeds, as Python's `splitlines` does.

use std::io::{self, Write};

/// Writes compact JSON and escapes what serde_json leaves as it is: DEL, the control characters U+0080 to U+009F, and
/// the separators U+2028 and U+2029. They can only stand in strings. Done at the very end, since escapes take up to six
/// times as much memory as what they stand for.
///
/// # Errors
/// The writer's.
pub fn write(writer: &mut impl Write, mut text: &str) -> io::Result<()> {
    // The first bytes of the others in UTF-8 tell them.
    let worth_a_look = |byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x7F | 0xC2 | 0xE2);
    while let Some(place) = text.bytes().position(worth_a_look) {
        let (before, rest) = text.split_at(place);
        writer.write_all(before.as_bytes())?;
        let mut characters = rest.chars();
        match characters.next() {
            // Between the tokens of raw JSON. In strings serde_json has escaped them already.
            Some('\t' | '\n' | '\r') => writer.write_all(b" ")?,
            Some(character @ ('\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}')) => {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            Some(other) => writer.write_all(other.encode_utf8(&mut [0; 4]).as_bytes())?,
            None => {}
        }
        text = characters.as_str();
    }
    writer.write_all(text.as_bytes())
}
