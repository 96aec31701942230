//! DNS as a stub resolver sees it: the search list, and aliases from answer to answer.

use std::net::IpAddr;
use std::time::Instant;

use super::error::{Failure, LookupError, Report};
use super::exchange::{ask, remaining};
use super::files::Config;
use super::message::{HostName, MAX_ALIASES, Verdict, host_name};

/// The addresses of a valid `name`, never none, tried in the domains of the search list as glibc does.
///
/// # Errors
/// Those of [`LookupError`] that concern DNS.
pub(super) fn resolve(name: &str, config: &Config, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    let candidates = candidates(name, config);
    let mut failed = None;
    let mut exists = false;
    for candidate in &candidates {
        match follow(candidate, config, deadline) {
            Ok(Verdict::Addresses(addresses)) => return Ok(addresses),
            Ok(Verdict::Alias(alias)) => return Err(LookupError::alias_loop(name, &alias.to_string())),
            Ok(Verdict::NoData) => exists = true,
            Ok(Verdict::NoName) => {}
            Err(reports) => {
                let deadline_passed = remaining(deadline).is_none();
                let asked = candidate.to_string();
                let failure = LookupError::no_answer(name, &asked, &reports, config.assumed, deadline_passed);
                // Servers that fail at one name may know the next; dead ones stay dead.
                if deadline_passed || reports.iter().all(|(_, why)| matches!(why, Failure::Dead(_))) {
                    return Err(failure);
                }
                failed.get_or_insert(failure);
            }
        }
    }
    // One open question is enough not to claim that the name does not exist.
    Err(failed.unwrap_or_else(|| {
        let asked: Vec<_> = candidates.iter().map(ToString::to_string).collect();
        LookupError::not_found(name, exists, &asked, config)
    }))
}

/// The names to ask for, in their order, each once (resolv.conf(5), `search` and `ndots`).
///
/// A name with a final dot stands for itself. Domains that do not make a valid name are left out.
fn candidates(name: &str, config: &Config) -> Vec<HostName> {
    let mut names = Vec::new();
    if !name.ends_with('.') {
        // The root is a domain to search too.
        names.extend(config.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.'))));
    }
    let as_it_is = if name.matches('.').count() < config.ndots { names.len() } else { 0 };
    names.insert(as_it_is, name.to_owned());
    let mut candidates = Vec::new();
    for candidate in names.iter().filter_map(|name| host_name(name).ok()) {
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// Asks for a name, and for the target of an alias where the answer leaves it out. Gives [`Verdict::Alias`] if aliases
/// go in a circle or do not end.
fn follow(name: &HostName, config: &Config, deadline: Instant) -> Result<Verdict, Vec<Report>> {
    let mut seen = vec![name.clone()];
    let mut verdict = ask(name, config, deadline)?;
    while let Verdict::Alias(target) = &verdict {
        if seen.contains(target) || seen.len() > MAX_ALIASES {
            break;
        }
        seen.push(target.clone());
        verdict = ask(&target.clone(), config, deadline)?;
    }
    Ok(verdict)
}
