//! `/userAccounts` and `/userAccountSettings` (docs/lxca-api.md, Account records).

use std::time::Duration;

use serde_json::{Value, json};

use crate::accounts::{DAY, LiveAccount};
use crate::clock;
use crate::envelope::{
    COMPLETED, Message, NOT_FOUND, NOT_VALID, PASSWORD_NOT_ACCEPTED, PASSWORD_NOT_RIGHT, family_a, refuse,
};
use crate::reply::Reply;
use crate::routes::Call;
use crate::settings::Settings;

/// How long before its end a password is said to expire (docs/lxca-api.md, Account policy).
const WARNING: Duration = Duration::from_secs(5 * 86_400);

/// `GET /userAccounts`: all accounts.
pub(crate) fn list(call: &Call<'_>) -> Reply {
    answer("success", COMPLETED, call.state.accounts.iter().map(|account| shown(call, account)).collect())
}

/// `GET /userAccounts/{id}`: one account.
pub(crate) fn get(call: &Call<'_>, id: &str) -> Reply {
    match call.state.accounts.iter().find(|account| account.id == id) {
        Some(account) => answer("success", COMPLETED, shown(call, account)),
        None => refuse(404, NOT_FOUND),
    }
}

/// An account, less what `excludeAttributes` names; `includeAttributes` does nothing in the recorded answers.
fn shown(call: &Call<'_>, account: &LiveAccount) -> Value {
    let settings = &call.state.settings;
    let sessions = call.state.sessions.iter().filter(|session| session.user == account.username);
    let valid_for = account.password_valid_for(settings);
    // Recorded are only accounts whose password expires some day; 0 for the others is our choice.
    let days_left = valid_for.map_or(0, |left| left.as_secs() / DAY.as_secs());
    let mut shown = json!({
        "activeSessions": sessions.count(),
        "createTimestamp": clock::iso(account.created),
        "description": "",
        // The role that may read everything, in the list of the user guide.
        "groups": [if account.read_only { "lxc-operator" } else { "lxc-supervisor" }],
        "id": account.id,
        "lastLoginTimestamp": account.last_login.map(clock::iso).unwrap_or_default(),
        "ldapDn": format!("cn={},ou=Users,dc=lxca,dc=test", account.username),
        "loginAttempts": account.login_attempts,
        "loginCount": account.login_count,
        "modifyTimestamp": clock::iso(account.modified),
        "PasswordChangeFirstAccess": account.password_change_required,
        "pwdAge": account.password_age().as_secs(),
        "pwExpirationWarning": valid_for.is_some_and(|left| left <= WARNING),
        "pwExpired": valid_for == Some(Duration::ZERO),
        "reserved": false,
        // The word for an account that is locked is not documented.
        "state": if account.locked.is_some() { "Locked" } else { "Active" },
        "supervisor": !account.read_only,
        "timeBeforeExpirationInDays": days_left,
        "userName": account.username,
        "userPw": "NA",
    });
    let excluded = call.request.query("excludeAttributes").unwrap_or_default();
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|name, _| !excluded.split(',').any(|one| one == name));
    }
    shown
}

/// `PUT /userAccounts/passwordChange`: of the user who asks. What is wrong with the passwords is said with HTTP 200, as
/// recorded. That sessions go on is our choice.
pub(crate) fn change_password(call: Call<'_>) -> Reply {
    let body = call.body().unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let (Some(old), Some(new), Some(confirmed)) = (text("password"), text("newPassword"), text("confirmPassword"))
    else {
        return refuse(400, NOT_VALID);
    };
    // Not documented; a confirmation that confirms something else is an attribute that is not valid.
    if new != confirmed {
        return refuse(400, NOT_VALID);
    }
    let state = call.state;
    let Some(account) = state.accounts.iter_mut().find(|account| account.username == call.caller.user) else {
        return refuse(404, NOT_FOUND);
    };
    // That it counts like a login is not documented; else the lock-out could be got around.
    let authenticated = account.check(&state.settings, old, call.now);
    let outcome = |changed: bool, reason: Option<&str>| {
        let mut outcome = json!({ "authenticated": authenticated, "changed": changed });
        if let (Some(reason), Some(outcome)) = (reason, outcome.as_object_mut()) {
            outcome.insert("reason".into(), reason.into());
        }
        outcome
    };
    if !authenticated {
        return answer("failure", PASSWORD_NOT_RIGHT, outcome(false, Some("AuthFailed")));
    }
    if !is_acceptable(new, old) {
        return answer("failure", PASSWORD_NOT_ACCEPTED, outcome(false, Some("PolicyViolation")));
    }
    account.set_password(new);
    answer("success", COMPLETED, outcome(true, None))
}

/// The rules that a new password follows. They can be set on a real appliance, in a part of its settings that the
/// readable documents do not show; these are our choice.
fn is_acceptable(new: &str, old: &str) -> bool {
    let long = new.chars().count() >= 8;
    let mixed = new.chars().any(char::is_alphabetic) && new.chars().any(char::is_numeric);
    long && mixed && new != old
}

/// `GET /userAccountSettings`. `response` is an Array in the table, though there is one set of rules: here a list with
/// one object.
pub(crate) fn rules(call: &Call<'_>) -> Reply {
    let rules = match call.request.query("default").as_deref() {
        None | Some("false") => shown_rules(&call.state.settings),
        Some("true") => shown_rules(&Settings::default()),
        Some(_) => return refuse(400, NOT_VALID),
    };
    answer("success", COMPLETED, json!([rules]))
}

fn shown_rules(settings: &Settings) -> Value {
    json!({
        "InactivityTimeout": settings.inactivity_timeout_minutes,
        "LockoutTime": settings.lockout_seconds.div_ceil(60),
        "MaxConcurrentSessions": settings.max_sessions_per_user,
        "MaximumLoginFailures": settings.maximum_login_failures,
        "MaximumPasswordExpiration": settings.maximum_password_expiration_days,
    })
}

/// `PUT /userAccountSettings`: new rules, which count at once. Every attribute is required. Others are ignored: the
/// readable copies of the page are cut off.
pub(crate) fn set_rules(call: Call<'_>) -> Reply {
    let body = call.body().unwrap_or_default();
    // Limits are documented for the last one only.
    let number = |key: &str, most: u64| body.get(key).and_then(Value::as_u64).filter(|number| *number <= most);
    let minutes = |key: &str| number(key, u32::MAX.into());
    let (Some(inactivity), Some(lockout), Some(sessions), Some(failures), Some(expiration)) = (
        minutes("InactivityTimeout"),
        minutes("LockoutTime"),
        number("MaxConcurrentSessions", u32::MAX.into()).and_then(|number| usize::try_from(number).ok()),
        number("MaximumLoginFailures", u32::MAX.into()).and_then(|number| u32::try_from(number).ok()),
        number("MaximumPasswordExpiration", 365).and_then(|number| u32::try_from(number).ok()),
    ) else {
        return refuse(400, NOT_VALID);
    };
    let settings = &mut call.state.settings;
    settings.inactivity_timeout_minutes = inactivity;
    settings.lockout_seconds = lockout * 60;
    settings.max_sessions_per_user = sessions;
    settings.maximum_login_failures = failures;
    settings.maximum_password_expiration_days = expiration;
    Reply::json(200, family_a("success", COMPLETED))
}

/// Family A, with `response`.
fn answer(result: &str, message: Message, response: Value) -> Reply {
    let mut body = family_a(result, message);
    if let Some(body) = body.as_object_mut() {
        body.insert("response".into(), response);
    }
    Reply::json(200, body)
}
