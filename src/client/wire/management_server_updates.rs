//! `GET /managementServer/updates[/{fix_id_list}]` (docs/lxca-api.md, Management server updates).

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use serde::ser::{Serialize, Serializer};

use super::{Attribute, Flag, Json, List, MOST_ITEMS, Number, Object, Pairs, Text, TooMany, record, string};

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

/// Words, each once, in the order they are first seen.
#[derive(Debug, Default)]
pub struct Words {
    /// The words as a JSON list: text, for the same reason as every list.
    list: List<Json>,
    /// Hashes of the words, keyed at random by `hasher`; two words with one hash of 64 bits do not happen.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Words {
    /// Adds the words of a list that is spelled `["a"]`, `[{"NAME": "a"}]`, `{"NAME": "a"}` or `"a,b"`: nothing that was
    /// sent is lost, a value that is no word of either kind stands there as JSON.
    ///
    /// # Errors
    /// More words, or attributes in an object, than are read; the words before are kept.
    pub fn add(&mut self, value: &Json, name: &str) -> Result<(), TooMany> {
        <List<Json> as Attribute>::read(&value.0)?.for_each_raw(|item| {
            match (string(item), Pairs::parse(item.get())?) {
                // Only the text in the place of a list: a word in a list may hold a comma.
                (Some(text), _) if !value.as_text().starts_with('[') => {
                    text.split(',').try_for_each(|word| self.push(word.trim()))
                }
                (Some(word), _) => self.push(&word),
                (None, Some(pairs)) => match pairs.get(name).and_then(string) {
                    Some(word) => self.push(&word),
                    None => self.push(item.get()),
                },
                (None, None) => self.push(item.get()),
            }
        })
    }

    fn push(&mut self, word: &str) -> Result<(), TooMany> {
        if !self.seen.insert(self.hasher.hash_one(word)) {
            return Ok(());
        }
        if self.seen.len() > MOST_ITEMS {
            return Err(TooMany::Items);
        }
        self.list.push(&Text::of(word).0.0);
        Ok(())
    }

    /// Looks at each word.
    pub fn for_each(&self, mut look: impl FnMut(&str)) {
        self.list.for_each(|word| look(&word.string().unwrap_or_default()));
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}
