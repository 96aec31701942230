//! How an option is declared: once, as a constant. The reader, the published schema, the Ansible and Salt documentation,
//! the Bolt metadata and the tables in `docs/` all come from these constants.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::accepted::{self, Accepted};
use crate::host;

/// One option of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The key in the input object.
    pub name: &'static str,
    /// What it means, from the doc comment of the field it is read into.
    pub doc: &'static str,
    /// Which values it accepts.
    pub kind: Kind,
    /// What its absence means.
    pub presence: Presence,
    /// Another name for it.
    pub alias: Option<&'static str>,
    /// The environment variable that stands in for it.
    pub environment: Option<&'static str>,
    /// Whether `""` means "not given", as a template with an empty variable writes it.
    pub empty_is_absent: bool,
    /// A value for the documentation, as JSON text.
    pub example: Option<&'static str>,
}

/// What the absence of an option means.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// Nothing stands in for it.
    Optional,
    /// It is a mistake.
    Required,
    /// This value stands in for it.
    Default(Literal),
}

/// A value that can be written in a declaration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(u64),
    /// A text.
    Text(&'static str),
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Value {
        match literal {
            Literal::Boolean(value) => value.into(),
            Literal::Integer(value) => value.into(),
            Literal::Text(value) => value.into(),
        }
    }
}

