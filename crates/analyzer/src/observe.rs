//! The request of every row, for whoever wants to decide or keep it: policy tests are recorded so.

use std::collections::{BTreeMap, HashMap};

use tollgate_log::{Batch, Projection};
use tollgate_policy::{AuthorizationType, Policies, Request, key};
use tollgate_store::{Account, ApiEntry};

use crate::bindings::Bindings;
use crate::call;
use crate::replay::{UNTOLD_CALLER, write_resource};
use crate::rows::{Columns, Row, projection};
use crate::verdict::is_refused_undecided;

/// Makes requests out of rows, as replaying does: with what the log tells of the keys that the
/// account's policies refer to, and the rest of them unknown.
pub struct Observer<'a> {
    account: &'a Account,
    bindings: Bindings<'a>,
    arn: String,
    /// Of each binding, whether its policies name `aws:userid`.
    names_user_id: HashMap<usize, bool>,
    left_out: BTreeMap<&'static str, u64>,
}

impl<'a> Observer<'a> {
    /// An observer of calls of an account's APIs.
    pub fn new(account: &'a Account) -> Observer<'a> {
        Observer {
            account,
            bindings: Bindings::new(account, &[]),
            arn: String::new(),
            names_user_id: HashMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// The columns that must be decoded.
    pub fn projection() -> Projection {
        projection()
    }

    /// Hands over the request of every row of a batch that came to a decision, and the API that was called.
    pub fn observe(
        &mut self,
        batch: &Batch<'_>,
        mut take: impl FnMut(&Request<'_>, Option<&'a ApiEntry>),
    ) {
        for row in Columns::of(batch).rows() {
            if let Err(reason) = self.observe_row(row, &mut take) {
                *self.left_out.entry(reason).or_default() += 1;
            }
        }
    }

    fn observe_row(
        &mut self,
        row: Row<'_, '_>,
        take: &mut impl FnMut(&Request<'_>, Option<&'a ApiEntry>),
    ) -> Result<(), &'static str> {
        if is_refused_undecided(row) {
            return Err("refused before any decision");
        }
        let api = call::api(self.account, row);
        let (method, path) = (call::method(row).unwrap_or("-"), call::path(row, api));
        let api = api.map(|api| call::called(api, row, method, path));
        write_resource(&mut self.arn, row, api, method, path)?;
        let caller = call::caller(row, Some(self.account));
        let number = self.bindings.bind(&caller, api);
        if let Some(binding) = self.bindings.get(number) {
            if !binding.is_told() {
                return Err(UNTOLD_CALLER);
            }
            let policies = || binding.applicable.policies();
            let names_user_id =
                self.names_user_id.entry(number).or_insert_with(|| names_user_id(&policies()));
            let mut request = binding.request(row, &caller, api, &self.arn);
            // Elsewhere the principal is known by its name alone; nobody is known where none signs.
            let signed = binding.policies().authorization_type == AuthorizationType::AwsIam;
            if let Some(id) = row.caller_id().filter(|_| signed && *names_user_id) {
                request.context.set(key::USER_ID, id);
            }
            take(&request, api);
        }
        Ok(())
    }

    /// How many rows were left out because they were not decided, or the log does not tell enough of them,
    /// by reason.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.left_out.iter().map(|(reason, rows)| (*reason, *rows))
    }
}

/// Whether any of the policies mentions `aws:userid`, be it as a key or as a variable.
fn names_user_id(policies: &Policies<'_>) -> bool {
    let name = key::USER_ID.name().to_ascii_lowercase();
    let documents = policies.sets().flat_map(|set| set.documents());
    documents.into_iter().any(|document| document.source().to_ascii_lowercase().contains(&name))
}
