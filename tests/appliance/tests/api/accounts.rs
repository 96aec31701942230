//! Accounts, their rules, and passwords.

use std::time::{Duration, SystemTime};

use lxca_appliance::{Account, Appliance, Settings};
use serde_json::{Value, json};

use crate::client::{Answer, ask, get, put, send, start, token};

/// A request as this user.
fn ask_as(appliance: &Appliance, user: (&str, &str), method: &str, target: &str, body: &Value) -> Answer {
    send(appliance, method, target, &[&token(user.0, user.1)], body.to_string().as_bytes())
}

/// The status of a small question by this user.
fn status(appliance: &Appliance, user: (&str, &str)) -> u16 {
    ask_as(appliance, user, "GET", "/aicc", &json!({})).status
}

fn log_in(appliance: &Appliance, user: (&str, &str)) -> Answer {
    let body = json!({ "UserId": user.0, "password": user.1 }).to_string();
    send(appliance, "POST", "/sessions", &[], body.as_bytes())
}

/// The body of a change of the password.
fn change(old: &str, new: &str) -> Value {
    json!({ "password": old, "newPassword": new, "confirmPassword": new })
}

const CHANGE: &str = "/userAccounts/passwordChange";
const RULES: &str = "/userAccountSettings";

#[test]
fn accounts_are_shown_one_by_one_and_all_together() {
    let appliance = start();
    log_in(&appliance, ("USERID", "wrong"));
    log_in(&appliance, (appliance.username(), appliance.password()));
    let all = get(&appliance, "/userAccounts");
    assert_eq!((&all["result"], &all["messages"][0]["id"]), (&json!("success"), &json!("FQXHMSE0001I")));
    let [mine, reader] = all["response"].as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!(
        (&mine["userName"], &mine["groups"], &mine["supervisor"]),
        (&json!("USERID"), &json!(["lxc-supervisor"]), &json!(true))
    );
    assert_eq!(
        (&reader["userName"], &reader["groups"], &reader["supervisor"]),
        (&json!("READER"), &json!(["lxc-operator"]), &json!(false))
    );
    // Two logins by session, one by this question.
    assert_eq!(
        (&mine["activeSessions"], &mine["loginAttempts"], &mine["loginCount"]),
        (&json!(1), &json!(3), &json!(2))
    );
    assert_eq!((&reader["loginAttempts"], &reader["lastLoginTimestamp"]), (&json!(0), &json!("")));
    assert_eq!(
        (&mine["state"], &mine["userPw"], &mine["timeBeforeExpirationInDays"]),
        (&json!("Active"), &json!("NA"), &json!(89))
    );

    let path = format!("/userAccounts/{}", mine["id"].as_str().unwrap());
    let one = get(&appliance, &format!("{path}?includeAttributes=state"));
    assert_eq!(one["response"]["ldapDn"], mine["ldapDn"]);
    let less = get(&appliance, &format!("{path}?excludeAttributes=ldapDn,loginAttempts"));
    assert_eq!(less["response"].as_object().unwrap().len(), mine.as_object().unwrap().len() - 2);
    assert!(less["response"]["ldapDn"].is_null());
    assert_eq!(ask(&appliance, "GET", "/userAccounts/USERID").status, 404);
}

#[test]
fn rules_are_shown_and_changed_and_count_at_once() {
    let appliance = start();
    let defaults = json!({ "InactivityTimeout": 1440, "LockoutTime": 60, "MaxConcurrentSessions": 3,
                           "MaximumLoginFailures": 20, "MaximumPasswordExpiration": 90 });
    assert_eq!(get(&appliance, RULES)["response"], json!([defaults]));
    let wanted = json!({ "InactivityTimeout": 5, "LockoutTime": 0, "MaxConcurrentSessions": 1,
                         "MaximumLoginFailures": 2, "MaximumPasswordExpiration": 0 });
    let me = (appliance.username(), appliance.password());
    let reader = appliance.change(|state| state.accounts[1].password.clone());
    assert_eq!(ask_as(&appliance, ("READER", &reader), "PUT", RULES, &wanted).status, 403);
    for (key, bad) in
        [("LockoutTime", json!(-1)), ("InactivityTimeout", json!("5")), ("MaximumPasswordExpiration", json!(366))]
    {
        let mut body = wanted.clone();
        body[key] = bad;
        assert_eq!(put(&appliance, "PUT", RULES, &body).status, 400, "{key}");
        body.as_object_mut().unwrap().remove(key);
        assert_eq!(put(&appliance, "PUT", RULES, &body).status, 400, "without {key}");
    }
    assert_eq!(get(&appliance, RULES)["response"], json!([defaults]));
    assert_eq!(put(&appliance, "PUT", RULES, &wanted).json()["result"], "success");
    assert_eq!(get(&appliance, RULES)["response"], json!([wanted]));
    assert_eq!(get(&appliance, &format!("{RULES}?default=true"))["response"], json!([defaults]));
    assert_eq!(ask(&appliance, "GET", &format!("{RULES}?default=maybe")).status, 400);

    let login = log_in(&appliance, me);
    assert_eq!(login.json()["response"]["session"]["inactivityTimeout"], 5);
    assert_eq!(log_in(&appliance, me).status, 403);
    for _ in 0..2 {
        assert_eq!(log_in(&appliance, ("READER", "wrong")).status, 403);
    }
    assert_eq!(get(&appliance, "/userAccounts")["response"][1]["state"], "Locked");
    assert_eq!(status(&appliance, ("READER", &reader)), 401);
}

