//! What each kind of option accepts: one small function per kind, giving the value or what is accepted instead.
//!
//! Values arrive from templates and from `key=value` lines, hence the coercions (docs/contract.md, Coercion).

use std::ops::RangeInclusive;

use serde_json::{Number, Value};

/// What the functions here return: the value, or the sentence that says what is accepted.
pub type Accepted<T> = Result<T, String>;

const TRUE: [&str; 6] = ["yes", "on", "true", "y", "t", "1"];
const FALSE: [&str; 6] = ["no", "off", "false", "n", "f", "0"];

/// Longer texts are not compared with the words of a choice.
const LONGEST_WORD: usize = 60;

/// A boolean, a number 0 or 1, or one of the words for it in any case.
pub fn boolean(value: &Value) -> Accepted<bool> {
    let word = match value {
        Value::Bool(value) => return Ok(*value),
        Value::Number(number) => whole(number).map(|number| number.to_string()).unwrap_or_default(),
        Value::String(word) => word.trim().to_lowercase(),
        _ => String::new(),
    };
    match (TRUE.contains(&word.as_str()), FALSE.contains(&word.as_str())) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err("must be true or false (yes, no, on, off, y, n, t, f, 1 and 0 are understood as well)".into()),
    }
}

/// An integer within bounds: a number without a fraction, or decimal digits in a string.
pub fn integer(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Accepted<u64> {
    move |value| {
        let number = match value {
            Value::Number(number) => whole(number),
            Value::String(text) => digits(text.trim()),
            _ => None,
        };
        number
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A text that is not empty; an integer stands for its decimal text.
pub fn string(value: &Value) -> Accepted<String> {
    match value {
        Value::String(text) if text.is_empty() => Err("must not be empty".into()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        Value::Number(_) | Value::Bool(_) => Err("must be a string: put it in quotes".into()),
        _ => Err("must be a string".into()),
    }
}

/// One of a few words.
pub fn choice<'c>(choices: &'c [&'static str]) -> impl Fn(&Value) -> Accepted<&'static str> + 'c {
    move |value| {
        let text = value.as_str().unwrap_or_default();
        choices.iter().find(|choice| **choice == text).copied().ok_or_else(|| {
            let listed = choices.join(", ");
            let likeness = |choice: &&&str| (strsim::jaro_winkler(choice, text) * 1000.0) as u64;
            // Comparing takes as long as the text is long, and nothing long is like a word.
            let short = choices.iter().filter(|_| text.len() <= LONGEST_WORD);
            match short.max_by_key(likeness).filter(|choice| likeness(choice) > 850) {
                Some(nearest) => format!("must be one of {listed}; perhaps {nearest} is meant"),
                None => format!("must be one of {listed}"),
            }
        })
    }
}

/// A list of strings, or one string split at commas; items are trimmed and none is empty.
pub fn strings(value: &Value) -> Accepted<Vec<String>> {
    let trimmed = |item: &str| item.trim().to_owned();
    let items: Vec<String> = match value {
        Value::String(text) => text.split(',').map(trimmed).collect(),
        Value::Array(items) => {
            let items = items.iter().map(|item| string(item).map(|text| trimmed(&text)));
            items.collect::<Accepted<_>>().map_err(|text| format!("each item {text}"))?
        }
        _ => return Err("must be a list of strings, or one string with commas".into()),
    };
    match items.iter().any(String::is_empty) {
        true => Err("must not contain an empty item".into()),
        false => Ok(items),
    }
}

/// The integer a JSON number is, when it has no fraction: `12.0` and `1.2e1` are 12.
fn whole(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i128() {
        return Some(integer);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    // All bounds are below 2^100, and the conversion would saturate.
    (float.abs() < 2f64.powi(100)).then_some(float as i128)
}

/// `[+-]?[0-9]+`.
fn digits(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}
