//! `lxca` asks Lenovo XClarity Administrator: one JSON object in, one JSON object out.
//!
//! One straight line: the command line says where the input is ([`call`]), the input is read and checked ([`input`]),
//! its operation asks the client ([`operations`], [`client`]), and what it learned leaves as one answer ([`answer`]),
//! without secrets ([`scrub`]).

use std::io::Write;
use std::process::ExitCode;

mod answer;
mod call;
mod client;
mod ending;
mod failure;
mod fingerprint;
mod host;
mod input;
mod lock;
mod log;
mod message;
mod operations;
mod report;
mod schema;
mod scrub;

use answer::{Answer, Stdout, Success};
use call::{Call, Caller, Source};
use client::Client;
use client::settings::Settings;
use ending::Ending;
use failure::Failure;
use input::{Connection, Input, Object};

#[cfg(all(target_os = "linux", not(debug_assertions), not(target_feature = "crt-static")))]
compile_error!("release builds must be static: keep .cargo/config.toml and unset RUSTFLAGS");

fn main() -> ExitCode {
    match Call::parse(std::env::args_os().skip(1)) {
        Ok(Call::Ask(source)) => answered(|ending| ask(&source, ending)),
        Ok(Call::Schema { output, operation }) => match schema::text(output, operation.as_deref()) {
            Ok(schema) => printed(&schema, ExitCode::SUCCESS),
            Err(failure) => answered(|_| Err(failure)),
        },
        Ok(Call::Operations) => printed(&operations::list(), ExitCode::SUCCESS),
        Ok(Call::Version) => printed(concat!("lxca ", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        Ok(Call::Help) => printed(call::HELP, ExitCode::SUCCESS),
        Ok(Call::HelpInstead) => printed(call::HELP, ExitCode::from(2)),
        Err(failure) => answered(|_| Err(failure)),
    }
}

/// From the input to the end of the operation.
fn ask(source: &Source, ending: &Ending) -> Result<Success, Failure> {
    let report = &ending.report;
    let object = Object::parse(&source.read()?)?;
    report.caller(Caller::of(&object));
    let input = Input::read(object, &|name| std::env::var_os(name), report)?;
    let client = Client::new(&settings(input.connection), report)?;
    let client = ending.client.get_or_init(|| client);
    #[cfg(debug_assertions)]
    ending::panic_for_tests();
    let outcome = input.operation.run(client);
    client.leave();
    outcome
}

/// The connection options as the client knows them.
fn settings(connection: Connection) -> Settings {
    Settings {
        host: connection.host,
        port: connection.port,
        username: connection.username,
        password: connection.password,
        auth_method: connection.auth_method,
        validate_certs: connection.validate_certs,
        ca_path: connection.ca_path,
        certificate_fingerprint: connection.certificate_fingerprint,
        server_name: connection.server_name,
        timeout: connection.timeout,
        connect_timeout: connection.connect_timeout,
        retries: connection.retries,
        use_proxy: connection.use_proxy,
    }
}

/// Prints the one answer, unless a signal or a panic already has: then that thread ends the process.
fn answered(outcome: impl FnOnce(&Ending) -> Result<Success, Failure>) -> ExitCode {
    let ending = Ending::default();
    ending.watch();
    let answer = Answer::new(outcome(&ending), &ending.report, None);
    // Built before the claim: a signal is answered even while secrets are masked.
    let line = answer.line(&ending.report.secrets);
    match Stdout::claim() {
        Some(stdout) => stdout.print(&line),
        None => loop {
            std::thread::park();
        },
    }
}

/// Prints a text that is no answer.
fn printed(text: &str, status: ExitCode) -> ExitCode {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Ok(()) => status,
        Err(_) => ExitCode::FAILURE,
    }
}
