//! Rules between options, declared once: checked when the input is read, published in the schema.

use serde_json::{Map, Value, json};

use super::declaration::{Declaration, Literal, Presence};

/// A rule between the options of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// At most one of the two may be given.
    Exclusive(&'static str, &'static str),
    /// The first may be given only together with the second.
    Needs(&'static str, &'static str),
    /// While an option passes a test, another one must pass a test as well.
    When {
        /// The option that decides.
        option: &'static str,
        /// What it is tested for.
        is: Test,
        /// The option that is restricted.
        then: &'static str,
        /// What it must be, when it is given.
        must: Test,
        /// The problem in words.
        problem: &'static str,
    },
}

/// A test of one option.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// It is given.
    Given,
    /// It is not given.
    Absent,
    /// Given or by default, it is this value.
    Is(Literal),
    /// It is one of these words.
    OneOf(&'static [&'static str]),
    /// It is a text without this character.
    Without(char),
}

impl Test {
    fn passes(self, value: Option<&Value>, declared: Option<&Declaration>) -> bool {
        let is = |literal: Literal| match (value, declared.map(|declared| declared.presence)) {
            (Some(value), _) => *value == Value::from(literal),
            (None, Some(Presence::Default(default))) => default == literal,
            (None, _) => false,
        };
        let text = value.and_then(Value::as_str);
        match self {
            Test::Given => value.is_some(),
            Test::Absent => value.is_none(),
            Test::Is(literal) => is(literal),
            Test::OneOf(words) => text.is_some_and(|text| words.contains(&text)),
            Test::Without(character) => text.is_none_or(|text| !text.contains(character)),
        }
    }

    /// The test as a schema of the whole object. What is not given passes only where [`Test::passes`] says so.
    fn schema(self, option: &str, declared: Option<&Declaration>) -> Value {
        let property = |schema: Value| json!({"properties": {option: schema}});
        let given = |schema: Value| json!({"properties": {option: schema}, "required": [option]});
        let is_default = |literal| matches!(declared.map(|declared| declared.presence), Some(Presence::Default(default)) if default == literal);
        match self {
            Test::Given => given(json!({"not": {"type": "null"}})),
            Test::Absent => property(json!({"type": "null"})),
            Test::Is(literal) if is_default(literal) => property(json!({"enum": [Value::from(literal), Value::Null]})),
            Test::Is(literal) => given(json!({"const": Value::from(literal)})),
            Test::OneOf(words) => given(json!({"enum": words})),
            Test::Without(character) => property(json!({"pattern": format!("^[^{character}]*$")})),
        }
    }

    /// The same, passed by what is not given.
    fn schema_if_given(self, option: &str, declared: Option<&Declaration>) -> Value {
        match self {
            Test::OneOf(words) => {
                let words: Vec<Value> = words.iter().map(|word| json!(word)).chain([Value::Null]).collect();
                json!({"properties": {option: {"enum": words}}})
            }
            Test::Is(literal) => json!({"properties": {option: {"enum": [Value::from(literal), Value::Null]}}}),
            _ => self.schema(option, declared),
        }
    }
}

impl Rule {
    /// The option at fault and what is wrong with it, when the rule is broken by these normalised values.
    pub fn problem(&self, values: &Map<String, Value>, declared: &[&Declaration]) -> Option<(&'static str, String)> {
        let given = |name: &str| values.contains_key(name);
        let declared = |name: &str| declared.iter().find(|declared| declared.name == name).copied();
        match *self {
            Rule::Exclusive(one, other) if given(one) && given(other) => {
                Some((one, format!("cannot be combined with `{other}`: give one of the two")))
            }
            Rule::Needs(one, other) if given(one) && !given(other) => Some((one, format!("needs `{other}`"))),
            Rule::When { option, is, then, must, problem } => {
                let broken = is.passes(values.get(option), declared(option))
                    && (given(then) || matches!(must, Test::Given))
                    && !must.passes(values.get(then), declared(then));
                broken.then(|| (then, problem.to_owned()))
            }
            Rule::Exclusive(..) | Rule::Needs(..) => None,
        }
    }

    /// The rule in the published schema.
    pub fn schema(&self, declared: &[&Declaration]) -> Value {
        let declared = |name: &str| declared.iter().find(|declared| declared.name == name).copied();
        let given = |name: &str| Test::Given.schema(name, None);
        match *self {
            Rule::Exclusive(one, other) => json!({"if": given(one), "then": Test::Absent.schema(other, None)}),
            Rule::Needs(one, other) => json!({"if": given(one), "then": given(other)}),
            Rule::When { option, is, then, must, .. } => {
                json!({"if": is.schema(option, declared(option)), "then": must.schema_if_given(then, declared(then))})
            }
        }
    }
}
