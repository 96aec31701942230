//! Running the binary and holding what it prints against docs/contract.md.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Index;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jsonschema::Validator;
use lxca_appliance::{Appliance, Fault, FaultRule, Settings};
use serde_json::{Value, json};

/// An appliance as it comes out of its box.
pub fn appliance() -> Appliance {
    Appliance::start(Settings::default()).unwrap()
}

/// An appliance with other settings.
pub fn appliance_with(change: impl FnOnce(&mut Settings)) -> Appliance {
    let mut settings = Settings::default();
    change(&mut settings);
    Appliance::start(settings).unwrap()
}

/// The connection options for an appliance.
pub fn connection(appliance: &Appliance) -> Value {
    json!({
        "host": appliance.host(),
        "port": appliance.port(),
        "username": appliance.username(),
        "password": appliance.password(),
        "ca_path": appliance.ca_path(),
    })
}

/// Damages the appliance's answers from now on.
pub fn damage(appliance: &Appliance, rule: FaultRule) {
    appliance.change(|state| state.settings.faults.push(rule));
}

/// An answer of one's own: HTTP 200 with the appliance's media type.
pub fn body(raw: impl ToString) -> Fault {
    let content_type = Some("application/com.lenovo.lxca-v4.0.0+json; charset=UTF-8".to_owned());
    Fault::Body { status: 200, content_type, raw: raw.to_string() }
}

/// A body from the fixtures, literally.
pub fn fixture(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The requests so far, each as method and target, in order of arrival.
pub fn requests(appliance: &Appliance) -> Vec<String> {
    appliance.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}

/// Waits until something is so that the binary or the appliance brings about; fails after a while.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The objects' options together; the later ones win, and null takes an option away.
pub fn with(base: Value, more: Value) -> Value {
    let Value::Object(mut base) = base else { panic!("no object") };
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(base.remove(name)),
            value => drop(base.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(base)
}

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("LXCA_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_lxca").into(), PathBuf::from)
}

/// Where a program of the system is; the environment of the calls has no PATH to find it.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut places = folders.map(|folder| folder.join(name));
    places.find(|place| place.is_file()).unwrap_or_else(|| panic!("these tests need the program {name}"))
}

/// A call of the binary, being put together.
pub struct Lxca {
    arguments: Vec<String>,
    stdin: Vec<u8>,
    environment: BTreeMap<String, String>,
    root: Option<PathBuf>,
    program: PathBuf,
}

impl Lxca {
    /// A call with arguments and nothing on stdin.
    pub fn with_arguments(arguments: &[&str]) -> Lxca {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Lxca { arguments, stdin: Vec::new(), environment: BTreeMap::new(), root: None, program: binary() }
    }

    /// A call with these bytes on stdin.
    pub fn given(input: impl Into<Vec<u8>>) -> Lxca {
        Lxca { stdin: input.into(), ..Lxca::with_arguments(&["-"]) }
    }

    /// A call of another program, such as a copy of the binary, with no arguments and these bytes in a pipe.
    pub fn of(program: PathBuf, input: impl Into<Vec<u8>>) -> Lxca {
        Lxca { stdin: input.into(), program, ..Lxca::with_arguments(&[]) }
    }

    /// A call that asks an appliance; null takes a connection option away.
    pub fn asks(appliance: &Appliance, options: Value) -> Lxca {
        Lxca::given(with(connection(appliance), options).to_string())
    }

    /// Sets an environment variable. The environment is otherwise empty.
    pub fn environment(mut self, name: &str, value: &str) -> Lxca {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs the file `lxca` of this directory, which is all of the machine that it sees.
    pub fn inside(mut self, root: &Path) -> Lxca {
        self.root = Some(root.to_owned());
        self
    }

    /// The command, for callers with a wish of their own; stdin is a pipe that waits for [`Lxca::feed`].
    pub fn command(&self) -> Command {
        let mut command = match &self.root {
            None => Command::new(&self.program),
            Some(root) => {
                let mut command = Command::new(program("chroot"));
                command.arg(root).arg("/lxca");
                command
            }
        };
        command.args(&self.arguments).env_clear().envs(&self.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the process, which waits for its input: the pipe stays open and empty.
    pub fn start_without_input(&self) -> (Running, ChildStdin) {
        let mut child = self.command().spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        (Running { child, started: Instant::now() }, stdin)
    }

    /// Starts the process and gives it its input.
    pub fn start(&self) -> Running {
        let mut child = self.command().spawn().unwrap();
        // A process that has answered before it read everything is no failure here.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        Running { child, started: Instant::now() }
    }

    /// Runs the call to its end.
    pub fn run(&self) -> Ended {
        self.start().wait()
    }

    /// Runs the call, which has to succeed.
    #[track_caller]
    pub fn succeeds(&self) -> Answer {
        let answer = self.run().answer();
        assert_eq!(answer["failed"], false, "{}", answer.0);
        answer
    }

    /// Runs the call, which has to fail with this kind.
    #[track_caller]
    pub fn fails(&self, kind: &str) -> Answer {
        let answer = self.run().answer();
        assert_eq!(answer["error"]["kind"], kind, "{}", answer.0);
        answer
    }
}

/// A process under way.
pub struct Running {
    child: Child,
    started: Instant,
}

impl Running {
    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the process watches for signals: it does so in a thread of its own.
    pub fn watches(&self) {
        let status = format!("/proc/{}/status", self.child.id());
        until("a second thread", || {
            let status = std::fs::read_to_string(&status).unwrap();
            let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
            threads.trim().parse::<u32>().unwrap() >= 2
        });
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end.
    pub fn wait(self) -> Ended {
        let output = self.child.wait_with_output().unwrap();
        Ended {
            status: output.status,
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
            took: self.started.elapsed(),
        }
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
    /// For how long it ran.
    pub took: Duration,
}

impl Ended {
    /// The one answer on the one line, which fits the schemas and the exit status (unless a signal ended the process).
    #[track_caller]
    pub fn answer(&self) -> Answer {
        assert_eq!(self.stdout.matches('\n').count(), 1, "one line: {self:?}");
        assert!(self.stdout.ends_with('\n'), "{self:?}");
        let answer: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(answer["msg"].as_str().is_some_and(|msg| !msg.is_empty()), "{answer}");
        if let Some(code) = self.status.code() {
            assert_eq!(code, i32::from(answer["failed"] == true), "{answer}");
        }
        let mut schemas = vec![schema(None)];
        schemas.extend(answer["operation"].as_str().map(|operation| schema(Some(operation))));
        for schema in schemas {
            let errors: Vec<String> = schema.iter_errors(&answer).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}: {answer}");
        }
        Answer(answer)
    }
}

/// The published schema of the answers.
fn schema(operation: Option<&str>) -> &'static Validator {
    static SCHEMAS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let output = files.filter(|path| path.to_str().unwrap().ends_with("output.schema.json"));
        output
            .map(|path| {
                let schema: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, jsonschema::draft202012::new(&schema).unwrap())
            })
            .collect()
    });
    let name = operation.map_or("output.schema.json".to_owned(), |name| format!("{name}.output.schema.json"));
    schemas.get(&name).unwrap_or_else(|| panic!("no {name}"))
}

/// An answer.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.0[key]
    }
}

impl Answer {
    /// The message.
    pub fn msg(&self) -> &str {
        self.0["msg"].as_str().unwrap()
    }

    /// The warnings.
    pub fn warnings(&self) -> Vec<&str> {
        self.0["warnings"].as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }
}
