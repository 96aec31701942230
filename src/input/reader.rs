//! Taking options out of the input object: alias, null, environment, coercion, and the collection of problems.

use std::ffi::OsString;
use std::fmt;

use serde_json::{Map, Value};

use super::accepted::Accepted;
use super::declaration::{Declaration, Presence};
use super::object::{LONGEST_KEY, Object, shown};
use super::rule::Rule;

/// Names this unlike each other are not offered as a correction.
const NEAR_ENOUGH: f64 = 0.75;

/// How many unknown keys are named, and how many doubled ones; a file of rubbish has a million.
const MOST_KEYS: usize = 50;

/// What is wrong with one option, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option's name, or where its value came from.
    option: String,
    /// What is wrong and what is accepted.
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.option, self.text)
    }
}

/// The options of one call, taken group by group; what is left at the end is unknown.
pub struct Reader<'e> {
    given: Map<String, Value>,
    environment: &'e dyn Fn(&str) -> Option<OsString>,
    /// The known options so far.
    known: Vec<&'static Declaration>,
    /// Options that were given and refused, which must not be called missing as well.
    refused: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'e> Reader<'e> {
    /// Starts with what the caller gave.
    pub fn new(object: Object, environment: &'e dyn Fn(&str) -> Option<OsString>) -> Reader<'e> {
        let (known, refused, problems) = (Vec::new(), Vec::new(), Vec::new());
        let mut reader = Reader { given: object.given, environment, known, refused, problems };
        reader.refuse_keys(object.doubled, "doubled keys", |_, _| "stands twice in the object".into());
        reader
    }

    /// The value of an option as it was given, also by the environment, without taking it.
    pub fn peek(&self, declared: &Declaration) -> Option<Value> {
        let given = self.given.get(declared.name).cloned();
        given.or_else(|| (self.environment)(declared.environment?)?.into_string().ok().map(Value::String))
    }

    /// Notes a problem.
    pub fn refuse(&mut self, option: &str, text: impl Into<String>) {
        self.problems.push(Problem { option: option.to_owned(), text: text.into() });
    }

    /// The normalised values of some options, defaults included; those that are refused or missing are problems.
    pub fn take(&mut self, declarations: &'static [Declaration], values: &mut Map<String, Value>) {
        for declared in declarations {
            self.known.push(declared);
            match self.take_one(declared) {
                Some((source, value)) => match declared.kind.normalise(&value) {
                    Ok(value) => drop(values.insert(declared.name.to_owned(), value)),
                    Err(text) => {
                        self.refused.push(declared.name);
                        self.refuse(&source, text);
                    }
                },
                None if self.refused.contains(&declared.name) => {}
                None if matches!(declared.presence, Presence::Required) => {
                    let instead = declared.environment.map(|variable| format!(" (or set {variable})"));
                    self.refuse(declared.name, format!("required{}", instead.unwrap_or_default()));
                }
                None => {}
            }
        }
    }

    /// One value that is not a declared option, such as `operation`.
    pub fn take_key<T>(&mut self, name: &str, accept: impl FnOnce(&Value) -> Accepted<T>) -> Option<Result<T, ()>> {
        let value = self.given.remove(name).filter(|value| !value.is_null())?;
        Some(accept(&value).map_err(|text| self.refuse(name, text)))
    }

    /// Checks rules against normalised values. An option that was refused breaks no rule.
    pub fn check(&mut self, rules: &[Rule], values: &Map<String, Value>) {
        for rule in rules {
            if let Some((option, text)) = rule.problem(values, &self.known)
                && !self.refused.contains(&option)
            {
                self.refuse(option, text);
            }
        }
    }

    /// Lets options pass unread.
    pub fn pass(&mut self, declarations: &'static [Declaration]) {
        for declared in declarations {
            self.given.remove(declared.name);
            self.known.push(declared);
        }
    }

    /// All problems, those of unknown keys included.
    pub fn problems(mut self) -> Vec<Problem> {
        let unknown: Vec<String> = std::mem::take(&mut self.given).into_iter().map(|(key, _)| key).collect();
        // One list of what is accepted serves all that are unlike everything.
        let unlike = unknown.iter().filter(|key| self.nearest(key).is_none()).min().cloned();
        self.refuse_keys(unknown, "unknown options", |reader, key| match reader.nearest(key) {
            Some(known) => format!("unknown option, perhaps `{known}` is meant"),
            None if unlike.as_deref() == Some(key) => {
                let names: Vec<&str> = reader.known.iter().map(|declared| declared.name).collect();
                format!("unknown option; accepted are operation, {}", names.join(", "))
            }
            None => "unknown option".into(),
        });
        self.problems
    }

    /// Refuses keys, each once; of very many only the first are named.
    fn refuse_keys(&mut self, mut keys: Vec<String>, what: &str, text: impl Fn(&Self, &str) -> String) {
        keys.sort_unstable();
        keys.dedup();
        for key in keys.iter().take(MOST_KEYS) {
            self.refuse(&shown(key), text(self, key));
        }
        if let Some(more) = keys.len().checked_sub(MOST_KEYS).filter(|more| *more > 0) {
            self.refuse("…", format!("{more} further {what}"));
        }
    }

    /// The known option whose name is most like an unknown key, or has the key for a part.
    fn nearest(&self, key: &str) -> Option<&'static str> {
        let key = key.chars().take(LONGEST_KEY).collect::<String>().to_lowercase();
        let likeness = |name: &str| match name.split('_').any(|part| part == key) {
            true => 1.0,
            false => strsim::jaro_winkler(name, &key),
        };
        let names = self.known.iter().flat_map(|declared| [Some(declared.name), declared.alias]).flatten();
        let all = ["operation"].into_iter().chain(names).map(|name| (name, likeness(name)));
        let nearest = all.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (nearest.1 >= NEAR_ENOUGH).then_some(nearest.0)
    }

    /// The value of an option and where it came from; `None` when it is not given.
    fn take_one(&mut self, declared: &Declaration) -> Option<(String, Value)> {
        let mut take = |key: &str| {
            let value = self.given.remove(key)?;
            let absent = value.is_null() || (declared.empty_is_absent && value == "");
            (!absent).then(|| (key.to_owned(), value))
        };
        let (own, other) = (take(declared.name), declared.alias.and_then(&mut take));
        if let (Some((_, own)), Some((alias, other))) = (&own, &other)
            && own != other
        {
            let (alias, text) = (alias.clone(), format!("differs from `{}`, which it is an alias of", declared.name));
            self.refused.push(declared_name(declared));
            self.refuse(&alias, text);
            return None;
        }
        own.or(other).or_else(|| {
            let variable = declared.environment?;
            let value = (self.environment)(variable).filter(|value| !value.is_empty())?;
            match value.into_string() {
                Ok(value) => Some((variable.to_owned(), Value::String(value))),
                Err(_) => {
                    self.refused.push(declared_name(declared));
                    self.refuse(variable, "is not UTF-8");
                    None
                }
            }
        })
    }
}

/// The name without the declaration's borrow.
fn declared_name(declared: &Declaration) -> &'static str {
    declared.name
}
