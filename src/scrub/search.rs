//! Finding every secret of a group in a text, in any spelling a server may repeat it in: plain, percent-encoded,
//! JSON-escaped, HTML-escaped, each also where only some characters are escaped.
//!
//! One automaton looks for all secrets at once. The text passes through it once for each way to read it that makes a
//! difference, so the time grows linearly with the text and does not depend on the secrets: both may come from a
//! hostile server.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use zeroize::Zeroizing;

use super::MASK;
use super::automaton::Automaton;
use super::escapes::{Reading, Unit, windows, windows_byte};

/// A shorter secret is masked only where it is the whole string: it would tear ordinary words apart.
const SHORTEST_INSIDE: usize = 4;

/// How many bytes of text are read between two looks at the clock.
const BETWEEN_LOOKS: usize = 64 << 10;

/// A text to look for.
#[derive(PartialEq, Eq)]
struct Pattern {
    text: Zeroizing<String>,
    /// It counts only where it is the whole string.
    short: bool,
}

/// A secret and what else gives it away.
pub struct Spellings(Vec<Pattern>);

impl Spellings {
    /// A secret the server chose.
    pub fn of(secret: &str) -> Spellings {
        let mut spellings = Spellings(Vec::new());
        spellings.push(secret.to_owned(), usize::MAX);
        // Base64 says the same without its padding.
        spellings.push(secret.trim_end_matches('=').to_owned(), usize::MAX);
        spellings
    }

    /// A secret that the server may have read or written in another character set than UTF-8.
    pub fn in_every_charset(secret: &str) -> Spellings {
        let mut spellings = Spellings::of(secret);
        if !secret.is_ascii() {
            let own = secret.chars().count();
            let ascii = secret.chars().filter(char::is_ascii).count();
            // UTF-8 that was read as Latin-1 or as Windows-1252.
            spellings.push(secret.bytes().map(char::from).collect(), own);
            spellings.push(secret.bytes().map(windows).collect(), own);
            // Windows-1252 that was read as UTF-8, and what a charset that lacks the characters makes of them.
            if let Some(bytes) = secret.chars().map(windows_byte).collect::<Option<Vec<u8>>>() {
                spellings.push(String::from_utf8_lossy(&bytes).into_owned(), ascii);
            }
            for replacement in ['?', '\u{FFFD}'] {
                let replaced =
                    secret.chars().map(|character| if character.is_ascii() { character } else { replacement });
                spellings.push(replaced.collect(), ascii);
            }
        }
        spellings
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        self.0.first().map_or("", |pattern| &pattern.text)
    }

    /// Adds a spelling of which so many characters are the secret's own.
    fn push(&mut self, text: String, own: usize) {
        let short = own.min(text.chars().count()) < SHORTEST_INSIDE;
        let pattern = Pattern { text: Zeroizing::new(text), short };
        if !pattern.text.is_empty() && !self.0.contains(&pattern) {
            self.0.push(pattern);
        }
    }
}

/// The deadline of masking has passed.
#[derive(Debug)]
pub struct Late;

/// A deadline, if there is one, and how much was read since the last look at the clock.
pub struct Clock {
    deadline: Option<Instant>,
    unseen: Cell<usize>,
}

impl Clock {
    /// A clock that stops masking at the deadline.
    pub fn new(deadline: Option<Instant>) -> Clock {
        Clock { deadline, unseen: Cell::new(0) }
    }

    /// Notes that so many bytes were read.
    #[inline]
    pub fn tick(&self, bytes: usize) -> Result<(), Late> {
        self.unseen.set(self.unseen.get() + bytes);
        if self.unseen.get() < BETWEEN_LOOKS {
            return Ok(());
        }
        self.unseen.set(0);
        self.look()
    }

    /// Looks at the clock.
    fn look(&self) -> Result<(), Late> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Late),
            _ => Ok(()),
        }
    }
}

/// The search for a group of secrets.
pub struct Search {
    group: Vec<Arc<Spellings>>,
    automaton: OnceLock<Automaton>,
    /// The length of the shortest pattern, in bytes.
    shortest: usize,
}

