//! Accounts, the lock-out after failed logins, and the age of passwords (docs/lxca-api.md, Account policy and
//! /userAccountSettings).

use std::time::{Duration, Instant, SystemTime};

use crate::random;
use crate::settings::{Account, Settings};

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// An account as it lives in the appliance.
#[derive(Clone, Debug)]
pub struct LiveAccount {
    /// ID shown by `GET /userAccounts`; a UUID.
    pub id: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// When the password was set; it expires by age.
    pub password_set: SystemTime,
    /// Everything but the login and the change of the password is refused until that is done.
    pub password_change_required: bool,
    /// Writing calls are refused.
    pub read_only: bool,
    /// When the account was made.
    pub created: SystemTime,
    /// When the account was changed last.
    pub modified: SystemTime,
    /// Logins, the failed ones included.
    pub login_attempts: u64,
    /// Good logins. Requests with basic authentication count as such: the recorded accounts of clients that know
    /// nothing else have thousands.
    pub login_count: u64,
    /// When the last good login was.
    pub last_login: Option<SystemTime>,
    /// Failed logins since the last good one.
    pub failures: u32,
    /// Locked: until then, or until unlocked by hand.
    pub locked: Option<Lock>,
}

/// How long an account is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Until this moment.
    Until(Instant),
    /// Until an administrator unlocks it (`LockoutTime` 0).
    ByHand,
}

impl LiveAccount {
    /// Takes over an account of the settings; a missing password is made up.
    pub(crate) fn new(account: &Account) -> Self {
        let now = SystemTime::now();
        let age = DAY.saturating_mul(account.password_age_days);
        Self {
            id: random::uuid(),
            username: account.username.clone(),
            password: account.password.clone().unwrap_or_else(random::token),
            password_set: now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH),
            password_change_required: account.password_change_required,
            read_only: account.read_only,
            created: now,
            modified: now,
            login_attempts: 0,
            login_count: 0,
            last_login: None,
            failures: 0,
            locked: None,
        }
    }

    /// For how long this has been the password.
    pub(crate) fn password_age(&self) -> Duration {
        self.password_set.elapsed().unwrap_or_default()
    }

    /// For how long it stays valid; `None`: for ever (`MaximumPasswordExpiration` 0).
    pub(crate) fn password_valid_for(&self, settings: &Settings) -> Option<Duration> {
        let days = settings.maximum_password_expiration_days;
        (days > 0).then(|| DAY.saturating_mul(days).saturating_sub(self.password_age()))
    }

    /// Whether the password must be changed before anything else can be done. That an expired one is treated like one
    /// that an administrator has set is not documented.
    pub(crate) fn must_change_password(&self, settings: &Settings) -> bool {
        self.password_change_required || self.password_valid_for(settings) == Some(Duration::ZERO)
    }

    /// Sets the password.
    pub(crate) fn set_password(&mut self, password: &str) {
        self.password = password.to_owned();
        self.password_change_required = false;
        self.password_set = SystemTime::now();
        self.modified = self.password_set;
    }

    /// Whether this is the password. Counts failures, and locks the account at the limit; a locked account refuses
    /// every password.
    pub(crate) fn check(&mut self, settings: &Settings, password: &str, now: Instant) -> bool {
        self.login_attempts += 1;
        match self.locked {
            Some(Lock::Until(end)) if end <= now => (self.locked, self.failures) = (None, 0),
            Some(_) => return false,
            None => {}
        }
        if self.password == password {
            self.failures = 0;
            return true;
        }
        self.failures += 1;
        if settings.maximum_login_failures > 0 && self.failures >= settings.maximum_login_failures {
            self.locked = Some(match settings.lockout_seconds {
                0 => Lock::ByHand,
                seconds => Lock::Until(now + Duration::from_secs(seconds)),
            });
        }
        false
    }
}

/// The account with this name and password; all refusals look alike.
pub(crate) fn log_in<'a>(
    accounts: &'a mut [LiveAccount],
    settings: &Settings,
    username: &str,
    password: &str,
    now: Instant,
) -> Option<&'a LiveAccount> {
    let account = accounts.iter_mut().find(|account| account.username == username)?;
    if !account.check(settings, password, now) {
        return None;
    }
    account.login_count += 1;
    account.last_login = Some(SystemTime::now());
    Some(account)
}
