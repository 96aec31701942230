//! DNS as a stub resolver sees it: which names are asked for, and which servers, in what order.
//!
//! What lives here: the search list, the rounds through the servers with their share of the time,
//! and aliases from answer to answer. What must not: sockets, messages, files.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::config::Plan;
use super::distinct;
use super::error::{Failure, LookupError};
use super::exchange::{Manner, ask, remaining};
use super::message::{HostName, MAX_ALIASES, Verdict, host_name};

/// How long a server is waited for while others have not been asked in the same round. A resolver
/// with a warm cache answers in milliseconds; one that takes longer is asked again in the next
/// round, where its answer will be ready.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// All addresses of a valid `name`, never none, tried in the domains of the search list as glibc
/// does.
///
/// # Errors
/// The kinds of [`LookupError`] that concern DNS.
pub(super) fn resolve(name: &str, plan: &Plan, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    let candidates = candidates(name, plan);
    let mut servers = Servers::new(plan, deadline);
    let mut failed = None;
    let mut exists = false;
    for candidate in &candidates {
        match servers.follow(candidate) {
            Ok(Verdict::Addresses(addresses)) => return Ok(addresses),
            Ok(Verdict::Alias(alias)) => {
                let (name, alias) = (name.to_owned(), alias.to_string());
                return Err(LookupError::AliasLoop { name, alias });
            }
            Ok(Verdict::NoData) => exists = true,
            Ok(Verdict::NoName) => {}
            Err(NoAnswer) => {
                let failure = servers.no_answer(name, candidate);
                // Servers that fail at one name may know the next; dead ones stay dead.
                if failure.deadline_passed() || !servers.are_alive() {
                    return Err(failure);
                }
                failed.get_or_insert(failure);
            }
        }
    }
    // One open question is enough not to claim that the name does not exist.
    Err(failed.unwrap_or_else(|| {
        let name = name.to_owned();
        let asked = candidates.iter().map(ToString::to_string).collect();
        let servers = servers.answered;
        if exists {
            LookupError::NoAddress { name, asked, servers }
        } else {
            LookupError::NoSuchName { name, asked, servers }
        }
    }))
}

/// The names to ask for, in their order, each once (resolv.conf(5), `search` and `ndots`).
///
/// A name with a final dot stands for itself. Domains that do not make a valid name are left out.
fn candidates(name: &str, plan: &Plan) -> Vec<HostName> {
    let as_it_is = host_name(name).ok();
    if name.ends_with('.') {
        return as_it_is.into_iter().collect();
    }
    let searched = plan.search.iter().filter_map(|domain| {
        let domain = domain.trim_matches('.'); // the root is a domain to search too
        host_name(format!("{name}.{domain}").trim_end_matches('.')).ok()
    });
    if name.matches('.').count() >= plan.ndots {
        distinct(as_it_is.into_iter().chain(searched))
    } else {
        distinct(searched.chain(as_it_is))
    }
}

/// No server settled a question; [`Servers`] knows what each did.
struct NoAnswer;

/// The servers of one lookup, and what became of them.
struct Servers<'a> {
    /// How to ask.
    plan: &'a Plan,
    /// When all must be over.
    deadline: Instant,
    /// In the order in which they are asked, with what each did at the last question.
    reports: Vec<(SocketAddr, Option<Failure>)>,
    /// Those that settled a question.
    answered: Vec<SocketAddr>,
}

impl<'a> Servers<'a> {
    /// The servers of a plan in the order of the file, or with `rotate` from any one on.
    fn new(plan: &'a Plan, deadline: Instant) -> Self {
        let mut reports: Vec<_> = plan.servers.iter().map(|s| (*s, None)).collect();
        if plan.rotate && !reports.is_empty() {
            let first = fastrand::usize(..reports.len());
            reports.rotate_left(first);
        }
        Self { plan, deadline, reports, answered: Vec::new() }
    }

    /// Asks for a name, and for the target of an alias where the answer leaves it out.
    ///
    /// Gives [`Verdict::Alias`] if aliases go in a circle or do not end.
    fn follow(&mut self, name: &HostName) -> Result<Verdict, NoAnswer> {
        let mut seen = vec![name.clone()];
        let mut verdict = self.ask(name)?;
        while let Verdict::Alias(target) = &verdict {
            if seen.contains(target) || seen.len() > MAX_ALIASES {
                break;
            }
            seen.push(target.clone());
            verdict = self.ask(&target.clone())?;
        }
        Ok(verdict)
    }

    /// Asks one server after the other for one name, `attempts` times, until one settles it.
    ///
    /// That one is asked first from then on: a dead one before it costs its time only once.
    fn ask(&mut self, name: &HostName) -> Result<Verdict, NoAnswer> {
        self.reports.iter_mut().for_each(|report| report.1 = None);
        for round in 0..self.plan.attempts {
            for index in 0..self.reports.len() {
                let until = self.until(round, index)?;
                let manner = Manner {
                    // Old firewalls drop queries with EDNS: who stays silent is asked without it.
                    edns: round == 0,
                    tcp: self.plan.tcp,
                    ipv6: self.plan.ipv6,
                };
                let Some((server, report)) = self.reports.get_mut(index) else {
                    break;
                };
                match ask(*server, name, manner, until) {
                    Ok(verdict) => {
                        self.prefer(index);
                        return Ok(verdict);
                    }
                    Err(failure) => *report = Some(failure),
                }
            }
        }
        Err(NoAnswer)
    }

    /// Until when a server may take: its timeout, but little while others are left in the round,
    /// and never more than half of what is left as long as there is another try.
    ///
    /// Fails if no time is left.
    fn until(&self, round: u32, index: usize) -> Result<Instant, NoAnswer> {
        let rest = remaining(self.deadline).ok_or(NoAnswer)?;
        let others_left = index + 1 < self.reports.len();
        let patience = match others_left {
            true => self.plan.timeout.min(IMPATIENCE),
            false => self.plan.timeout,
        };
        let share = match others_left || round + 1 < self.plan.attempts {
            true => rest / 2,
            false => rest,
        };
        Ok(Instant::now() + patience.min(share))
    }

    /// Puts the server that answered first, and remembers it for the sentence.
    fn prefer(&mut self, index: usize) {
        self.reports.rotate_left(index);
        if let Some((server, _)) = self.reports.first()
            && !self.answered.contains(server)
        {
            self.answered.push(*server);
        }
    }

    /// Whether any server said anything at the last question.
    fn are_alive(&self) -> bool {
        self.reports.iter().filter_map(|(_, failure)| failure.as_ref()).any(Failure::is_answer)
    }

    /// The error of a question that no server settled.
    fn no_answer(&self, name: &str, asked: &HostName) -> LookupError {
        LookupError::NoAnswer {
            name: name.to_owned(),
            asked: asked.to_string(),
            servers: self.reports.clone(),
            assumed: self.plan.assumed,
            deadline_passed: remaining(self.deadline).is_none(),
        }
    }
}
