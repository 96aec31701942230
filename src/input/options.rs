//! Taking options out of the input object: alias, null, environment, and the collection of problems.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;

use serde_json::Value;

use super::accepted;
use super::object::{LONGEST_KEY, Object, shown};
use crate::operations::Entry;

/// The environment variables that stand in for absent options (contract, section 2).
pub const ENVIRONMENT: [(&str, &str); 8] = [
    ("host", "LXCA_HOST"),
    ("port", "LXCA_PORT"),
    ("username", "LXCA_USERNAME"),
    ("password", "LXCA_PASSWORD"),
    ("validate_certs", "LXCA_VALIDATE_CERTS"),
    ("ca_path", "LXCA_CA_PATH"),
    ("certificate_fingerprint", "LXCA_CERTIFICATE_FINGERPRINT"),
    ("auth_method", "LXCA_AUTH_METHOD"),
];

/// The options for which `""` means "not given", as templates with an empty variable write it.
const EMPTY_IS_ABSENT: [&str; 3] = ["ca_path", "server_name", "certificate_fingerprint"];

/// The other names of options.
const ALIASES: [(&str, &str); 1] = [("host", "hostname")];

/// Names this unlike each other are not offered as a correction.
const NEAR_ENOUGH: f64 = 0.75;

/// How many unknown keys are named, and how many doubled ones; a file of rubbish has a million.
const MOST_KEYS: usize = 50;

/// What is wrong with one option, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option's name, or where its value came from.
    pub option: String,
    /// What is wrong and what is accepted.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.option, self.text)
    }
}

/// The options of one call, taken one by one; what is left at the end is unknown.
pub struct Options<'e> {
    given: HashMap<String, Value>,
    environment: &'e dyn Fn(&str) -> Option<OsString>,
    called_name: Option<String>,
    /// Every name that was asked for: the known options.
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'e> Options<'e> {
    /// Starts with what the caller gave.
    pub fn new(object: Object, environment: &'e dyn Fn(&str) -> Option<OsString>) -> Options<'e> {
        // Ansible's name of the module is the surer of the two: a Bolt task may carry any name.
        let called = object.module_name.or(object.task).unwrap_or_default();
        let last = called.rsplit(['.', ':']).next().unwrap_or_default();
        let name = last.strip_prefix("lxca_").unwrap_or(last);
        let mut options = Options {
            given: object.given.into_iter().collect(),
            environment,
            called_name: (!name.is_empty()).then(|| name.to_owned()),
            known: Vec::new(),
            problems: Vec::new(),
        };
        options.refuse_keys(object.doubled, "doubled keys", |_, _| "stands twice in the object".into());
        options
    }

    /// The name this program was called by, without its collection and the prefix `lxca_`.
    pub fn called_name(&self) -> Option<String> {
        self.called_name.clone()
    }

    /// The text of an option as it would be accepted, without taking it.
    pub fn text(&self, name: &str) -> Option<String> {
        let given = self.given.get(name).and_then(|value| accepted::string(value).ok());
        given.or_else(|| (self.environment)(variable(name)?)?.into_string().ok())
    }

    /// An option that may be absent.
    pub fn optional<T>(&mut self, name: &'static str, accept: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        let (source, value) = self.take(name)?;
        match accept(&value) {
            Ok(accepted) => Some(accepted),
            Err(text) => {
                self.refuse(&source, text);
                None
            }
        }
    }

    /// An option that must be there.
    pub fn required<T>(&mut self, name: &'static str, accept: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        let accepted = self.optional(name, accept);
        if accepted.is_none() && !self.refused(name) {
            let instead = variable(name).map(|variable| format!(" (or set {variable})")).unwrap_or_default();
            self.refuse(name, format!("required{instead}"));
        }
        accepted
    }

    /// Notes a problem.
    pub fn refuse(&mut self, option: &str, text: impl Into<String>) {
        self.problems.push(Problem { option: option.to_owned(), text: text.into() });
    }

    /// Whether a value of the option was refused, so that it must not be called missing as well.
    pub fn refused(&self, name: &str) -> bool {
        let variable = variable(name);
        self.problems.iter().any(|problem| {
            problem.option == name
                || alias(name) == Some(problem.option.as_str())
                || variable == Some(problem.option.as_str())
        })
    }

    /// Lets an operation's options pass without reading them for use.
    pub fn allow(&mut self, entry: &Entry) {
        let mut scratch = Options {
            given: HashMap::new(),
            environment: self.environment,
            called_name: None,
            known: Vec::new(),
            problems: Vec::new(),
        };
        (entry.read)(&mut scratch);
        for name in scratch.known {
            self.given.remove(name);
            self.known.push(name);
        }
    }

    /// All problems, those of unknown keys included.
    pub fn problems(mut self) -> Vec<Problem> {
        let unknown: Vec<String> = std::mem::take(&mut self.given).into_keys().collect();
        // One list of what is accepted serves all that are unlike everything.
        let unlike = unknown.iter().filter(|key| self.nearest(key).is_none()).min().cloned();
        self.refuse_keys(unknown, "unknown options", |options, key| match options.nearest(key) {
            Some(known) => format!("unknown option, perhaps `{known}` is meant"),
            None if unlike.as_deref() == Some(key) => {
                format!("unknown option; accepted are {}", options.known.join(", "))
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
        let aliases = ALIASES.iter().map(|(_, alias)| *alias);
        let all = self.known.iter().copied().chain(aliases).map(|name| (name, likeness(name)));
        let nearest = all.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (nearest.1 >= NEAR_ENOUGH).then_some(nearest.0)
    }

    /// The value of an option and where it came from; `None` when it is not given.
    fn take(&mut self, name: &'static str) -> Option<(String, Value)> {
        self.known.push(name);
        let own = self.take_key(name, name);
        let other = alias(name).and_then(|alias| self.take_key(alias, name));
        if let (Some((_, own)), Some((alias, other))) = (&own, &other)
            && own != other
        {
            let text = format!("differs from `{name}`, of which it is the other name");
            let alias = alias.clone();
            self.refuse(&alias, text);
            return None;
        }
        own.or(other).or_else(|| {
            let variable = variable(name)?;
            let value = (self.environment)(variable).filter(|value| !value.is_empty())?;
            match value.into_string() {
                Ok(value) => Some((variable.to_owned(), Value::String(value))),
                Err(_) => {
                    self.refuse(variable, "is not UTF-8");
                    None
                }
            }
        })
    }

    fn take_key(&mut self, key: &str, name: &str) -> Option<(String, Value)> {
        let value = self.given.remove(key)?;
        let absent = value.is_null() || (value == "" && EMPTY_IS_ABSENT.contains(&name));
        (!absent).then(|| (key.to_owned(), value))
    }
}

/// The environment variable of an option.
fn variable(name: &str) -> Option<&'static str> {
    ENVIRONMENT.iter().find(|(option, _)| *option == name).map(|(_, variable)| *variable)
}

/// The other name of an option.
fn alias(name: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(option, _)| *option == name).map(|(_, alias)| *alias)
}
