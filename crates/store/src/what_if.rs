//! The account as it would be: some principals with other policies, all else the same.

use std::sync::{Arc, OnceLock};

use tollgate_policy::{PolicyDocument, PolicySet};

use crate::account::{Account, Layer};
use crate::origin::{Attachment, Origin, PolicyName};

/// Identity policies to try on a principal.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// The principal's ARN, as [`Subject::arn`](crate::Subject::arn) has it.
    pub principal: String,
    /// Its policies, each with the name that citations give it as a file.
    pub policies: Vec<(String, PolicyDocument)>,
}

impl Account {
    /// The account as it would be if these principals had these identity policies, in the place of
    /// all that they have: their own and those of their groups. Everything else applies as before,
    /// and is shared. What names no principal of the account changes nothing.
    #[must_use]
    pub fn what_if(&self, changes: &[WhatIf]) -> Account {
        let mut account = self.clone();
        for subject in account.subjects_mut() {
            if let Some(change) = changes.iter().find(|change| change.principal == subject.arn) {
                subject.identity = change.layer();
            }
        }
        account
    }
}

impl WhatIf {
    /// `None` for no policies.
    fn layer(&self) -> Option<Layer> {
        let attachment = |name: &str| {
            let origin = Origin { file: name.into(), name: PolicyName::File, inside: None };
            Attachment { origin: Arc::new(origin), group: None, cited: OnceLock::new() }
        };
        let documents = self.policies.iter().map(|(_, document)| document.clone());
        (!self.policies.is_empty()).then(|| Layer {
            set: Arc::new(PolicySet::compile(documents)),
            attachments: self.policies.iter().map(|(name, _)| attachment(name)).collect(),
        })
    }
}
