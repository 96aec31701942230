//! `GET /managementServer/updates[/{fix_id_list}]` [LXCA API, sections 5.1 and 5.2].

use serde_json::value::RawValue;

use super::{Flag, Json, List, Number, Object, Text, record, string};

record! {
    /// A management-server update in the repository.
    pub struct Update {
        /// Whether the update can be installed.
        applyable: Flag = "applyable",
        /// Whether the update was applied. Not documented; vendor's clients show it of updates in the repository.
        applied: Flag = "applied",
        /// Build number of the package.
        build_number: Text = "buildNumber",
        /// Build type, such as `production`.
        build_type: Text = "buildType",
        /// Whether the package has a change history.
        change: Flag = "change",
        /// Component named in the package's XML file: `Utility`.
        comp: Text = "comp",
        /// Bytes downloaded so far.
        downloadedsize: Number = "downloadedsize",
        /// What went wrong while downloading; empty when nothing did.
        error_msg: Text = "errorMsg",
        /// ID of the package, as `fix_ids` takes it.
        fixid: Text = "fixid",
        /// Whether this is the newest package for its component in the repository.
        latest: Flag = "latest",
        /// Name of the package; may be empty.
        name: Text = "name",
        /// Name of the package's XML file. Not documented, but in the documented example.
        origin: Text = "origin",
        /// Whether the payload is in the repository, that is, downloaded.
        payload: Flag = "payload",
        /// Name of the payload file; may be empty.
        payload_filename: Text = "payloadFilename",
        /// How much is downloaded, in percent.
        percentage: Number = "percentage",
        /// Name of the package for people.
        readable_name: Text = "readableName",
        /// Whether the package has a readme.
        readme: Flag = "readme",
        /// Date of release, `YYYY-MM-DD`.
        releasedate: Text = "releasedate",
        /// Severity. Documented as the words `initialRelease`, `critical`, `suggested` and `noncritical`, a number in the
        /// documented example; which number means which word is not documented, so it is not translated.
        severity: Number = "severity",
        /// Status of the package; its values are not documented.
        state: Text = "state",
        /// Whether the package can be downloaded from the web.
        support_download: Flag = "supportDownload",
        /// Size of the package, in bytes; beyond 32 bits.
        totalsize: Number = "totalsize",
        /// Version of the package.
        version: Text = "version",
    }
}

record! {
    /// What `GET /managementServer/updates/{fix_id_list}` says of updates when no file is asked for.
    pub struct UpdateInfo {
        /// The updates.
        update: List<Object<Update>> = "update",
        /// What can be done with them: `acquire`, `apply`, `delete`. Documented as an object, an array of objects in the
        /// example.
        actions: Json = "actions",
        /// Files that can be asked for. Documented as a string, an array in the example, where the change history is
        /// called `change`, not `changeHistory`.
        filetypes: Json = "filetypes",
        /// Keys that can be asked for, spelled like the actions.
        keys: Json = "keys",
    }
}

record! {
    /// The readme or the change history of one update.
    pub struct UpdateFile {
        /// ID of the package.
        fixid: Text = "fixid",
        /// Which file it is: `readme` or `changeHistory`.
        field: Text = "field",
        /// The whole text of the file.
        value: Text = "value",
    }
}

record! {
    /// An update that was applied to the management server.
    pub struct Applied {
        /// Build number.
        build_number: Text = "buildNumber",
        /// When it was applied.
        date_applied: Text = "dateApplied",
        /// What it is.
        description: Text = "description",
        /// Details.
        detail_info: Text = "detailInfo",
        /// Name of the file it came from.
        file_name: Text = "fileName",
        /// Kind of update, such as `base install`.
        flavor: Text = "flavor",
        /// When its installation failed.
        installation_failed_date: Text = "installationFailedDate",
        /// Version.
        version: Text = "version",
    }
}

record! {
    /// Space of the repository.
    pub struct Size {
        /// Bytes the repository may take.
        allotment: Number = "allotment",
        /// Bytes left.
        free_space: Number = "freeSpace",
        /// Bytes taken.
        used_space: Number = "usedSpace",
    }
}

record! {
    /// What `GET /managementServer/updates` says of the repository; with a `key`, that part of it.
    pub struct Repository {
        /// Version of the management server.
        current_version: Json = "currentVersion",
        /// Updates that were applied.
        history: List<Object<Applied>> = "history",
        /// Directory for imports.
        import_dir: Text = "importDir",
        /// Space of the repository.
        size: Object<Size> = "size",
        /// Updates in the repository.
        updates: List<Object<Update>> = "updates",
        /// When the repository was refreshed last.
        updated_date: Text = "updatedDate",
    }
}

/// The words of a list that is spelled `["a"]`, `[{"NAME": "a"}]`, `{"NAME": "a"}` or `"a,b"`: nothing that was sent is
/// lost, a value that is no word of either kind stands there as JSON.
pub fn words(value: &Json, name: &str) -> Vec<String> {
    let word = |raw: &RawValue| {
        let named = super::Pairs::parse(raw.get()).and_then(|pairs| pairs.get(name).and_then(string));
        named.or_else(|| string(raw)).unwrap_or_else(|| raw.get().to_owned())
    };
    match <List<Json> as super::Attribute>::read(&value.0) {
        List::Of(items) => items.iter().map(|item| word(&item.0)).collect(),
        List::Other(other) => match other.string() {
            Some(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
            None => vec![word(&other.0)],
        },
    }
}
