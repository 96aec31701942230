//! Accounts and the lock-out after failed logins (LXCA API, POST /sessions and PUT /userAccountSettings).

use std::io;
use std::time::{Duration, Instant};

use crate::random;
use crate::settings::{Account, Settings};

/// An account as it lives in the appliance.
#[derive(Clone, Debug)]
pub struct LiveAccount {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// Everything but the login is refused until the password is changed.
    pub password_change_required: bool,
    /// Writing calls are refused.
    pub read_only: bool,
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
    /// Takes an account of the settings over; a missing password is made up.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(account: &Account) -> io::Result<Self> {
        Ok(Self {
            username: account.username.clone(),
            password: match &account.password {
                Some(password) => password.clone(),
                None => random::token(12)?,
            },
            password_change_required: account.password_change_required,
            read_only: account.read_only,
            failures: 0,
            locked: None,
        })
    }
}

/// The account with this name and password. Counts failures, and locks the account at the limit; a locked account is
/// refused whatever the password, and the refusals look alike.
pub(crate) fn log_in<'a>(
    accounts: &'a mut [LiveAccount],
    settings: &Settings,
    username: &str,
    password: &str,
    now: Instant,
) -> Option<&'a LiveAccount> {
    let account = accounts.iter_mut().find(|account| account.username == username)?;
    match account.locked {
        Some(Lock::Until(end)) if end <= now => (account.locked, account.failures) = (None, 0),
        Some(_) => return None,
        None => {}
    }
    if account.password == password {
        account.failures = 0;
        return Some(account);
    }
    account.failures += 1;
    if settings.maximum_login_failures > 0 && account.failures >= settings.maximum_login_failures {
        account.locked = Some(match settings.lockout_seconds {
            0 => Lock::ByHand,
            seconds => Lock::Until(now + Duration::from_secs(seconds)),
        });
    }
    None
}
