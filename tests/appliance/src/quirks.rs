//! The places where the documents contradict themselves or are silent, each with the variants an appliance might play.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which variant of each contradiction this appliance plays. The defaults follow the documents' examples.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Refuse the spelling `taskType` of the status call with 400; only `tasktype` then works (docs/lxca-api.md, Status
    /// of a task).
    pub strict_tasktype: bool,
    /// `errorMsg` as the documented array instead of the object of the examples (docs/lxca-api.md, Status of a task).
    pub error_msg_as_array: bool,
    /// Whether `current` of a finished export is empty (docs/lxca-api.md, Status of a task: it is in
    /// one example).
    pub empty_current: EmptyCurrent,
    /// `state` of a job that still runs; no value is documented (docs/lxca-api.md, Status of a task).
    pub running_state: String,
    /// `severity` as the number of the example or as a documented word (docs/lxca-api.md, By fix id). Which number
    /// means which word is not documented; here 1 to 4 in the order of the table.
    pub severity: Severity,
    /// Truth values of the update APIs as text or as real booleans (docs/lxca-api.md, Value types).
    pub booleans: Booleans,
    /// Every number as text (docs/lxca-api.md, Value types: IDs come both ways).
    pub numbers_as_strings: bool,
    /// How `filetypes` is spelled (docs/lxca-api.md, By fix id).
    pub filetypes: Filetypes,
    /// A list with one object arrives as that object (docs/lxca-api.md, By fix id: `actions`
    /// and `keys` are typed so).
    pub single_objects: bool,
    /// What an empty list looks like (docs/lxca-api.md, Value types).
    pub empty_lists: EmptyLists,
    /// Shape of the status answer for `taskid=0`; not documented (docs/lxca-api.md, Status of a task).
    pub taskid0: TaskidZero,
    /// The word for success in the envelopes of the repositories, `status` and `errorMsg` (docs/lxca-api.md, Status
    /// envelopes).
    pub success_word: SuccessWord,
    /// Language of message texts (docs/lxca-api.md, Headers).
    pub language: Language,
    /// Put U+0085, U+2028, U+2029 and a C1 control into texts and names: readers split lines there.
    pub line_breaks_in_texts: bool,
    /// Media type of JSON answers (docs/lxca-api.md, Headers).
    pub media_type: MediaType,
    /// Put a UTF-8 byte-order mark before JSON bodies. Not in the documents: some servers do it.
    pub byte_order_mark: bool,
    /// Send bodies with `Transfer-Encoding: chunked`, as in the recorded answers, instead of a Content-Length.
    pub chunked: bool,
    /// When bodies are compressed (docs/lxca-api.md, Headers: when the client offers gzip).
    pub content_encoding: ContentEncoding,
    /// End the connection after each answer, with `Connection: close`.
    pub connection_close: bool,
    /// Code for wrong credentials at `POST /sessions`: 403 is what the vendor's client expects (docs/lxca-api.md, POST
    /// /sessions); 401, 400 and 200 (with `result: "failure"`) are plausible.
    pub login_failure_status: u16,
    /// Code for wrong credentials in a basic header. Absent: 403 for the firmware repository, whose pages document
    /// 403 but not 401, and 401 elsewhere (docs/lxca-api.md, Response codes).
    pub basic_failure_status: Option<u16>,
    /// Code for a login beyond the session limit. Not documented; 403 because it is a refused login like any other.
    pub session_limit_status: u16,
    /// Answer to a GET without any credentials (docs/lxca-api.md, Failure shapes: the vendor's discovery accepts 200
    /// and 302). Other methods get 401.
    pub unauthenticated: Unauthenticated,
    /// Code for a request with a session cookie that the appliance does not know, such as after a restart. 302 leads to
    /// the login page; the pages of the firmware repository document 403 and no 401 (docs/lxca-api.md, Failure shapes).
    pub forgotten_session_status: u16,
    /// Cookie and ID of every session, in place of random ones: a server may choose any text.
    pub session_id: Option<String>,
    /// Where a login hands out the CSRF token (docs/lxca-api.md, POST /sessions).
    pub csrf_location: CsrfLocation,
    /// Answer for a fix ID that does not exist (docs/lxca-api.md, Response codes: no 404 is documented).
    pub unknown_fix_id: UnknownFixId,
    /// Answer of the status call for a task that does not exist. Not documented; 400 is the documented code for a
    /// query parameter that is not valid (docs/lxca-api.md, Response codes).
    pub unknown_task: UnknownTask,
    /// Which parameter downloads an export (docs/lxca-api.md, Exporting firmware: the table says `key=export`, the
    /// numbered steps say `action=export`). The other one gets 400.
    pub export_parameter: ExportParameter,
    /// Code for the download of a file that does not exist. Not documented; 200 with a JSON body is thinkable
    /// (docs/lxca-api.md, Reading it).
    pub unknown_file_status: u16,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            strict_tasktype: false,
            error_msg_as_array: false,
            empty_current: EmptyCurrent::Never,
            running_state: "running".into(),
            severity: Severity::Number,
            booleans: Booleans::Strings,
            numbers_as_strings: false,
            filetypes: Filetypes::Change,
            single_objects: false,
            empty_lists: EmptyLists::List,
            taskid0: TaskidZero::List,
            success_word: SuccessWord::Informational,
            language: Language::English,
            line_breaks_in_texts: false,
            media_type: MediaType::Vendor,
            byte_order_mark: false,
            chunked: false,
            content_encoding: ContentEncoding::WhenAsked,
            connection_close: false,
            login_failure_status: 403,
            basic_failure_status: None,
            session_limit_status: 403,
            unauthenticated: Unauthenticated::Redirect,
            forgotten_session_status: 401,
            session_id: None,
            csrf_location: CsrfLocation::CookieAndBody,
            unknown_fix_id: UnknownFixId::LeftOut,
            unknown_task: UnknownTask::BadRequest,
            export_parameter: ExportParameter::Both,
            unknown_file_status: 400,
        }
    }
}

