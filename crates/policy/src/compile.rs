//! From documents to a set that answers questions: what can be thought out beforehand is.

use crate::document::PolicyDocument;

/// The compiled policies of one layer: immutable, `Send + Sync`, shared through an `Arc`.
#[derive(Debug)]
pub struct PolicySet {
    documents: Vec<PolicyDocument>,
}

impl PolicySet {
    /// Compiles the documents of one layer. Cannot fail: what a document may hold was settled when
    /// it was parsed.
    pub fn compile(documents: impl IntoIterator<Item = PolicyDocument>) -> PolicySet {
        PolicySet { documents: documents.into_iter().collect() }
    }

    /// The documents, in the order in which [`StatementId::policy`](crate::StatementId::policy)
    /// counts them.
    pub fn documents(&self) -> &[PolicyDocument] {
        &self.documents
    }
}
