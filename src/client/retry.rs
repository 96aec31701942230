//! When and after which pause an exchange is repeated (docs/contract.md, Repeating requests). Policy only: nothing is sent here.

use std::time::{Duration, Instant, SystemTime};

use super::transport::Reply;
use crate::client::settings::Settings;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between repeats.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long and how often a question may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one exchange.
    pub timeout: Duration,
    /// How often it may be repeated.
    pub retries: u32,
    /// When everything has to have ended, while waiting for a task.
    pub deadline: Option<Instant>,
}

impl Limits {
    /// The ordinary rules of a call.
    pub fn of(settings: &Settings) -> Limits {
        Limits { timeout: settings.timeout, retries: settings.retries, deadline: None }
    }

    /// The time an exchange gets that begins now: the smaller of the time-out and what is left; none at the deadline.
    pub fn exchange(&self) -> Option<Duration> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let time = left.map_or(self.timeout, |left| left.min(self.timeout));
        (!time.is_zero()).then_some(time)
    }

    /// The longest `Retry-After` that is obeyed: up to the deadline while waiting, else up to the time-out.
    fn patience(&self) -> Duration {
        self.deadline.map_or(self.timeout, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The pause before the repeat after `repeats` of them, when another one is allowed and ends in time.
    pub fn pause(&self, repeats: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if repeats >= self.retries || retry_after.is_some_and(|pause| pause > self.patience()) {
            return None;
        }
        let pause = retry_after.unwrap_or_else(|| jittered(repeats));
        self.deadline.is_none_or(|deadline| Instant::now() + pause < deadline).then_some(pause)
    }
}

/// Half a second, doubling, give or take a half: clients that failed together must not come back together.
fn jittered(repeats: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(repeats));
    pause.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64()).min(LONGEST_PAUSE)
}

/// Whether an answer says that its server is busy or away for the moment.
pub fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// How long an answer asks to stay away: seconds or a date (RFC 9110, section 10.2.3).
pub fn retry_after(reply: &Reply) -> Option<Duration> {
    let value = reply.header("Retry-After")?;
    let value = value.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // A number that does not fit asks for more time than any limit allows.
        Err(_) if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => Some(Duration::MAX),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_jitter_up_to_ten_seconds() {
        for (repeats, full) in [(0, 0.5f64), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (40, 10.0)] {
            let pauses: Vec<f64> = (0..200).map(|_| jittered(repeats).as_secs_f64()).collect();
            assert!(pauses.iter().all(|pause| (full * 0.5..=(full * 1.5).min(10.0)).contains(pause)), "{repeats}");
            assert!(pauses.iter().any(|pause| *pause < full * 0.9), "{repeats}");
        }
    }

    #[test]
    fn retry_after_is_obeyed_up_to_the_timeout_or_the_deadline() {
        let limits = Limits { timeout: Duration::from_secs(60), retries: 2, deadline: None };
        assert_eq!(limits.pause(0, Some(Duration::from_secs(60))), Some(Duration::from_secs(60)));
        assert_eq!(limits.pause(0, Some(Duration::from_secs(61))), None);
        assert_eq!(limits.pause(2, None), None);
        let waiting = Limits { deadline: Some(Instant::now() + Duration::from_secs(90)), ..limits };
        assert_eq!(waiting.pause(0, Some(Duration::from_secs(80))), Some(Duration::from_secs(80)));
        assert_eq!(waiting.pause(0, Some(Duration::from_secs(91))), None);
    }
}
