//! What several explanations say in the same words.

use std::io;

/// What went wrong below TLS, without the number that the system has for it.
pub fn words(error: &io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(_) => error.to_string(),
        None => error.kind().to_string(),
    };
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The first items of a list, which a server or a file may have made as long as it likes.
pub fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    const MOST: usize = 10;
    const LONGEST: usize = 800;
    let mut items = items.into_iter();
    let mut text = String::new();
    for item in items.by_ref().take(MOST) {
        let item: String = item.as_ref().chars().take(LONGEST).collect();
        let separator = if text.is_empty() { "" } else { ", " };
        text = text + separator + &item;
        if text.len() > LONGEST {
            break;
        }
    }
    match items.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
