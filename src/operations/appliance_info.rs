//! `appliance_info`: the connection test, and facts (contract, section 4; LXCA API, section 7).

use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Described, Operation};
use crate::answer::Success;
use crate::client::wire::aicc::{Aicc, Appliance};
use crate::client::wire::{Object, Record, Text, Unknown};
use crate::client::{Client, LONGEST_WORDS};
use crate::failure::{Failure, Kind};
use crate::input::{Options, accepted};
use crate::scrub::Word;

const PATH: &str = "/aicc";

/// The options of `appliance_info`.
#[derive(JsonSchema)]
pub struct ApplianceInfo {
    /// Whether the rest of the answer, some 180 KB of networks, services and time zones, is wanted under
    /// `data.details`.
    #[schemars(with = "Option<bool>", extend("default" = false))]
    all: bool,
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

impl Described for ApplianceInfo {
    const NAME: &'static str = "appliance_info";
    const SUMMARY: &'static str = "name, version and build of the appliance: the connection test, and facts";
    type Data = Data;

    fn examples() -> Vec<Value> {
        vec![json!({
            "name": "lxca1",
            "version": "4.0.0",
            "build": "264",
            "uuid": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "date": "2026-11-21_22-05-31",
            "runlevel": 3,
            "status": "Normal",
            "details": {"timezones": []}
        })]
    }

    fn read(options: &mut Options) -> Option<ApplianceInfo> {
        Some(ApplianceInfo { all: options.optional("all", accepted::boolean).unwrap_or(false) })
    }
}

impl Operation for ApplianceInfo {
    fn run(&self, client: &Client) -> Result<Success, Failure> {
        let body = client.get(PATH)?;
        let aicc = body.read::<Aicc>()?;
        let known = aicc.map(|aicc| (aicc.appliance, aicc.unknown)).filter(|(appliance, _)| is_one(appliance.as_ref()));
        let Some((Some(Object::Read(appliance)), rest)) = known else {
            let text = format!("{} answered GET {PATH} without saying which appliance it is.", client.host());
            let nameless = Failure { http_status: Some(body.status), ..Failure::new(Kind::InvalidResponse, text) };
            return Err(body.failure.unwrap_or(nameless));
        };
        let say = |what: &str, text: Option<&Text>| {
            text.map(|text| format!("{what}{}", client.shortened(&text.words(), LONGEST_WORDS))).unwrap_or_default()
        };
        let version = say(" ", appliance.version.as_ref()) + &say(", build ", appliance.build.as_ref());
        let detail = say("Its name is ", appliance.name.as_ref());
        let data = Data { appliance, details: self.all.then_some(rest) };
        client.report().data(Arc::new(Mutex::new(data)));
        match body.failure {
            Some(failure) => Err(failure),
            None => {
                let msg = format!("{} answers as XClarity Administrator{version}.", client.host());
                Ok(Success { changed: false, msg, detail: if detail.is_empty() { detail } else { detail + "." } })
            }
        }
    }
}

/// Whether an answer is that of an appliance, which is what a connection test wants to know.
fn is_one(appliance: Option<&Object<Appliance>>) -> bool {
    let appliance = appliance.and_then(Object::get);
    appliance.is_some_and(|it| it.name.is_some() || it.version.is_some() || it.uuid.is_some())
}
