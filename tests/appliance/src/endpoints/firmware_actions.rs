//! `PUT /updateRepositories/firmware` and `…/uxsps` (docs/lxca-api.md, Acquiring, refreshing, deleting).

use serde_json::{Map, Value};

use crate::envelope::{CONFLICT, Message, NO_SPACE, NOT_FOUND, NOT_VALID, done, not_done};
use crate::package::Package;
use crate::plays::NoSpace;
use crate::reply::Reply;
use crate::routes::Call;
use crate::state::{Started, State};
use crate::tasks::TaskKind;

/// Which of the two repositories a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repository {
    Firmware,
    Uxsps,
}

impl Repository {
    fn packages(self, state: &State) -> &[Package] {
        match self {
            Self::Firmware => &state.firmware,
            Self::Uxsps => &state.uxsps,
        }
    }

    fn packages_mut(self, state: &mut State) -> &mut [Package] {
        match self {
            Self::Firmware => &mut state.firmware,
            Self::Uxsps => &mut state.uxsps,
        }
    }
}

/// `PUT /updateRepositories/firmware?action=…`
pub(crate) fn put(call: Call<'_>) -> Reply {
    act(call, Repository::Firmware)
}

/// `PUT /updateRepositories/firmware/uxsps?action=…`; it has neither `delete` nor `cleanup`.
pub(crate) fn put_uxsps(call: Call<'_>) -> Reply {
    act(call, Repository::Uxsps)
}

fn act(call: Call<'_>, repository: Repository) -> Reply {
    let action = call.request.query("action").unwrap_or_default();
    let outcome = match (action.as_str(), repository) {
        ("read", _) => Ok(None),
        ("refresh", _) => refresh(call, repository, false).map(Some),
        ("refreshThenAcquire", _) => refresh(call, repository, true).map(Some),
        ("acquire", _) => acquire(call, repository).map(Some),
        ("export", _) => export(call, repository).map(Some),
        ("delete", Repository::Firmware) => delete(call, repository).map(|()| None),
        ("cleanup", Repository::Firmware) => clean_up(call, repository).map(|()| None),
        _ => Err((400, NOT_VALID)),
    };
    match outcome {
        Ok(started) => done(started.map(numbers).unwrap_or_default()),
        Err((status, message)) => not_done(status, message),
    }
}

/// The two numbers of a job; an answer without a job has neither.
fn numbers(started: Started) -> Map<String, Value> {
    Map::from_iter([("jobid".to_owned(), started.job.into()), ("taskid".to_owned(), started.subtask.into())])
}

type Refusal = (u16, Message);

fn refresh(call: Call<'_>, repository: Repository, then_acquire: bool) -> Result<Started, Refusal> {
    let types = call.texts("mt").ok_or((400, NOT_VALID))?;
    one_of(&call, "with", &["all", "latest"])?;
    if call.state.has_open(TaskKind::AcquireCatalog) {
        return Err((409, CONFLICT));
    }
    let durations = call.state.settings.durations.clone();
    let call_types = types.clone();
    let (fixids, seconds) = if then_acquire {
        let fixids = for_types(repository.packages(call.state), &types);
        (fixids, durations.refresh + durations.acquire)
    } else {
        (Vec::new(), durations.refresh)
    };
    Ok(call
        .state
        .start(TaskKind::AcquireCatalog, &call.caller.user, fixids, seconds, |task| task.machine_types = call_types))
}

/// Without IDs, what the machine types need is meant.
fn acquire(call: Call<'_>, repository: Repository) -> Result<Started, Refusal> {
    one_of(&call, "with", &["payloads", "payload", "latest"])?;
    let fixids = call.texts("fixids").unwrap_or_default();
    let fixids = if fixids.is_empty() {
        for_types(repository.packages(call.state), &call.texts("mt").unwrap_or_default())
    } else {
        known(&call, repository, fixids)?
    };
    let packages = repository.packages(call.state).iter();
    let mut wanted = packages.filter(|package| fixids.contains(&package.fixid));
    if fixids.is_empty() || !wanted.all(|package| call.state.is_downloadable(package)) {
        return Err((400, NOT_VALID));
    }
    if call.state.download_lacks_space(TaskKind::AcquirePayload, &fixids) {
        refuse_space(&call)?;
    }
    let seconds = call.state.settings.durations.acquire;
    Ok(call.state.start(TaskKind::AcquirePayload, &call.caller.user, fixids, seconds, |_| {}))
}

