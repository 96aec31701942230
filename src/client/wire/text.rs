//! From the bytes of an answer to JSON text that can be read: byte-order mark, bad UTF-8, lone surrogates, depth,
//! numbers without end.

/// Objects and lists inside each other beyond this are refused; docs/contract.md, Output, promises 100.
const DEEPEST: usize = 128;
/// A number of more digits becomes a string: Python's `json` refuses integers of more than 4,300.
pub const MOST_DIGITS: usize = 1000;

/// How many characters that are not valid become U+FFFD.
const MOST_REPLACED: usize = 100_000;
/// What stands for a character that is not valid.
const REPLACEMENT: &str = "\u{fffd}";
/// The same as an escape: as long as the lone surrogate that it replaces.
const ESCAPED_REPLACEMENT: &str = "\\ufffd";

/// The text of an answer, and whether it had to be mended.
#[derive(Debug)]
pub struct Mended {
    /// The text, valid UTF-8 without lone surrogates.
    pub text: String,
    /// Whether characters were replaced by U+FFFD.
    pub replaced: bool,
}

/// Mends the text of an answer, in place unless it is not UTF-8.
///
/// # Errors
/// The reason, when the nesting is too deep to be read.
pub fn mend(bytes: Vec<u8>) -> Result<Mended, String> {
    let (mut text, bad_utf8) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (lossy(error.as_bytes()), true),
    };
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    let lone_surrogates = mend_surrogates(&mut text)?;
    Ok(Mended { text, replaced: bad_utf8 || lone_surrogates })
}

/// The text with U+FFFD for what is not UTF-8. U+FFFD is three bytes long: beyond [`MOST_REPLACED`] it is `?`, or a text
/// that is not UTF-8 at all would become three times as long, and every copy of it.
fn lossy(bytes: &[u8]) -> String {
    let mut replaced = 0;
    let mut text = String::with_capacity(bytes.len() + MOST_REPLACED * (REPLACEMENT.len() - 1));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push_str(if replaced < MOST_REPLACED { REPLACEMENT } else { "?" });
            replaced += 1;
        }
    }
    text
}

/// One pass over the text: replaces lone surrogates and checks that the nesting stays bearable, both of which serde_json
/// does not look at in values that are passed on as text. Tells whether there were any surrogates to replace.
fn mend_surrogates(text: &mut String) -> Result<bool, String> {
    let mut replaced = false;
    let mut depth = 0usize;
    let mut in_string = false;
    let mut high: Option<usize> = None; // a high surrogate that waits for its low one
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let mut lone = [high.take(), None];
        let mut length = 1;
        match byte {
            b'"' => in_string = !in_string,
            // The escaped character, which may be a quote, belongs to the escape.
            b'\\' if in_string => {
                let unit = text.get(at..).and_then(escaped_unit);
                length = if unit.is_some() { ESCAPED_REPLACEMENT.len() } else { 2 };
                match (lone, unit) {
                    ([Some(_), _], Some(0xDC00..=0xDFFF)) => lone = [None, None],
                    (_, Some(0xDC00..=0xDFFF)) => lone = [None, Some(at)],
                    (_, Some(0xD800..=0xDBFF)) => high = Some(at),
                    _ => {}
                }
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(format!("objects and lists are nested more than {DEEPEST} deep"));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        for at in lone.into_iter().flatten() {
            replaced = true;
            text.replace_range(at..at + ESCAPED_REPLACEMENT.len(), ESCAPED_REPLACEMENT);
        }
        at += length;
    }
    Ok(replaced)
}

/// Drops the blanks and line breaks outside strings: parts of the text are passed on as they stand, and the answer is one
/// line. For JSON that is valid for certain: in other text a blank may be all that parts two values.
pub fn compact(text: &mut String) {
    let (mut in_string, mut escaped) = (false, false);
    text.retain(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        in_string || !matches!(character, ' ' | '\t' | '\n' | '\r')
    });
    quote_long_numbers(text);
}

