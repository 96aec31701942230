//! `GET /tasks[/{job_list}]` (docs/lxca-api.md, Tasks), and the job ids in other answers.

use super::{Attribute, Json, Pairs, Record, Text, for_each_item, member, record};

/// Every spelling of a job's id in an answer that starts one (docs/lxca-api.md, Job ids).
const SPELLINGS: [&str; 6] = ["jobid", "jobID", "jobId", "JobID", "jobUID", "taskid"];

record! {
    /// A job of the appliance.
    pub struct Job {
        /// ID of the job.
        job_uid: Text = "jobUID",
        /// `Complete`, `CompleteWithErrors` and others; a word for a running job is not documented.
        status: Text = "status",
    }
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not ended, in the appliance's word for it.
    Running(String),
    /// Ended well.
    Complete,
    /// Ended by somebody.
    Canceled,
    /// Ended badly, in the appliance's word for it.
    Failed(String),
}

impl Job {
    /// Where it is. `percentage` decides nothing: it is 100 for failed jobs, too.
    pub fn progress(&self) -> Progress {
        let word = self.status.as_ref().map(|status| status.words().trim().to_owned()).unwrap_or_default();
        let begins = |start: &str| word.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start));
        if word.eq_ignore_ascii_case("Complete") {
            Progress::Complete
        } else if begins("Cancel") {
            Progress::Canceled
        } else if begins("CompleteWith") || begins("Stopped") || word.eq_ignore_ascii_case("Interrupted") {
            Progress::Failed(word)
        } else {
            Progress::Running(word)
        }
    }

    /// Its id in words.
    pub fn id(&self) -> Option<String> {
        self.job_uid.as_ref().map(|id| id.words().into_owned())
    }
}

/// The jobs of an answer: a list also for one job, but an object is read as well.
pub fn jobs(text: &str) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut read = |text: &str| {
        // What is not an object, or holds more than is read, is not a job.
        jobs.extend(Pairs::parse(text).ok().flatten().and_then(|pairs| Job::from_pairs(pairs).ok()));
    };
    if text.starts_with('{') {
        read(text);
    } else {
        let _ = for_each_item(text, |item| {
            read(item.get());
            Ok(())
        });
    }
    jobs
}

/// The id of the job that an answer says it started, as it came; 0, -1 and an empty text mean none.
pub fn started(text: &str) -> Option<Json> {
    let ids = SPELLINGS.iter().filter_map(|name| member(text, name));
    let ids = ids.filter_map(|raw| Json::read(raw).ok());
    ids.into_iter().find(|id| !matches!(id.as_text().trim_matches('"').trim(), "" | "0" | "-1" | "null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_where_its_status_says() {
        for (status, expected) in [
            ("Complete", Progress::Complete),
            ("complete", Progress::Complete),
            ("Cancelled", Progress::Canceled),
            ("Canceling", Progress::Canceled),
            ("CompleteWithErrors", Progress::Failed("CompleteWithErrors".into())),
            ("Stopped_With_Error", Progress::Failed("Stopped_With_Error".into())),
            ("Interrupted", Progress::Failed("Interrupted".into())),
            ("Running_With_Errors", Progress::Running("Running_With_Errors".into())),
            ("Pending", Progress::Running("Pending".into())),
            ("Completing", Progress::Running("Completing".into())),
            ("", Progress::Running(String::new())),
        ] {
            let text = format!(r#"[{{"jobUID":"7","percentage":100.0,"status":"{status}"}}]"#);
            let jobs = jobs(&text);
            assert_eq!((jobs[0].progress(), jobs[0].id()), (expected, Some("7".into())), "{status}");
        }
    }

    #[test]
    fn the_id_of_a_started_job_has_many_spellings() {
        for (text, expected) in [
            (r#"{"jobid":17}"#, Some("17")),
            (r#"{"jobid":"17"}"#, Some("\"17\"")),
            (r#"{"jobid":-1,"taskid":"5"}"#, Some("\"5\"")),
            (r#"{"jobid":0}"#, None),
            (r#"{"jobID":""}"#, None),
            (r#"{"jobUID":" "}"#, None),
            (r#"{"jobid":null}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(started(text).as_ref().map(Json::as_text), expected, "{text}");
        }
    }
}
