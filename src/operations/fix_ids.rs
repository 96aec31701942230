//! Fix ids, as many operations take and name them.

use crate::failure::Failure;
use crate::input::Form;

/// Web servers refuse request lines over 8 KB; half of it leaves room for what stands between us and them.
const LONGEST_REQUEST_LINE: usize = 4 << 10;
/// How many ids a sentence names.
const MOST_NAMED: usize = 10;

/// How a fix id is written: as it stands in a path.
pub const FIX_ID: Form = Form {
    about: "an id of up to 255 ASCII letters, digits, dots, hyphens and underscores, neither `.` nor `..`",
    pattern: r"^(?!\.\.?$)[A-Za-z0-9._-]+$",
    longest: 255,
    fits: |id| {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        plain && !matches!(id, "" | "." | "..")
    },
};

/// Splits ids over requests whose request line stays under the limit; `rest` is the length of the target without them.
pub fn batches(ids: &[String], rest: usize) -> Vec<&[String]> {
    let fixed = "DELETE  HTTP/1.1\r\n".len() + rest;
    let mut batches = Vec::new();
    let mut left = ids;
    while !left.is_empty() {
        let mut line = fixed;
        let fitting = left.iter().take_while(|id| {
            line += id.len() + ",".len();
            line < LONGEST_REQUEST_LINE
        });
        // A single id always fits.
        let (batch, after) = left.split_at(fitting.count().max(1));
        batches.push(batch);
        left = after;
    }
    batches
}

/// A failure that names the ids it was about.
pub fn of_ids(failure: Failure, ids: &[String]) -> Failure {
    let end = if failure.cause.is_some() { "" } else { "." };
    let sentence = failure.sentence.trim_end_matches('.');
    let asked = match ids {
        [first, .., last] if ids.len() > MOST_NAMED => format!("{} ids from {first} to {last}", ids.len()),
        _ => ids.join(", "),
    };
    Failure { sentence: format!("{sentence}. It was asked for {asked}{end}"), ..failure }
}

/// Things for a sentence: the first ones by name, the others counted.
#[derive(Default)]
pub struct Named {
    names: Vec<String>,
    /// How many there are.
    pub count: usize,
}

impl Named {
    /// Ids by name.
    pub fn of(ids: impl Iterator<Item = impl ToString>) -> Named {
        let mut named = Named::default();
        ids.for_each(|id| named.add(|| id.to_string()));
        named
    }

    /// Adds one.
    pub fn add(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        self.names.extend((self.count <= MOST_NAMED).then(name));
    }

    /// The things in words.
    pub fn words(&self) -> String {
        let names = self.names.join(", ");
        match self.count - self.names.len() {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }

    /// The same as a sentence, when there are any.
    pub fn sentence(&self) -> String {
        if self.count == 0 { String::new() } else { self.words() + "." }
    }
}

/// A number of updates in words.
pub fn counted(count: usize) -> String {
    if count == 1 { "1 update".into() } else { format!("{count} updates") }
}

/// Ids in words.
pub fn named(ids: &[String]) -> String {
    Named::of(ids.iter()).words()
}
