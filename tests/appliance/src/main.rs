//! `lxca-appliance serve`: a simulated appliance to try a client with.

mod help;
mod inventory;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use clap::Parser;
use lxca_appliance::{Appliance, LiveAccount, LoggedRequest, Settings, chaos};
use serde_json::{Value, json};

/// A simulated Lenovo XClarity Administrator on a loopback address.
#[derive(Parser)]
#[command(name = "lxca-appliance")]
enum Command {
    /// Start it and serve until Ctrl-C or SIGTERM. The first line is a JSON object that says how to reach it.
    Serve(Serve),
    /// Print the default settings as JSON, with every field that `serve --settings` accepts.
    Settings(ShowSettings),
}

/// Options of `lxca-appliance serve`.
#[derive(Parser)]
#[command(after_long_help = help::choices())]
struct Serve {
    /// JSON file with settings; every field is optional.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Address to listen on; loopback only.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// TCP port; 0 picks a free one. With --count, the first of consecutive ports.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Speed of jobs: 10 makes them ten times as fast.
    #[arg(long, value_name = "FACTOR")]
    speed: Option<f64>,
    /// Number of appliances to start in this process.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=200))]
    count: u16,
    /// Make about one request in four fail at random. The same seed and the same requests give the same faults; the
    /// first line shows the seed. Without SEED, each start picks a new one. With --count, the first of consecutive
    /// seeds.
    #[arg(long, value_name = "SEED")]
    chaos: Option<Option<u64>>,
    /// Write an Ansible inventory (YAML, passwords included) with the group `lxca` to this new file.
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
}

/// Options of `lxca-appliance settings`.
#[derive(Parser)]
struct ShowSettings {
    /// Print a JSON Schema instead: what each field means, and every value of every quirk and fault.
    #[arg(long)]
    schema: bool,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Serve(options) => serve(&options),
        Command::Settings(options) => show_settings(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When this fails too, nothing else can report it.
            let _ = writeln!(io::stderr(), "lxca-appliance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Serve) -> io::Result<()> {
    let settings = settings(options)?;
    let appliances: Vec<Appliance> = (0..options.count)
        .map(|index| {
            let mut settings = settings.clone();
            if settings.port != 0 {
                settings.port = settings.port.saturating_add(index);
            }
            settings.seed = settings.seed.map(|seed| seed.wrapping_add(index.into()));
            Appliance::start(settings)
        })
        .collect::<io::Result<_>>()?;
    if let Some(file) = &options.inventory {
        write_private(file, inventory::of(&appliances))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Install the handlers before the first line is out: its reader may send a signal at once.
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        announce(&appliances)?;
        appliances.iter().for_each(show_requests);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

fn settings(options: &Serve) -> io::Result<Settings> {
    let mut settings = match &options.settings {
        Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
        None => Settings::default(),
    };
    settings.listen = options.listen.unwrap_or(settings.listen);
    settings.port = options.port.unwrap_or(settings.port);
    settings.speed = options.speed.unwrap_or(settings.speed);
    if let Some(seed) = options.chaos {
        settings.seed = seed.or(settings.seed);
        settings.faults.extend(chaos());
    }
    Ok(settings)
}

/// Prints the default settings, or their schema.
fn show_settings(options: &ShowSettings) -> io::Result<()> {
    let shown = if options.schema {
        serde_json::to_string_pretty(&schemars::schema_for!(Settings))?
    } else {
        serde_json::to_string_pretty(&Settings::default())?
    };
    writeln!(io::stdout(), "{shown}")
}

/// Says how to reach the appliances: one JSON line for programs, then a few lines for people. A program may stop
/// reading after its line.
fn announce(appliances: &[Appliance]) -> io::Result<()> {
    let mut all = appliances.iter().map(describe).collect::<io::Result<Vec<Value>>>()?;
    let several = all.clone();
    let Some(mut first) = all.drain(..).next() else {
        return Ok(());
    };
    if let (true, Some(first)) = (several.len() > 1, first.as_object_mut()) {
        first.insert("appliances".into(), several.into());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{first}")?;
    out.flush()?;
    for appliance in appliances {
        let _ = writeln!(out, "\nsimulated LXCA at https://{}", authority(appliance));
        for account in appliance.change(|state| state.accounts.clone()) {
            let rights = if account.read_only { " (may only read)" } else { "" };
            let _ = writeln!(out, "  user      {}{rights}\n  password  {}", account.username, account.password);
        }
        let (ca_path, pin) = (appliance.ca_path().display(), appliance.certificate_fingerprint());
        let _ = writeln!(out, "  CA        {ca_path}\n  pin       {pin}");
    }
    let _ = writeln!(out, "\nCtrl-C ends it. Requests:");
    Ok(())
}

fn describe(appliance: &Appliance) -> io::Result<Value> {
    let arguments_file = appliance.directory().join("arguments.json");
    let mut arguments = json!({
        "operation": "firmware_export_info",
        "task_id": 12,
        "host": appliance.host(),
        "port": appliance.port(),
        "username": appliance.username(),
        "password": appliance.password(),
        "ca_path": appliance.ca_path(),
    });
    write_private(&arguments_file, &arguments)?;
    let (seed, accounts) = appliance.change(|state| (state.settings.seed, state.accounts.clone()));
    let account = |one: &LiveAccount| json!({ "username": one.username, "password": one.password });
    if let Some(shown) = arguments.as_object_mut() {
        shown.remove("operation");
        shown.remove("task_id");
        shown.insert("certificate_fingerprint".into(), appliance.certificate_fingerprint().into());
        shown.insert("arguments_file".into(), json!(arguments_file));
        shown.insert("seed".into(), seed.into());
        shown.insert("accounts".into(), accounts.iter().map(account).collect());
    }
    Ok(arguments)
}

/// Writes a new file that only its owner may read.
fn write_private(path: &Path, content: impl Display) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{content}")
}

/// Prints the requests of an appliance as JSON lines, from a thread that ends with the process.
fn show_requests(appliance: &Appliance) {
    let (requests, authority) = (appliance.follow_requests(), authority(appliance));
    std::thread::spawn(move || {
        for request in requests {
            // The reader may have gone.
            let _ = writeln!(io::stdout(), "{}", line(&authority, &request));
        }
    });
}

/// Headers whose values are secrets of the client.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-csrf-token"];

/// One request without its secrets: of the body only the length.
fn line(authority: &str, request: &LoggedRequest) -> Value {
    let shown = |(name, value): &(String, String)| {
        json!([name, if SECRET.contains(&name.as_str()) { "********" } else { value }])
    };
    let at = request.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "time": at.as_secs_f64(),
        "appliance": authority,
        "connection": request.connection,
        "method": request.method,
        "target": request.target,
        "headers": request.headers.iter().map(shown).collect::<Vec<_>>(),
        "body_bytes": request.body_length,
        "status": request.status,
        "milliseconds": request.took.map(|took| took.as_secs_f64() * 1000.0),
    })
}

/// Host and port as in a URL.
fn authority(appliance: &Appliance) -> String {
    match appliance.host() {
        host if host.contains(':') => format!("[{host}]:{}", appliance.port()),
        host => format!("{host}:{}", appliance.port()),
    }
}
