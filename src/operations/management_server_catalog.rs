//! `management_server_catalog`: renews what the appliance knows of updates for itself (docs/contract.md,
//! management_server_catalog; docs/lxca-api.md, Acquire, refresh, import).

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::ser::{Serialize, Serializer};

use super::change::{self, Sent};
use super::fix_ids::{Named, counted};
use super::wait::{self, Wait};
use super::{Context, Operation};
use crate::answer::Success;
use crate::client::request::Request;
use crate::client::retry::Limits;
use crate::client::wire::management_server_updates::Repository;
use crate::client::wire::tasks::Progress;
use crate::client::wire::{Json, Text};
use crate::client::{LONGEST_WORDS, SendError};
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Kind as Accepts, Literal, options};

const PATH: &str = "/managementServer/updates";
const REFRESH: &str = "/managementServer/updates?action=refresh";
/// What is refreshed. The attribute is `mts` here and `mt` for the firmware repository.
const BODY: &str = r#"{"mts":["lxca"]}"#;

options! {
    /// The options of `management_server_catalog`.
    pub struct ManagementServerCatalog {
        /// Whether to wait until the appliance has renewed its catalog.
        wait: bool = Accepts::Boolean.default(Literal::Boolean(true)),
        /// Seconds until waiting is given up.
        wait_timeout: u64 = wait::WAIT_TIMEOUT,
        /// Seconds between two polls.
        poll_interval: u64 = wait::POLL_INTERVAL,
    }
}

/// What the appliance knows of updates for itself.
#[derive(Debug, Default, serde::Serialize, JsonSchema)]
pub struct Data {
    /// IDs of updates that the appliance did not list before.
    #[schemars(with = "Vec<String>")]
    new_fix_ids: FixIds,
    /// When the catalog was renewed last, as the appliance says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refreshed: Option<Json>,
    /// ID of the job that renews the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<Json>,
}

/// What the appliance lists.
#[derive(PartialEq)]
struct Catalog {
    fix_ids: Arc<FixIds>,
    refreshed: Option<Json>,
}

/// Sorted ids, each once, in one text: a string for each would take more memory than the answer allows.
#[derive(Debug, Default)]
struct FixIds {
    text: String,
    ids: Vec<Range<usize>>,
}

impl FixIds {
    fn push(&mut self, id: &str) {
        let start = self.text.len();
        self.text.push_str(id);
        self.ids.push(start..self.text.len());
    }

    fn sort(&mut self) {
        let FixIds { text, ids } = self;
        let id = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        ids.sort_unstable_by(|one, other| id(one).cmp(id(other)));
        ids.dedup_by(|one, other| id(one) == id(other));
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(|range| self.text.get(range.clone()).unwrap_or_default())
    }

    /// The ids that the others do not hold.
    fn without(&self, others: &FixIds) -> FixIds {
        let mut others = others.iter().peekable();
        let mut left = FixIds::default();
        for id in self.iter() {
            while others.next_if(|other| *other < id).is_some() {}
            if others.peek() != Some(&id) {
                left.push(id);
            }
        }
        left
    }
}

impl PartialEq for FixIds {
    fn eq(&self, other: &FixIds) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for FixIds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// One side of the diff, keyed by id.
struct Listed(Arc<FixIds>);

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|id| (id, true)))
    }
}

impl Operation for ManagementServerCatalog {
    const NAME: &'static str = "management_server_catalog";
    const SUMMARY: &'static str = "renews what the appliance knows of updates for itself";
    const CHANGES: bool = true;
    const OPTIONS: &'static [Declaration] = ManagementServerCatalog::OPTIONS;
    const EXAMPLES: &'static str = include_str!("../../schemas/examples/management_server_catalog.json");
    type Data = Data;

