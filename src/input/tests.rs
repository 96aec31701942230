//! Reading the input, held against the contract and the published schemas.

mod agreement;
mod coercion;
mod hosts;
mod reading;

use proptest::test_runner::Config;
use serde_json::Value;

use super::{Input, Object};
use crate::failure::{Failure, Kind};
use crate::operations;
use crate::scrub::Secrets;

/// So many cases of a property, found again by their seed and not by files beside the sources.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Reads one object with these environment variables.
fn read_with(text: &str, environment: &[(&str, &str)]) -> Result<Input, Failure> {
    let lookup = |name: &str| {
        let found = environment.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.into())
    };
    Input::read(Object::parse(text.as_bytes())?, &operations::signatures(), &lookup, &Secrets::default(), |_| {})
}

/// Reads one object with an empty environment.
fn read(object: &Value) -> Result<Input, Failure> {
    read_with(&object.to_string(), &[])
}

/// The message of an input that is refused, which has to be `invalid_input`.
#[track_caller]
fn refusal(outcome: Result<Input, Failure>) -> String {
    match outcome {
        Ok(_) => panic!("accepted"),
        Err(failure) => {
            assert_eq!(failure.kind, Kind::InvalidInput, "{}", failure.msg());
            failure.msg()
        }
    }
}