/// Exports what was downloaded. What happens to updates without payload is not documented; here they are refused
/// unless `filetypes=all` asks for their other files too.
fn export(call: Call<'_>, repository: Repository) -> Result<Started, Refusal> {
    let filetypes = filetypes(&call)?;
    let fixids = known(&call, repository, call.texts("fixids").unwrap_or_default())?;
    let lacks_payload = |package: &Package| !package.downloaded && fixids.contains(&package.fixid);
    if fixids.is_empty() || (filetypes == "payloads" && repository.packages(call.state).iter().any(lacks_payload)) {
        return Err((400, NOT_VALID));
    }
    let (seconds, bytes) = (call.state.settings.durations.export, call.state.settings.export_bytes);
    if bytes > call.state.firmware_free() {
        refuse_space(&call)?;
    }
    Ok(call.state.start_export(&call.caller.user, fixids, seconds, bytes))
}

/// There is no space: whether the request is refused, rather than its job. Neither is documented.
fn refuse_space(call: &Call<'_>) -> Result<(), Refusal> {
    match call.state.settings.plays.no_space {
        NoSpace::JobFails => Ok(()),
        NoSpace::Refused => Err((200, NO_SPACE)),
    }
}

/// With `payloads` only the payload goes, with `all` also what the catalog knows, until the next refresh.
fn delete(call: Call<'_>, repository: Repository) -> Result<(), Refusal> {
    let everything = filetypes(&call)? == "all";
    let mut fixids = known(&call, repository, call.texts("fixids").ok_or((400, NOT_VALID))?)?;
    if fixids.is_empty() && everything {
        // Accepted by a client of the vendor; all packages are meant.
        fixids = repository.packages(call.state).iter().map(|package| package.fixid.clone()).collect();
    }
    if fixids.is_empty() {
        return Err((400, NOT_VALID));
    }
    let packages = repository.packages_mut(call.state).iter_mut();
    for package in packages.filter(|package| fixids.contains(&package.fixid)) {
        package.downloaded = false;
        package.listed &= !everything;
    }
    Ok(())
}

/// Removes the payloads that no job uses. The values of `cleanUpIf` are not readable; any text is accepted.
fn clean_up(call: Call<'_>, repository: Repository) -> Result<(), Refusal> {
    let given = call.body().is_some_and(|body| body.get("cleanUpIf").is_some_and(Value::is_string));
    if !given {
        return Err((400, NOT_VALID));
    }
    let packages = repository.packages(call.state).iter();
    let idle: Vec<String> =
        packages.map(|package| package.fixid.clone()).filter(|id| !call.state.is_busy(id)).collect();
    for package in repository.packages_mut(call.state) {
        package.downloaded &= !idle.contains(&package.fixid);
    }
    Ok(())
}

/// The IDs as given, when the catalog has all of them and no job is about one of them.
fn known(call: &Call<'_>, repository: Repository, fixids: Vec<String>) -> Result<Vec<String>, Refusal> {
    let packages = repository.packages(call.state);
    let is_known = |id: &String| packages.iter().any(|package| package.listed && package.fixid == *id);
    if !fixids.iter().all(is_known) {
        return Err((400, NOT_FOUND));
    }
    // Exports only read: they are in nobody's way, and several may run.
    let reads = call.request.query("action").is_some_and(|action| action == "export");
    if !reads && fixids.iter().any(|id| call.state.is_busy(id)) {
        return Err((409, CONFLICT));
    }
    Ok(fixids)
}

fn for_types(packages: &[Package], types: &[String]) -> Vec<String> {
    let wanted = |package: &&Package| package.listed && types.iter().any(|machine| package.is_for(machine));
    packages.iter().filter(wanted).map(|package| package.fixid.clone()).collect()
}

/// The parameter `filetypes`, which prose and one example spell `filetype` and `payload`; `payloads` when absent.
fn filetypes(call: &Call<'_>) -> Result<&'static str, Refusal> {
    let given = call.request.query("filetypes").or_else(|| call.request.query("filetype"));
    match given.as_deref() {
        Some("all") => Ok("all"),
        Some("payloads" | "payload") | None => Ok("payloads"),
        Some(_) => Err((400, NOT_VALID)),
    }
}

/// Refuses a parameter with a value that is not documented; it may be absent.
fn one_of(call: &Call<'_>, name: &str, allowed: &[&str]) -> Result<(), Refusal> {
    match call.request.query(name) {
        Some(value) if !allowed.contains(&value.as_str()) => Err((400, NOT_VALID)),
        _ => Ok(()),
    }
}
