//! Which call a request is.

use std::net::IpAddr;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::endpoints::{
    aicc, firmware, firmware_actions, firmware_status, management, management_actions, sessions, tasks, uploads,
    user_accounts,
};
use crate::envelope;
use crate::gate::{self, Caller, LOGIN_PAGE};
use crate::http::Request;
use crate::plays::{JobIds, Phase, Refused};
use crate::reply::{Content, Reply};
use crate::state::State;

/// A request that was let in, and what it is about.
pub(crate) struct Call<'a> {
    pub state: &'a mut State,
    pub request: &'a Request,
    pub caller: Caller,
    pub now: Instant,
}

impl Call<'_> {
    /// The JSON body; `None`: it is not JSON.
    pub fn body(&self) -> Option<Value> {
        serde_json::from_slice(&self.request.body).ok()
    }

    /// A list of texts in the JSON body. `None`: it is missing, or something else is in its place.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        let body = self.body()?;
        let items = body.get(key)?.as_array()?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

/// Answers a request.
pub(crate) fn answer(state: &mut State, request: &Request, peer: IpAddr, now: Instant) -> Reply {
    if state.unavailable_until.is_some() {
        return Reply::html(503, "Service Unavailable");
    }
    match state.phase() {
        Some(Phase::NotFound) => return Reply::html(404, "Not Found"),
        Some(Phase::ServerError) => return Reply::html(500, "Internal Server Error"),
        Some(Phase::Unavailable | Phase::Reset | Phase::PlainHttp) => return Reply::html(503, "Service Unavailable"),
        Some(Phase::Page) => return Reply::html(200, "Starting"),
        Some(Phase::Unauthorized) => return envelope::refuse(401, envelope::NOT_AUTHENTICATED),
        Some(Phase::Forbidden) => return envelope::refuse(403, envelope::NOT_AUTHENTICATED),
        Some(Phase::LoginPage) => return Reply::html(302, "Found").with("Location", LOGIN_PAGE),
        Some(Phase::OldVersion | Phase::Restarting) | None => {}
    }
    let path = request.path().to_owned();
    match (request.method.as_str(), path.as_str()) {
        ("POST", "/sessions") => return sessions::log_in(state, request, peer, now),
        ("GET" | "HEAD", LOGIN_PAGE) => return Reply::html(200, "Lenovo XClarity Administrator (simulated)"),
        _ => {}
    }
    match gate::admit(state, request, now) {
        Ok(caller) => played(Call { state, request, caller, now }),
        Err(refusal) => refusal,
    }
}

/// Carries a request out as the plays of the settings have it.
fn played(call: Call<'_>) -> Reply {
    let plays = &call.state.settings.plays;
    let (conflict, job_ids) = (plays.conflict, plays.job_ids);
    let path = call.request.path().trim_start_matches("/files");
    let about_repositories = path.starts_with("/updateRepositories/") || path.starts_with("/managementServer/");
    let reads = matches!(call.request.method.as_str(), "GET" | "HEAD");
    let blocked = call.state.tasks.iter().any(|task| task.blocks && task.end.is_none());
    if reads && (about_repositories && !path.ends_with("/status") || path == "/aicc") {
        call.state.count_read();
    }
    let mut reply = if about_repositories && !reads && blocked {
        envelope::not_done(409, envelope::CONFLICT)
    } else {
        dispatch(call)
    };
    if reply.status == 409 && conflict == Refused::Inside {
        reply.status = 200;
    }
    if let (false, Content::Json(Value::Object(body))) = (reads, &mut reply.content) {
        job_ids.write(body);
    }
    reply
}

impl JobIds {
    /// Writes the numbers in an answer this way.
    fn write(self, answer: &mut Map<String, Value>) {
        for key in ["jobid", "taskid"] {
            let Some(number) = answer.get(key).filter(|number| number.is_u64()).cloned() else { continue };
            match self {
                Self::Numbers => continue,
                Self::Texts => answer.insert(key.into(), number.to_string().into()),
                Self::MinusOne => answer.insert(key.into(), (-1).into()),
                Self::Zero => answer.insert(key.into(), 0.into()),
                Self::Empty => answer.insert(key.into(), "".into()),
                Self::JobOnly if key == "jobid" => continue,
                Self::Absent | Self::JobOnly => answer.remove(key),
            };
        }
    }
}

fn dispatch(call: Call<'_>) -> Reply {
    let path = call.request.path().to_owned();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = match call.request.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    match (method, segments.as_slice()) {
        ("GET", ["aicc"]) => aicc::get(&call),
        ("GET", ["sessions"]) => sessions::list(&call),
        ("DELETE", ["sessions"]) => sessions::log_out(call),
        ("DELETE", ["sessions", id]) => sessions::end(call, id),
        ("GET", ["updateRepositories", "firmware"]) => firmware::get(&call),
        ("PUT", ["updateRepositories", "firmware"]) => firmware_actions::put(call),
        ("GET", ["updateRepositories", "firmware", "status"]) => firmware_status::get(call),
        ("GET", ["updateRepositories", "firmware", "uxsps"]) => firmware::get_uxsps(&call),
        ("PUT", ["updateRepositories", "firmware", "uxsps"]) => firmware_actions::put_uxsps(call),
        ("POST", ["files", "updateRepositories", "firmware", "import", path @ ("validate" | "validation")]) => {
            uploads::validate_firmware(call, path)
        }
        ("POST", ["files", "updateRepositories", "firmware", "import"]) => uploads::import_firmware(call),
        ("GET", ["managementServer", "updates"]) => management::list(&call),
        ("POST", ["managementServer", "updates"]) => management_actions::post(call),
        ("PUT", ["managementServer", "updates"]) => management_actions::put(call),
        ("GET", ["managementServer", "updates", ids]) => management::get(&call, ids),
        ("DELETE", ["managementServer", "updates", ids]) => management_actions::delete(call, ids),
        ("POST", ["files", "managementServer", "updates"]) => uploads::import_management(call),
        ("POST", ["files", "stgupdates", "repository", "import", "validate", "SELF"]) => {
            uploads::validate_management(call)
        }
        ("POST", ["files", "stgupdates", "repository", "import", "SELF"]) => uploads::import_validated(call),
        ("POST", ["stgupdates", "repository", "import", "SELF"]) => uploads::moved(&call),
        ("GET", ["tasks"]) => tasks::list(&call),
        ("GET", ["tasks", ids]) => tasks::get(&call, ids),
        ("POST", ["tasks"]) => tasks::create(call),
        ("PUT", ["tasks"]) => tasks::cancel(call),
        ("PUT", ["tasks", id]) => tasks::update(call, id),
        ("DELETE", ["tasks", ids]) => tasks::delete(call, ids),
        ("GET", ["userAccounts"]) => user_accounts::list(&call),
        ("PUT", ["userAccounts", "passwordChange"]) => user_accounts::change_password(call),
        ("GET", ["userAccounts", id]) => user_accounts::get(&call, id),
        ("GET", ["userAccountSettings"]) => user_accounts::rules(&call),
        ("PUT", ["userAccountSettings"]) => user_accounts::set_rules(call),
        // The documents do not say what a path gets that no page describes, or a method that its page does not know.
        _ => envelope::refuse(404, envelope::NOT_FOUND),
    }
}
