//! Where the accounts of runs lie. Machines may have the same account in other folders: what is merged
//! calls a statement the same, whoever read it where.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tollgate_store::Account;

use crate::asked::Fingerprint;
use crate::outcomes::Cited;

/// The folder of each account's manifest; an empty one if files are called as they lie in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Folders(BTreeMap<Fingerprint, String>);

impl Folders {
    /// Notes where an account lies.
    pub(crate) fn note(&mut self, account: Fingerprint, of: &Account) {
        self.0.insert(account, of.folder().display().to_string());
    }

    /// The folders of accounts that others have elsewhere.
    pub(crate) fn elsewhere(&self, others: &Folders) -> Folders {
        let is_elsewhere = |(account, folder): &(&Fingerprint, &String)| {
            others.0.get(account).is_some_and(|other| other != *folder)
        };
        let elsewhere = self.0.iter().filter(is_elsewhere);
        Folders(elsewhere.map(|(account, folder)| (*account, folder.clone())).collect())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds once files in some of the folders are called as they lie in them.
    pub(crate) fn left(&mut self, folders: &Folders) {
        for account in folders.0.keys() {
            self.0.insert(*account, String::new());
        }
    }

    /// Adds those of other runs.
    pub(crate) fn merge(&mut self, others: Folders) {
        self.0.extend(others.0);
    }

    /// Calls the file of a statement as it lies in one of the folders, if it does.
    pub(crate) fn shorten(&self, cited: &mut Cited) {
        let file = Path::new(&cited.policy);
        let within = self.0.values().filter_map(|folder| file.strip_prefix(folder).ok());
        // One may lie in another: there the file is called by the nearer.
        if let Some(within) = within.min_by_key(|within| within.as_os_str().len()) {
            cited.policy = within.display().to_string();
        }
    }
}