impl Search {
    /// Prepares nothing yet: that waits for the first text.
    pub fn new(group: impl IntoIterator<Item = Arc<Spellings>>) -> Search {
        let group: Vec<Arc<Spellings>> = group.into_iter().collect();
        let lengths = group.iter().flat_map(|spellings| &spellings.0).map(|pattern| pattern.text.len());
        let shortest = lengths.min().unwrap_or(usize::MAX);
        Search { group, automaton: OnceLock::new(), shortest }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> + Clone {
        self.group.iter().flat_map(|spellings| &spellings.0)
    }

    /// Adds what is found in the text.
    ///
    /// # Errors
    /// When the clock's deadline has passed.
    pub fn find(&self, text: &str, clock: &Clock, found: &mut Found) -> Result<(), Late> {
        clock.tick(text.len())?;
        // No escape is shorter than what it stands for.
        if text.len() < self.shortest {
            return Ok(());
        }
        let patterns = || self.patterns().map(|pattern| (pattern.text.as_str(), pattern.short));
        let automaton = self.automaton.get_or_init(|| Automaton::new(patterns()));
        for reading in [Reading::Plain].into_iter().chain(self.readings(text)) {
            pass(automaton, text, reading, clock, found)?;
        }
        Ok(())
    }

    /// The ways to read a text that make a difference to it and to a secret.
    fn readings(&self, text: &str) -> Vec<Reading> {
        let bytes = text.as_bytes();
        let mut plus = false;
        let [mut percent, mut json, mut html] = [None; 3];
        for (at, byte) in bytes.iter().enumerate() {
            let (found, reading) = match byte {
                b'%' => (&mut percent, Reading::Percent { windows_1252: false, form: false }),
                b'\\' => (&mut json, Reading::Json),
                b'&' => (&mut html, Reading::Html),
                b'+' => {
                    plus = true;
                    continue;
                }
                _ => continue,
            };
            // One is enough.
            if found.is_none() {
                let escape = bytes.get(at..).and_then(|rest| reading.escape(rest));
                *found = escape.map(|_| reading);
            }
        }
        let foreign = percent.is_some() && self.patterns().any(|pattern| !pattern.text.is_ascii());
        let form = plus && self.patterns().any(|pattern| pattern.text.contains(' '));
        let also = |worth: bool, windows_1252, form| worth.then_some(Reading::Percent { windows_1252, form });
        let more = [also(foreign, true, false), also(form, false, true), also(form && foreign, true, true)];
        [percent, json, html].into_iter().chain(more).flatten().collect()
    }
}

/// Sends what the text stands for through the automaton.
fn pass(automaton: &Automaton, text: &str, reading: Reading, clock: &Clock, found: &mut Found) -> Result<(), Late> {
    let openings = reading.openings();
    let mut state = 0;
    let mut starts = Starts::new(automaton.longest().min(text.len()));
    let mut pending = Pending::default();
    let mut at = 0;
    // Pieces, for a look at the clock after each of them.
    while at < text.len() {
        let end = text.len().min(at + BETWEEN_LOOKS);
        clock.tick(end - at)?;
        while at < end {
            let Some(rest) = text.as_bytes().get(at..) else { break };
            let Some(byte) = rest.first() else { break };
            let escape = if openings.contains(byte) { reading.escape(rest) } else { None };
            let unit = escape.unwrap_or(Unit::byte(*byte));
            for byte in unit.bytes() {
                starts.push(at);
                state = automaton.next(state, *byte);
                if let Some(length) = automaton.found(state) {
                    let range = starts.back(length)..at + unit.length;
                    pending.push(range, starts.oldest(), |range| found.mark(text.len(), range));
                }
            }
            at += unit.length;
        }
    }
    pending.0.into_iter().for_each(|range| found.mark(text.len(), range));
    if automaton.is_whole(state, starts.pushed) {
        found.mark(text.len(), 0..text.len());
    }
    Ok(())
}

/// Where in the text the last bytes that went through the automaton began.
struct Starts {
    ring: Vec<usize>,
    pushed: usize,
}

impl Starts {
    fn new(longest: usize) -> Starts {
        Starts { ring: vec![0; longest.next_power_of_two()], pushed: 0 }
    }

    #[inline]
    fn push(&mut self, start: usize) {
        let place = self.pushed & (self.ring.len() - 1);
        if let Some(slot) = self.ring.get_mut(place) {
            *slot = start;
        }
        self.pushed += 1;
    }

    /// Where the byte began that was pushed so many bytes ago: 1 is the last one.
    fn back(&self, bytes: usize) -> usize {
        let place = self.pushed.saturating_sub(bytes) & (self.ring.len() - 1);
        self.ring.get(place).copied().unwrap_or_default()
    }

    /// The first start that is still known.
    fn oldest(&self) -> usize {
        self.back(self.ring.len().min(self.pushed))
    }
}

/// What was found in one pass and may still be joined by what overlaps it. So each byte is marked once in a pass,
/// however many secrets overlap there.
#[derive(Default)]
struct Pending(VecDeque<Range<usize>>);

impl Pending {
    /// Adds a range that ends behind all others, and lets go of those before the first place where one can begin now.
    fn push(&mut self, mut range: Range<usize>, first: usize, mut mark: impl FnMut(Range<usize>)) {
        while let Some(last) = self.0.pop_back() {
            if last.end <= range.start {
                self.0.push_back(last);
                break;
            }
            range.start = range.start.min(last.start);
        }
        self.0.push_back(range);
        while self.0.front().is_some_and(|range| range.end <= first) {
            self.0.pop_front().into_iter().for_each(&mut mark);
        }
    }
}

/// What was found in a text.
#[derive(Default)]
pub struct Found {
    /// A mark for each byte of the text; nothing until something is found.
    marks: Vec<Mark>,
}

/// What happens to a byte of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Kept,
    /// The first byte of a secret.
    First,
    /// A later byte of a secret.
    Later,
}

impl Found {
    fn mark(&mut self, length: usize, range: Range<usize>) {
        if self.marks.is_empty() {
            self.marks = vec![Mark::Kept; length];
        }
        if let Some([first, later @ ..]) = self.marks.get_mut(range) {
            // Occurrences that overlap are masked as one.
            if *first == Mark::Kept {
                *first = Mark::First;
            }
            later.fill(Mark::Later);
        }
    }

    /// The text with each secret replaced, when there was one.
    pub fn masked(&self, text: &str) -> Option<String> {
        if self.marks.is_empty() {
            return None;
        }
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        let together = |one: &Mark, next: &Mark| match next {
            Mark::Kept => *one == Mark::Kept,
            Mark::First => false,
            Mark::Later => true,
        };
        for run in self.marks.chunk_by(together) {
            match run.first() {
                Some(Mark::Kept) => masked.push_str(text.get(at..at + run.len()).unwrap_or_default()),
                _ => masked.push_str(MASK),
            }
            at += run.len();
        }
        Some(masked)
    }
}