#[test]
fn a_password_is_changed_by_its_owner() {
    let appliance = start();
    let old = appliance.change(|state| {
        state.accounts[1].password_change_required = true;
        state.accounts[1].password.clone()
    });
    let user = ("READER", old.as_str());
    assert_eq!(status(&appliance, user), 403);
    let changed = |old: &str, new: &str| {
        let answer = ask_as(&appliance, user, "PUT", CHANGE, &change(old, new));
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let refused = changed("wrong", "anotherPassw0rd");
    assert_eq!(refused["response"], json!({ "authenticated": false, "changed": false, "reason": "AuthFailed" }));
    assert_eq!((&refused["result"], &refused["messages"][0]["id"]), (&json!("failure"), &json!("FQXHMSE0251J")));
    for bad in ["short1", "onlyletters", "0123456789", &old] {
        let refused = changed(&old, bad);
        assert_eq!(
            refused["response"],
            json!({ "authenticated": true, "changed": false, "reason": "PolicyViolation" })
        );
        assert_eq!(refused["messages"][0]["id"], "FQXHMSE0252J");
        assert!(refused["messages"][0]["recovery"]["text"].as_str().unwrap().contains("<a href="));
    }
    for body in [json!({}), json!({ "password": old, "newPassword": "anotherPassw0rd", "confirmPassword": "other" })] {
        assert_eq!(ask_as(&appliance, user, "PUT", CHANGE, &body).status, 400);
    }
    assert_eq!(status(&appliance, user), 403);

    assert_eq!(changed(&old, "anotherPassw0rd")["response"], json!({ "authenticated": true, "changed": true }));
    assert_eq!(status(&appliance, user), 401);
    assert_eq!(status(&appliance, ("READER", "anotherPassw0rd")), 200);
    assert_eq!(log_in(&appliance, ("READER", "anotherPassw0rd")).json()["response"]["pwChangeRequired"], false);
}

#[test]
fn wrong_passwords_count_wherever_they_are_tried() {
    let appliance = Appliance::start(Settings { maximum_login_failures: 2, ..Settings::default() }).unwrap();
    let login = log_in(&appliance, (appliance.username(), appliance.password()));
    let session = [
        format!("Cookie: JSESSIONID={}", login.cookie("JSESSIONID").unwrap()),
        format!("X-Csrf-Token: {}", login.cookie("csrf").unwrap()),
    ];
    let session: Vec<&str> = session.iter().map(String::as_str).collect();
    let guess = |password: &str| {
        let body = change(password, "anotherPassw0rd").to_string();
        send(&appliance, "PUT", CHANGE, &session, body.as_bytes()).json()["response"]["changed"].clone()
    };
    assert_eq!((guess("wrong"), guess("wrong")), (json!(false), json!(false)));
    assert_eq!(guess(appliance.password()), false);
    assert!(appliance.change(|state| state.accounts[0].locked.is_some()));
}

#[test]
fn passwords_expire_by_age() {
    let account =
        |days| Account { password: Some("Passw0rd-of-yore".into()), password_age_days: days, ..Account::default() };
    let accounts = [("NEW", 0), ("OLD", 84), ("ALMOST", 86), ("EXPIRED", 90)];
    let accounts = accounts.map(|(name, days)| Account { username: name.into(), ..account(days) });
    let appliance = Appliance::start(Settings { accounts: accounts.to_vec(), ..Settings::default() }).unwrap();
    let password = "Passw0rd-of-yore";
    let shown = get(&appliance, "/userAccounts");
    let seen: Vec<_> = shown["response"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["pwExpired"].clone(), one["pwExpirationWarning"].clone(), one["timeBeforeExpirationInDays"].clone())
        })
        .collect();
    let expected = [(false, false, 89), (false, false, 5), (false, true, 3), (true, true, 0)];
    assert_eq!(seen, expected.map(|(expired, warning, days)| (json!(expired), json!(warning), json!(days))));
    assert_eq!(status(&appliance, ("ALMOST", password)), 200);

    let login = log_in(&appliance, ("EXPIRED", password));
    assert_eq!((login.status, &login.json()["response"]["pwChangeRequired"]), (200, &json!(true)));
    assert_eq!(status(&appliance, ("EXPIRED", password)), 403);
    let changed = ask_as(&appliance, ("EXPIRED", password), "PUT", CHANGE, &change(password, "anotherPassw0rd"));
    assert_eq!(changed.json()["result"], "success");
    assert_eq!(status(&appliance, ("EXPIRED", "anotherPassw0rd")), 200);

    // A rule that is loosened counts at once, and so does age.
    appliance.change(|state| state.accounts[2].password_set = SystemTime::now() - Duration::from_secs(100 * 86_400));
    assert_eq!(status(&appliance, ("ALMOST", password)), 403);
    appliance.change(|state| state.settings.maximum_password_expiration_days = 0);
    assert_eq!(status(&appliance, ("ALMOST", password)), 200);
}
