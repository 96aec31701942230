//! From the bytes of an answer to JSON text that can be read: byte-order mark, bad UTF-8, lone surrogates, depth.

use std::borrow::Cow;

/// Objects and lists inside each other beyond this are refused (contract, section 3: 100 accepted, above 128 refused).
const DEEPEST: usize = 128;

/// The JSON text of an answer, and what had to be mended.
#[derive(Debug)]
pub struct Mended {
    /// The text, valid UTF-8 without lone surrogates.
    pub text: String,
    /// Whether characters were replaced by U+FFFD.
    pub replaced: bool,
}

/// Mends the text of an answer.
///
/// # Errors
/// The reason, when the nesting is too deep to be read.
pub fn mend(bytes: Vec<u8>) -> Result<Mended, String> {
    let text = String::from_utf8(bytes);
    let (text, bad_utf8) = match text {
        Ok(text) => (text, false),
        Err(error) => (lossy(error.as_bytes()).into_owned(), true),
    };
    let mut text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    let lone = scan(&text)?;
    for at in &lone {
        // `\ud83d` and `\ufffd` are of one length, so places stay what they are.
        text.replace_range(*at..at + 6, "\\ufffd");
    }
    Ok(Mended { text, replaced: bad_utf8 || !lone.is_empty() })
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// One pass over the text: where lone surrogates are escaped, and whether the nesting stays bearable. Both are what
/// serde_json does not look at in values that are passed on as text.
fn scan(text: &str) -> Result<Vec<usize>, String> {
    let mut lone = Vec::new();
    let mut depth = 0usize;
    let mut in_string = false;
    let mut bytes = text.bytes().enumerate();
    let mut high: Option<usize> = None; // a high surrogate that waits for its low one
    while let Some((at, byte)) = bytes.next() {
        let waiting = high.take();
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                let unit = text.get(at..).and_then(escaped_unit);
                match (waiting, unit) {
                    (Some(_), Some(0xDC00..=0xDFFF)) => {}
                    (waiting, unit) => {
                        lone.extend(waiting);
                        match unit {
                            Some(0xD800..=0xDBFF) => high = Some(at),
                            Some(0xDC00..=0xDFFF) => lone.push(at),
                            _ => {}
                        }
                    }
                }
                // The escaped character, which may be a quote, and the digits behind `u`.
                let skipped = if unit.is_some() { 4 } else { 0 };
                bytes.nth(skipped);
                continue;
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
        lone.extend(waiting);
    }
    Ok(lone)
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
    fn blanks_and_line_breaks_outside_strings_are_dropped() {
        let compacted = |json: &str| {
            let mut text = json.to_owned();
            compact(&mut text);
            text
        };
        assert_eq!(compacted("{ \"a b\\\" c\" :\r\n\t[ 1 , \"\\\\\" ] }"), "{\"a b\\\" c\":[1,\"\\\\\"]}");
    }

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(mend(deep(128).into_bytes()).is_ok());
        assert!(mend(deep(129).into_bytes()).is_err());
        assert!(mend(format!("[\"\\\"{}\"]", "[".repeat(500)).into_bytes()).is_ok());
    }
}