/// Whether `current` of a finished export is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmptyCurrent {
    /// It names the file as soon as the export is complete.
    Never,
    /// It stays empty.
    Always,
    /// It is empty for this many status answers after completion, then names the file.
    Polls(u32),
}

/// Which parameter downloads an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportParameter {
    /// `key=export` and `action=export`.
    Both,
    /// `key=export`
    Key,
    /// `action=export`
    Action,
}

/// How `severity` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `2`, as in the example.
    Number,
    /// `"critical"`, as in the table.
    Word,
}

/// How truth values of the update APIs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Booleans {
    /// `"true"`, `"false"`.
    Strings,
    /// `true`, `false`.
    Real,
}

/// How `filetypes` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filetypes {
    /// `["change", "readme"]`, as in the example.
    Change,
    /// `["changeHistory", "readme"]`, as in the query.
    ChangeHistory,
    /// `"change,readme"`: the table says String.
    Text,
}

/// What an empty list looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmptyLists {
    /// `[]`
    List,
    /// `{}`
    Object,
    /// `"[]"`
    BracketText,
    /// `""`
    EmptyText,
    /// `null`
    Null,
}

/// Shape of the status answer for `taskid=0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskidZero {
    /// A list with one status object per running task.
    List,
    /// One object: the first running task, or an idle one when none runs.
    Object,
    /// An empty list, even while tasks run.
    EmptyList,
}

/// The word for success in the envelopes of the repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuccessWord {
    /// `informational`, as in every example.
    Informational,
    /// `success`, as in the tables.
    Success,
}

/// Language of message texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese, as in one recorded answer.
    #[serde(rename = "pt")]
    Portuguese,
}

/// Media type of JSON answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// `application/com.lenovo.lxca-v<version>+json; charset=UTF-8`
    Vendor,
    /// `application/json`
    Json,
    /// `text/plain`
    Text,
    /// No Content-Type at all.
    None,
}

/// When bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentEncoding {
    /// When the client offers gzip.
    WhenAsked,
    /// Also when it does not.
    Always,
    /// The header says gzip, the body is plain.
    HeaderOnly,
    /// Not even when the client offers it.
    Never,
}

/// Answer to a request without credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unauthenticated {
    /// 302 to the login page, which is HTML.
    Redirect,
    /// 401 with an envelope.
    Json,
}

/// Where a login hands out the CSRF token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CsrfLocation {
    /// The cookie `csrf` and `response.session.csrf`.
    CookieAndBody,
    /// The cookie only.
    Cookie,
    /// The body only.
    Body,
}

/// Answer for a fix ID that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFixId {
    /// 200, and the ID is not in the answer.
    LeftOut,
    /// 404 when one of the IDs is unknown.
    NotFound,
}

/// Answer of the status call for a task that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownTask {
    /// 400 with an envelope.
    BadRequest,
    /// 404 with an envelope.
    NotFound,
    /// 200 with `errorMsg.result` = `failure`.
    Failure,
}
