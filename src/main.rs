//! `lxca` drives Lenovo XClarity Administrator: one JSON object in, one JSON object out.
//!
//! One straight line: the command line says where the input is ([`command_line`]), the input is read and checked
//! ([`input`]), its operation asks the client ([`operations`], [`client`]), what it learns is recorded ([`outcome`]), and
//! leaves as one answer ([`answer`]) without secrets ([`scrub`]).

use std::process::ExitCode;

mod answer;
mod client;
mod command_line;
mod failure;
mod fingerprint;
mod host;
mod input;
mod lock;
mod log;
mod message;
mod operations;
mod outcome;
mod schema;
mod scrub;
mod shutdown;
mod stdout;

use answer::{Answer, Success};
use client::Client;
use client::settings::{AuthMethod, Settings};
use command_line::{Command, Source};
use failure::{Failure, Kind};
use input::{Connection, Input, Object};
use outcome::Caller;
use shutdown::Shutdown;
use stdout::Stdout;

#[cfg(all(target_os = "linux", not(debug_assertions), not(target_feature = "crt-static")))]
compile_error!("release builds must be static: keep .cargo/config.toml and unset RUSTFLAGS");

fn main() -> ExitCode {
    keep_memory_private();
    match Command::parse(std::env::args_os().skip(1)) {
        Ok(Command::Call(source)) => answered(|shutdown| call(&source, shutdown)),
        Ok(Command::Schema { output, operation }) => match schema::text(output, operation.as_deref()) {
            Ok(schema) => stdout::print_text(&schema, ExitCode::SUCCESS),
            Err(failure) => answered(|_| Err(failure)),
        },
        Ok(Command::Operations) => stdout::print_text(&operations::list(), ExitCode::SUCCESS),
        Ok(Command::Version) => stdout::print_text(concat!("lxca ", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        Ok(Command::Help) => stdout::print_text(command_line::HELP, ExitCode::SUCCESS),
        Ok(Command::HelpInstead) => stdout::print_text(command_line::HELP, ExitCode::from(2)),
        Err(failure) => answered(|_| Err(failure)),
    }
}

/// Writes no core and lets no other process of the user read this one: the password is in it.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // Neither fails on any Linux that runs this; without them the call is as safe as any other program's.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// From the input to the end of the operation.
fn call(source: &Source, shutdown: &Shutdown) -> Result<Success, Failure> {
    let outcome = &shutdown.outcome;
    let object = Object::parse(&source.read()?)?;
    outcome.set_caller(Caller {
        ansible: object.ansible,
        bolt: object.bolt,
        check_mode: object.check_mode,
        diff_mode: object.diff_mode,
    });
    let called = |operation| outcome.set_operation(operation);
    let environment = |name: &str| std::env::var_os(name);
    let input = Input::read(object, &operations::signatures(), &environment, &outcome.secrets, called)?;
    let operation = operations::find(input.operation)
        .ok_or_else(|| Failure::new(Kind::Internal, "The table of operations is incomplete, a defect of lxca."))?;
    let client = Client::new(&settings(input.connection, input.password_was_a_number), outcome)?;
    let client = shutdown.client.get_or_init(|| client);
    #[cfg(debug_assertions)]
    shutdown::panic_for_tests();
    let result = (operation.run)(input.options, client, outcome);
    client.leave();
    result
}

/// The connection options as the client knows them.
fn settings(connection: Connection, password_was_a_number: bool) -> Settings {
    let password_doubt = if connection.password.expose().ends_with(['\n', '\r']) {
        Some("The password ends in a line break, as one read from a file often does.")
    } else if password_was_a_number {
        Some("The password arrived as a number: put it in quotes, or leading zeros and signs are lost.")
    } else {
        None
    };
    Settings {
        host: connection.host,
        port: connection.port,
        username: connection.username,
        password: connection.password,
        password_doubt,
        auth_method: match connection.auth_method {
            input::connection::AuthMethod::Basic => AuthMethod::Basic,
            input::connection::AuthMethod::Session => AuthMethod::Session,
        },
        validate_certs: connection.validate_certs,
        ca_path: connection.ca_path,
        certificate_fingerprint: connection.certificate_fingerprint,
        server_name: connection.server_name,
        timeout: std::time::Duration::from_secs(connection.timeout),
        connect_timeout: std::time::Duration::from_secs(connection.connect_timeout),
        retries: connection.retries,
        use_proxy: connection.use_proxy,
    }
}

/// Prints the one answer, unless a signal or a panic already has: then that thread ends the process. The line is complete
/// before the right to print it is claimed, so that a signal need not wait for it.
fn answered(result: impl FnOnce(&Shutdown) -> Result<Success, Failure>) -> ExitCode {
    let shutdown = Shutdown::default();
    shutdown.watch();
    let result = result(&shutdown);
    let status = if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let line = Answer::new(result, &shutdown.outcome, None).line(&shutdown.outcome.secrets, None);
    match Stdout::claim() {
        Some(stdout) => stdout.print(&line, status),
        None => loop {
            std::thread::park();
        },
    }
}