    fn run(&self, context: &Context<'_, Data>) -> Result<Success, Failure> {
        let wait = Wait::new(self.wait_timeout, self.poll_interval);
        let before = ask(context, &context.client.limits())?;
        context.set_data(Data { last_refreshed: before.refreshed.clone(), ..Data::default() });
        if context.check_mode() {
            context.warn("What a refresh finds is not known before: check mode says nothing about changes.");
            context.show_diff(Listed(before.fix_ids.clone()), Listed(before.fix_ids));
            let msg = format!("{} would renew its catalog of updates for itself.", context.host());
            return Ok(Success { msg, detail: String::new() });
        }
        // The date has minutes only, so that a list that has grown counts as well.
        let refreshed = |limits: &Limits| Ok(ask(context, limits)? != before);
        let sent = change::send(context, &wait, &Request::post(REFRESH, BODY), || {
            // Somebody else's refresh was in the way: what it found counts.
            Ok(!refreshed(&context.client.limits())?)
        })?;
        let job = match sent {
            Some(Sent::Accepted(job)) => job,
            Some(Sent::Arrived(id)) => Some(Text::of(&id).0),
            Some(Sent::Lost(lost)) => {
                if !refreshed(&context.client.limits()).unwrap_or(false) {
                    return Err(change::unknown("the request to renew the catalog", &lost));
                }
                None
            }
            None => None,
        };
        context.with_data(|data| data.get_or_insert_default().job_id.clone_from(&job));
        let id = job.map(|job| Text(job).words().into_owned());
        let name = id.as_ref().map(|id| context.client.shortened(id, LONGEST_WORDS));
        if let (false, Some(id)) = (self.wait, &name) {
            let msg = format!("{} renews its catalog of updates for itself in job {id}.", context.host());
            return Ok(Success { msg, detail: String::new() });
        }
        let ended = match &id {
            Some(id) => change::wait_for_job(context, &wait, id, refreshed)?,
            None => Progress::Complete,
        };
        let after = ask(context, &context.client.limits())?;
        if let (Progress::Failed(word), Some(id)) = (ended, name) {
            let text = format!("Job {id} on {} ended as {}", context.host(), context.client.shortened(&word, 100));
            if after == before {
                let text = format!("{text}, and the catalog is as it was. See the appliance's job log.");
                return Err(Failure::new(Kind::TaskFailed, text));
            }
            context.warn(format!("{text}, but the catalog was renewed."));
        }
        Ok(report(context, &before, after))
    }
}

/// What the appliance lists now.
fn ask(context: &Context<'_, Data>, limits: &Limits) -> Result<Catalog, SendError> {
    let answer = context.client.send(&Request::get(PATH), limits)?;
    if let Some(failure) = answer.failure {
        return Err(failure.into());
    }
    let repository: Option<Repository> = answer.read()?;
    let Some(Repository { updates: Some(updates), updated_date, .. }) = repository else {
        let text = format!("{} answered GET {PATH} without its list of updates.", context.host());
        return Err(Failure { http_status: Some(answer.status), ..Failure::new(Kind::InvalidResponse, text) }.into());
    };
    let mut fix_ids = FixIds::default();
    updates.for_each(|update| {
        let id = update.get().and_then(|update| update.fixid.as_ref());
        id.iter().for_each(|id| fix_ids.push(&id.words()));
    });
    fix_ids.sort();
    Ok(Catalog { fix_ids: Arc::new(fix_ids), refreshed: updated_date.map(|date| date.0) })
}

/// What the refresh brought: a change is what the appliance lists, not that a job ran.
fn report(context: &Context<'_, Data>, before: &Catalog, after: Catalog) -> Success {
    let new = after.fix_ids.without(&before.fix_ids);
    context.set_changed(after.fix_ids != before.fix_ids);
    context.show_diff(Listed(before.fix_ids.clone()), Listed(after.fix_ids));
    let mut named = Named::default();
    new.iter().for_each(|id| named.add(|| context.client.shortened(id, LONGEST_WORDS)));
    let msg = match named.count {
        0 => format!("{} renewed its catalog and found nothing new.", context.host()),
        count => format!("{} renewed its catalog and found {} it did not know.", context.host(), counted(count)),
    };
    context.with_data(|data| {
        let data = data.get_or_insert_default();
        data.new_fix_ids = new;
        data.last_refreshed = after.refreshed;
    });
    Success { msg, detail: named.sentence() }
}