/// Makes strings of the numbers with more than [`MOST_DIGITS`] digits.
fn quote_long_numbers(text: &mut String) {
    let mut quoted = String::new();
    let mut copied = 0; // bytes of `text` that are in `quoted`
    let (mut in_string, mut escaped) = (false, false);
    let mut number: Option<(usize, usize)> = None; // where it begins, and its digits so far
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'
                if !in_string && (number.is_some() || !byte.is_ascii_alphabetic()) =>
            {
                let (_, digits) = number.get_or_insert((at, 0));
                *digits += usize::from(byte.is_ascii_digit());
                continue;
            }
            _ => {}
        }
        if let Some((start, _)) = number.take().filter(|(_, digits)| *digits > MOST_DIGITS) {
            for piece in [text.get(copied..start), Some("\""), text.get(start..at), Some("\"")] {
                quoted.push_str(piece.unwrap_or_default());
            }
            copied = at;
        }
    }
    if copied > 0 {
        quoted.push_str(text.get(copied..).unwrap_or_default());
        *text = quoted;
    }
}

/// The code unit of `\uXXXX` at the beginning of a text.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(json: &str) -> (String, bool) {
        let mended = mend(json.as_bytes().to_vec()).unwrap();
        (mended.text, mended.replaced)
    }

    #[test]
    fn pairs_of_surrogates_stay_and_lone_ones_are_replaced() {
        for (json, expected) in [
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (r#"["\ud83d"]"#, r#"["\ufffd"]"#),
            (r#"["\ud83dx\ude00"]"#, r#"["\ufffdx\ufffd"]"#),
            (r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (r#"["\ude00\ud83d"]"#, r#"["\ufffd\ufffd"]"#),
            (r#"["\\ud83d"]"#, r#"["\\ud83d"]"#),
            (r#"["\ud83d\n"]"#, r#"["\ufffd\n"]"#),
            (r#"["\uD83D","\u0041"]"#, r#"["\ufffd","\u0041"]"#),
        ] {
            assert_eq!(mended(json), (expected.to_owned(), json != expected), "{json}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_bad_utf8_replaced() {
        assert_eq!(mended("\u{feff}{}"), ("{}".to_owned(), false));
        let mended = mend(b"[\"a\xffb\"]".to_vec()).unwrap();
        assert_eq!((mended.text.as_str(), mended.replaced), ("[\"a\u{fffd}b\"]", true));
    }

    #[test]
    fn a_text_that_is_not_utf8_at_all_becomes_hardly_longer() {
        let bytes = b"\xe9t\xe9,".repeat(MOST_REPLACED);
        let mended = mend(bytes.clone()).unwrap();
        assert!(mended.replaced && mended.text.len() <= bytes.len() + 2 * MOST_REPLACED, "{}", mended.text.len());
        assert!(mended.text.starts_with("\u{fffd}t\u{fffd},") && mended.text.ends_with("?t?,"));
        assert_eq!(mended.text.matches('\u{fffd}').count(), MOST_REPLACED);
    }

    #[test]
    fn blanks_and_line_breaks_outside_strings_are_dropped() {
        let compacted = |json: &str| {
            let mut text = json.to_owned();
            compact(&mut text);
            text
        };
        assert_eq!(compacted("{ \"a b\\\" c\" :\r\n\t[ 1 , \"\\\\\" ] }"), "{\"a b\\\" c\":[1,\"\\\\\"]}");
    }

    #[test]
    fn a_number_without_end_becomes_a_string() {
        let compacted = |json: &str| {
            let mut text = json.to_owned();
            compact(&mut text);
            text
        };
        let (fits, long) = ("7".repeat(MOST_DIGITS), "7".repeat(MOST_DIGITS + 1));
        for (number, same) in [
            (fits.clone(), true),
            (long.clone(), false),
            (format!("-{fits}"), true),
            (format!("-{long}"), false),
            (format!("0.{fits}"), false),
            (format!("1e-{long}"), false),
            (format!("\"{long}\""), true),
        ] {
            let expected = if same { number.clone() } else { format!("\"{number}\"") };
            let wrapped =
                |number: &str| format!("[{number},{{\"{long}\":{number},\"\\\"\":[true,{number}]}},false,1e3]");
            assert_eq!(compacted(&wrapped(&number)), wrapped(&expected), "{number}");
        }
    }

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(mend(deep(128).into_bytes()).is_ok());
        assert!(mend(deep(129).into_bytes()).is_err());
        assert!(mend(format!("[\"\\\"{}\"]", "[".repeat(500)).into_bytes()).is_ok());
    }
}
