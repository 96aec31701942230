//! An update package and its JSON form (docs/lxca-api.md, By fix id).

use serde_json::{Value, json};

/// One update in a repository: firmware, a UXSP or an update of the management server.
#[derive(Clone, Debug)]
pub struct Package {
    /// Fix ID.
    pub fixid: String,
    /// Readable name.
    pub readable_name: String,
    /// Version.
    pub version: String,
    /// Build, as text.
    pub build_number: String,
    /// Component.
    pub comp: String,
    /// Machine types it is for.
    pub machine_types: Vec<String>,
    /// Severity, 1 (initial release) to 4 (noncritical). The mapping is not documented.
    pub severity: u8,
    /// Release date, `YYYY-MM-DD`.
    pub release_date: String,
    /// Size in bytes.
    pub size: u64,
    /// The newest for its component.
    pub latest: bool,
    /// The catalog knows it. A refresh lists the packages that are not listed yet.
    pub listed: bool,
    /// The payload is in the repository.
    pub downloaded: bool,
    /// It is an update of the management server itself, which can be applied.
    pub is_server: bool,
    /// Text of the readme file; `None`: there is none.
    pub readme: Option<String>,
    /// Text of the change-history file; `None`: there is none.
    pub change_history: Option<String>,
    /// Why the last download failed; empty: it did not.
    pub error: String,
    /// Where the last download stopped, in per cent; 0: at its start, or it did not.
    pub stuck: u8,
    /// The appliance can download it; it can be imported in any case.
    pub support_download: bool,
}

impl Package {
    /// A listed, not yet downloaded package whose readme and change history are made from its name and version.
    pub fn new(fixid: &str, readable_name: &str, version: &str, size: u64) -> Self {
        Self {
            fixid: fixid.into(),
            readable_name: readable_name.into(),
            version: version.into(),
            build_number: "1".into(),
            comp: "Utility".into(),
            machine_types: Vec::new(),
            severity: 3,
            release_date: "2026-03-02".into(),
            size,
            latest: true,
            listed: true,
            downloaded: false,
            is_server: false,
            readme: Some(format!(
                "{readable_name}\n\nInstallation README File\n\nVersion {version}\n\n1.0 Overview\n\n\
                 1.1 This file was written by a simulated appliance.\n"
            )),
            change_history: Some(format!(
                "{readable_name}\n\nChange History\n\nVersion {version}\n\n- First release in this simulation.\n"
            )),
            error: String::new(),
            stuck: 0,
            support_download: true,
        }
    }

    /// Whether it is for this machine type.
    pub fn is_for(&self, machine_type: &str) -> bool {
        self.machine_types.iter().any(|own| own == machine_type)
    }

    /// What it takes of the repository, in bytes.
    pub(crate) fn stored(&self) -> u64 {
        if self.downloaded { self.size } else { 0 }
    }

    /// Name of the payload file.
    pub fn payload_name(&self) -> String {
        format!("{}.tgz", self.fixid)
    }

    /// The package as an answer shows it. `downloading` is the percentage of a download under way.
    pub(crate) fn to_json(&self, applyable: bool, downloading: Option<u8>) -> Value {
        let word = |truth: bool| if truth { "true" } else { "false" };
        let percentage = if self.downloaded { 100 } else { downloading.unwrap_or(self.stuck) };
        // No value of `state` is documented; the example has it empty.
        let state = match downloading {
            Some(_) => "downloading",
            None if self.downloaded => "downloaded",
            None => "",
        };
        json!({
            "applyable": word(applyable),
            "buildNumber": self.build_number,
            "buildType": "production",
            "change": word(self.change_history.is_some()),
            "comp": self.comp,
            "downloadedsize": part(self.size, percentage),
            "errorMsg": self.error,
            "fixid": self.fixid,
            "latest": word(self.latest),
            "name": "",
            "origin": format!("{}.xml", self.fixid),
            "payload": word(self.downloaded),
            "payloadFilename": if self.downloaded { self.payload_name() } else { String::new() },
            "percentage": percentage,
            "readableName": self.readable_name,
            "readme": word(self.readme.is_some()),
            "releasedate": self.release_date,
            "severity": self.severity,
            "state": state,
            "supportDownload": word(self.support_download),
            "totalsize": self.size,
            "version": self.version,
        })
    }
}

/// So many per cent of a size, in bytes: all of them at 100.
fn part(size: u64, percentage: u8) -> u64 {
    (u128::from(size) * u128::from(percentage) / 100) as u64
}
