//! Why a call failed: the kinds a playbook can branch on, and the failure that travels to the answer.
//!
//! Nothing here knows HTTP libraries or prints anything.

use schemars::JsonSchema;
use serde::Serialize;

/// Declares [`Kind`] and the names derived from each variant, so that a kind is written down once.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, $retryable:ident)? ;)*) => {
        /// `error.kind` of the answer: stable names that a playbook's `rescue` can branch on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Kind {
            /// Whether the same call may well succeed later without anybody changing anything.
            pub fn retryable(self) -> bool {
                match self { $(Kind::$variant => kinds!(@retryable $($retryable)?),)* }
            }

            /// Bolt's `_error.kind`: the kind behind the name of its owner.
            pub fn bolt(self) -> &'static str {
                match self { $(Kind::$variant => concat!("lxca/", $name),)* }
            }

            /// Every kind, for the tests and the table in the README.
            #[cfg(test)]
            pub const ALL: &'static [(Kind, &'static str)] = &[$((Kind::$variant, $name),)*];
        }
    };
    (@retryable retryable) => { true };
    (@retryable) => { false };
}

kinds! {
    /// The input, the command line or the environment is not acceptable; nothing was sent.
    InvalidInput = "invalid_input";
    /// A local file cannot be used: FILE is unreadable, `ca_path` is unreadable or holds no certificate.
    LocalFile = "local_file";
    /// No connection, or it broke: no such name, refused, reset, bytes missing by HTTP framing, a proxy that says no.
    ConnectionFailed = "connection_failed", retryable;
    /// The TLS handshake failed: certificate not trusted, wrong name, expired, other fingerprint, not TLS at all.
    Tls = "tls";
    /// `timeout` or `connect_timeout` ran out.
    Timeout = "timeout", retryable;
    /// HTTP 401; at a login also 400, 403 and a failure inside HTTP 200. Never repeated: 20 of them lock the account.
    AuthenticationFailed = "authentication_failed";
    /// The password was accepted but has to be changed before anything else.
    PasswordChangeRequired = "password_change_required";
    /// HTTP 403: the user lacks the privilege, or the appliance lacks a licence.
    PermissionDenied = "permission_denied";
    /// HTTP 404, or an id that the appliance's catalog does not know.
    NotFound = "not_found";
    /// HTTP 409 or 412, or somebody else's task is in the way.
    Conflict = "conflict", retryable;
    /// Any other HTTP 4xx.
    BadRequest = "bad_request";
    /// HTTP 429, 502, 503, 504: overloaded, or restarting.
    Unavailable = "unavailable", retryable;
    /// Any other HTTP 5xx.
    ServerError = "server_error";
    /// HTTP 3xx: redirects are never followed.
    Redirected = "redirected";
    /// The answer is no JSON, broken JSON, of a wrong shape or too large.
    InvalidResponse = "invalid_response";
    /// HTTP success whose body says failure.
    OperationFailed = "operation_failed";
    /// A request that changes something was sent and its answer was lost.
    OutcomeUnknown = "outcome_unknown";
    /// The awaited task ended in error.
    TaskFailed = "task_failed";
    /// The awaited task was canceled.
    TaskCanceled = "task_canceled";
    /// The awaited task had not ended after `wait_timeout`.
    WaitTimeout = "wait_timeout", retryable;
    /// SIGTERM, SIGINT or SIGHUP arrived.
    Interrupted = "interrupted", retryable;
    /// A defect of this program.
    Internal = "internal";
}

/// A failed call: what a person needs, and what a playbook needs.
#[derive(Debug)]
pub struct Failure {
    /// What to branch on.
    pub kind: Kind,
    /// What failed, where, why and what to do next: one sentence or two.
    pub sentence: String,
    /// The chain of causes below the sentence; shown behind it, never with a backtrace.
    pub cause: Option<anyhow::Error>,
    /// The status of the answer that failed, when there was one.
    pub http_status: Option<u16>,
    /// Whether the same call may succeed later without anybody changing anything: what the kind says, unless it is known
    /// better.
    pub retryable: bool,
}

impl Failure {
    /// A failure without cause or status.
    pub fn new(kind: Kind, sentence: impl Into<String>) -> Failure {
        Failure { kind, sentence: sentence.into(), cause: None, http_status: None, retryable: kind.retryable() }
    }

    /// The same failure with the error that led to it.
    pub fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Failure {
        self.cause = Some(cause.into());
        self
    }

    /// The sentence and its causes, as `msg` of the answer.
    pub fn msg(&self) -> String {
        match &self.cause {
            // `{:#}` is the chain on one line; `{:?}` would carry a backtrace into the answer.
            Some(cause) => format!("{}: {cause:#}", self.sentence),
            None => self.sentence.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_name_of_the_contract() {
        for (kind, name) in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), serde_json::json!(name));
            assert_eq!(kind.bolt(), format!("lxca/{name}"));
        }
        assert_eq!(Kind::ALL.len(), 22);
    }

    #[test]
    fn exactly_the_kinds_marked_in_the_contract_are_retryable() {
        let retryable: Vec<_> = Kind::ALL.iter().filter(|(kind, _)| kind.retryable()).map(|(_, name)| *name).collect();
        assert_eq!(
            retryable,
            ["connection_failed", "timeout", "conflict", "unavailable", "wait_timeout", "interrupted"]
        );
    }
}
