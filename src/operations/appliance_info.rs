//! `appliance_info`: the connection test, and facts (docs/contract.md, appliance_info; docs/lxca-api.md, Appliance
//! facts).

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Context, Operation};
use crate::answer::Success;
use crate::client::LONGEST_WORDS;
use crate::client::wire::aicc::{Aicc, Appliance};
use crate::client::wire::{Object, Record, Text, Unknown};
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Kind as Accepts, Literal, options};
use crate::scrub::Word;

const PATH: &str = "/aicc";

options! {
    /// The options of `appliance_info`.
    pub struct ApplianceInfo {
        /// Whether to show the rest of the answer, some 180 KB of networks, services and time zones, under `data.details`.
        all: bool = Accepts::Boolean.default(Literal::Boolean(false)),
    }
}

/// What the appliance says of itself.
#[derive(JsonSchema)]
pub struct Data {
    #[schemars(flatten)]
    appliance: Appliance,
    /// The rest of the answer, with `all: true`.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>", skip_serializing_if = "Option::is_none")]
    details: Option<Unknown>,
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.appliance.write(&mut map, &["details"])?;
        self.details.iter().try_for_each(|details| map.serialize_entry(&Word("details"), details))?;
        map.end()
    }
}

impl Operation for ApplianceInfo {
    const NAME: &'static str = "appliance_info";
    const SUMMARY: &'static str = "name, version and build of the appliance: the connection test, and facts";
    const OPTIONS: &'static [Declaration] = ApplianceInfo::OPTIONS;
    const EXAMPLES: &'static str = include_str!("../../schemas/examples/appliance_info.json");
    type Data = Data;

    fn run(&self, context: &Context<'_, Data>) -> Result<Success, Failure> {
        let body = context.client.get(PATH)?;
        let aicc = body.read::<Aicc>()?;
        let known = aicc.map(|aicc| (aicc.appliance, aicc.unknown)).filter(|(appliance, _)| is_one(appliance.as_ref()));
        let Some((Some(Object::Read(appliance)), rest)) = known else {
            let text = format!("{} answered GET {PATH} without saying which appliance it is.", context.host());
            let nameless = Failure { http_status: Some(body.status), ..Failure::new(Kind::InvalidResponse, text) };
            return Err(body.failure.unwrap_or(nameless));
        };
        let say = |what: &str, text: Option<&Text>| {
            let words = text.map(|text| context.client.shortened(&text.words(), LONGEST_WORDS));
            words.map(|words| format!("{what}{words}")).unwrap_or_default()
        };
        let version = say(" ", appliance.version.as_ref()) + &say(", build ", appliance.build.as_ref());
        let detail = say("Its name is ", appliance.name.as_ref());
        let data = Data { appliance, details: self.all.then_some(rest) };
        context.set_data(data);
        match body.failure {
            Some(failure) => Err(failure),
            None => {
                let msg = format!("{} answers as XClarity Administrator{version}.", context.host());
                Ok(Success { msg, detail: if detail.is_empty() { detail } else { detail + "." } })
            }
        }
    }
}

/// Whether an answer is that of an appliance, which is what a connection test wants to know.
fn is_one(appliance: Option<&Object<Appliance>>) -> bool {
    let appliance = appliance.and_then(Object::get);
    appliance.is_some_and(|it| it.name.is_some() || it.version.is_some() || it.uuid.is_some())
}