/// Which values an option accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`, or a word for them.
    Boolean,
    /// A whole number within these bounds.
    Integer(u64, u64),
    /// Any text but the empty one.
    Text,
    /// A text that is never shown.
    Secret,
    /// The path of a file or folder on the host that runs `lxca`.
    Path,
    /// A host name or an IP address.
    Host,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text in this form.
    Form(&'static Form),
    /// Texts in this form, each counted once.
    List(&'static Form),
}

/// The name of the definition that [`definitions`] gives the schema of a host.
const HOST: &str = "Host";

/// What schemas of options refer to.
pub fn definitions() -> Value {
    let forms: Vec<Value> = host::patterns().iter().map(|pattern| json!({"pattern": pattern})).collect();
    json!({HOST: {
        "description": "A DNS name whose last label is not all digits, an IPv4 address, or an IPv6 address.",
        "type": "string",
        "maxLength": host::LONGEST_NAME,
        "anyOf": forms,
    }})
}

/// A form of text that is narrower than "any text".
#[derive(Debug)]
pub struct Form {
    /// The form for people, behind "must be".
    pub about: &'static str,
    /// The form as a regular expression of JSON Schema.
    pub pattern: &'static str,
    /// The longest text, in bytes.
    pub longest: usize,
    /// Whether a text has the form.
    pub fits: fn(&str) -> bool,
}

impl Form {
    fn accept(&self, text: &str) -> bool {
        text.len() <= self.longest && (self.fits)(text)
    }
}

impl Kind {
    /// An optional option of this kind, without a name: [`options!`](super::options!) adds it.
    pub const fn optional(self) -> Declaration {
        Declaration {
            name: "",
            doc: "",
            kind: self,
            presence: Presence::Optional,
            alias: None,
            environment: None,
            empty_is_absent: false,
            example: None,
        }
    }

    /// A required option of this kind.
    pub const fn required(self) -> Declaration {
        Declaration { presence: Presence::Required, ..self.optional() }
    }

    /// An option of this kind with a default.
    pub const fn default(self, value: Literal) -> Declaration {
        Declaration { presence: Presence::Default(value), ..self.optional() }
    }

    /// The value in the option's own type.
    ///
    /// # Errors
    /// What is accepted instead, without the value.
    pub fn normalise(self, value: &Value) -> Accepted<Value> {
        match self {
            Kind::Boolean => accepted::boolean(value).map(Value::from),
            Kind::Integer(least, most) => accepted::integer(least..=most)(value).map(Value::from),
            Kind::Text | Kind::Secret | Kind::Path => accepted::string(value).map(Value::from),
            Kind::Choice(words) => accepted::choice(words)(value).map(Value::from),
            Kind::Host => match accepted::string(value)? {
                text if host::Host::parse(&text).is_some() => Ok(text.into()),
                _ => Err("must be a host name, an IPv4 or an IPv6 address, without scheme, user, port, path or zone \
                          (write names with non-ASCII letters as punycode)"
                    .into()),
            },
            Kind::Form(form) => match accepted::string(value)? {
                text if form.accept(&text) => Ok(text.into()),
                _ => Err(format!("must be {}", form.about)),
            },
            Kind::List(form) => {
                let mut items = accepted::strings(value)?;
                if !items.iter().all(|item| form.accept(item)) {
                    return Err(format!("each item must be {}", form.about));
                }
                let mut seen = HashSet::new();
                items.retain(|item| seen.insert(item.clone()));
                Ok(items.into())
            }
        }
    }

    /// The keywords of JSON Schema that describe the kind; `null` stands for "not given" unless `required`.
    fn schema(self, required: bool) -> Map<String, Value> {
        let kind = match self {
            Kind::Boolean => "boolean",
            Kind::Integer(..) => "integer",
            Kind::List(_) => "array",
            _ => "string",
        };
        let kind = if required { json!(kind) } else { json!([kind, "null"]) };
        let mut schema = Map::from_iter([("type".to_owned(), kind)]);
        let mut add = |keyword: &str, value: Value| drop(schema.insert(keyword.to_owned(), value));
        match self {
            Kind::Boolean => {}
            Kind::Integer(least, most) => {
                add("minimum", least.into());
                add("maximum", most.into());
            }
            Kind::Text => add("minLength", 1.into()),
            Kind::Secret => {
                add("minLength", 1.into());
                add("writeOnly", true.into());
            }
            Kind::Path => {
                add("minLength", 1.into());
                add("x-lxca-kind", "path".into());
            }
            // In one place of the document: the grammar is long.
            Kind::Host => {
                add("minLength", 1.into());
                let host = json!({"$ref": format!("#/$defs/{HOST}")});
                match required {
                    true => add("allOf", json!([host])),
                    false => add("anyOf", json!([host, {"type": "null"}])),
                }
            }
            Kind::Choice(words) => {
                let null = (!required).then_some(Value::Null);
                add("enum", words.iter().map(|word| json!(word)).chain(null).collect());
            }
            Kind::Form(form) => {
                add("pattern", form.pattern.into());
                add("maxLength", form.longest.into());
            }
            Kind::List(form) => {
                add(
                    "items",
                    json!({"type": "string", "minLength": 1, "maxLength": form.longest, "pattern": form.pattern}),
                );
            }
        }
        schema
    }
}

impl Declaration {
    /// The same with another name.
    pub const fn alias(self, alias: &'static str) -> Declaration {
        Declaration { alias: Some(alias), ..self }
    }

    /// The same with an environment variable that stands in for it.
    pub const fn environment(self, variable: &'static str) -> Declaration {
        Declaration { environment: Some(variable), ..self }
    }

    /// The same, with `""` meaning "not given".
    pub const fn empty_is_absent(self) -> Declaration {
        Declaration { empty_is_absent: true, ..self }
    }

    /// The same with an example, as JSON text.
    pub const fn example(self, json: &'static str) -> Declaration {
        Declaration { example: Some(json), ..self }
    }

    /// The option in the published schema.
    pub fn schema(&self) -> Value {
        let mut schema = self.kind.schema(matches!(self.presence, Presence::Required));
        let mut description = self.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(alias) = self.alias {
            description += &format!(" Alias: `{alias}`.");
            schema.insert("x-lxca-alias".into(), alias.into());
        }
        if let Some(variable) = self.environment {
            description += &format!(" Environment: `{variable}`.");
            schema.insert("x-lxca-env".into(), variable.into());
        }
        schema.insert("description".into(), description.into());
        if let Presence::Default(value) = self.presence {
            schema.insert("default".into(), value.into());
        }
        if let Some(example) = self.example.and_then(|example| serde_json::from_str(example).ok()) {
            schema.insert("examples".into(), Value::Array(vec![example]));
        }
        schema.into()
    }
}

/// Declares a group of options: a struct to read them into, and the declarations as its constant `OPTIONS`.
/// Each field is one option: documentation, name, type, and the rest of its [`Declaration`].
macro_rules! options {
    (
        $(#[doc = $about:literal])+
        $visibility:vis struct $options:ident {
            $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $declaration:expr,)*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(serde::Deserialize)]
        $visibility struct $options {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl $options {
            /// The declarations, in the order of the fields.
            pub const OPTIONS: &'static [$crate::input::Declaration] = &[$($crate::input::Declaration {
                name: stringify!($name),
                doc: concat!($($doc),+),
                ..$declaration
            }),*];
        }
    };
}
pub(crate) use options;
