//! Deciding the calls of a log with an account's policies.

use hashbrown::HashMap;
use tollgate_policy::{
    Decision, Explanation, Policies, Principal, Request, authorize, explain, write_request_arn,
};
use tollgate_store::{Account, ApiEntry, Applicable};

use crate::call::{self, Call};
use crate::context::{Assumption, ReferencedKeys};
use crate::intern::OTHER_NUMBER;
use crate::rows::Row;

/// The action of a request that is not logged with another.
pub(crate) const INVOKE: &str = "execute-api:Invoke";

pub(crate) const UNTOLD_API: &str = "the API is not in the account, or the log does not tell it";
pub(crate) const UNTOLD_PATH: &str = "the log does not tell the path";

/// Replays calls against one account. Not shared between threads: each worker has its own.
pub(crate) struct Replay<'a> {
    account: &'a Account,
    assumed: &'a [Assumption],
    bindings: Vec<Binding<'a>>,
    known: HashMap<Bound, usize>,
    by_caller: HashMap<(u32, usize), usize>,
}

/// A decided call: by which binding, and how; or why it could not be decided.
#[derive(Clone)]
pub(crate) struct Decided {
    pub(crate) binding: usize,
    pub(crate) decision: Result<Decision, &'static str>,
}

/// What decides a caller's calls of an API; the same for all callers with the same policies.
pub(crate) struct Binding<'a> {
    pub(crate) applicable: Applicable<'a>,
    policies: Policies<'a>,
    keys: ReferencedKeys<'a>,
}

/// What a binding depends on: the principal's entry in the account, whether it belongs to the
/// account, and the API, each by its place in memory.
type Bound = (usize, bool, usize);

impl<'a> Replay<'a> {
    /// A replay with the policies of `account`, and values to assume for what the log does not tell.
    pub(crate) fn new(account: &'a Account, assumed: &'a [Assumption]) -> Replay<'a> {
        let (known, by_caller) = Default::default();
        Replay { account, assumed, bindings: Vec::new(), known, by_caller }
    }

    /// Decides a call whose request ARN is `resource`, unless the log does not tell that.
    pub(crate) fn decide(
        &mut self,
        call: Call<'_, '_>,
        resource: Result<&str, &'static str>,
    ) -> Decided {
        // The account's own entry of the API: another account's would bring its own policies.
        let api = call::api(self.account, call.row);
        let number = self.bind(call.caller, call.caller_number, api);
        let decision = match (resource, self.binding(number)) {
            (Ok(resource), Some(bound)) => Ok(bound.decide(call.row, call.caller, api, resource)),
            (Ok(_), None) => Err(UNTOLD_API),
            (Err(reason), _) => Err(reason),
        };
        Decided { binding: number, decision }
    }

    /// The number of the binding for a caller and an API. `number` is the caller's, for
    /// remembering the answer.
    pub(crate) fn bind(&mut self, caller: &str, number: u32, api: Option<&'a ApiEntry>) -> usize {
        let place = (number, api.map_or(0, address));
        if let Some(&known) = self.by_caller.get(&place) {
            return known;
        }
        let principal = Principal::parse(caller).unwrap_or(Principal::ANONYMOUS);
        let applicable = self.account.policies_for(&principal, api);
        let same_account = principal.account() == Some(self.account.id());
        let bound = (applicable.subject().map_or(0, address), same_account, place.1);
        let number = *self.known.entry(bound).or_insert_with(|| {
            let policies = applicable.policies();
            let keys = ReferencedKeys::of(&policies, &applicable, self.assumed);
            self.bindings.push(Binding { applicable, policies, keys });
            self.bindings.len() - 1
        });
        if place.0 != OTHER_NUMBER {
            self.by_caller.insert(place, number);
        }
        number
    }

    /// A binding by its number.
    pub(crate) fn binding(&self, number: usize) -> Option<&Binding<'a>> {
        self.bindings.get(number)
    }
}

fn address<T>(thing: &T) -> usize {
    std::ptr::from_ref(thing) as usize
}

impl<'a> Binding<'a> {
    /// Decides one call.
    fn decide(
        &self,
        row: Row<'_, '_>,
        caller: &str,
        api: Option<&ApiEntry>,
        resource: &str,
    ) -> Decision {
        let request = self.request(row, caller, api, resource);
        authorize(&self.policies, &request)
    }

    /// Decides one call and tells everything about it.
    pub(crate) fn explain(
        &self,
        row: Row<'_, '_>,
        caller: &str,
        api: Option<&ApiEntry>,
        resource: &str,
    ) -> Explanation {
        explain(&self.policies, &self.request(row, caller, api, resource))
    }

    /// The request of a row.
    pub(crate) fn request<'r>(
        &'r self,
        row: Row<'r, 'r>,
        caller: &'r str,
        api: Option<&'r ApiEntry>,
        resource: &'r str,
    ) -> Request<'r> {
        let parsed = Principal::parse(caller);
        let mut principal = parsed.unwrap_or(Principal::ANONYMOUS);
        if let Some(id) = row.caller_id() {
            principal = principal.with_user_id(id);
        }
        let action = row.action().unwrap_or(INVOKE);
        let mut request = Request::new(principal, action, resource);
        for (key, value) in self.keys.values(row, api, parsed.is_some()) {
            request.context.set(key, value);
        }
        request
    }
}

/// Writes the ARN that a call was authorized against, or says why the log does not tell it.
pub(crate) fn write_resource(
    arn: &mut String,
    row: Row<'_, '_>,
    api: Option<&ApiEntry>,
    method: &str,
    path: Option<&str>,
) -> Result<(), &'static str> {
    if let (Some(resource), None) = (row.resource(), row.path()) {
        arn.clear();
        arn.push_str(resource);
        return Ok(());
    }
    let api = api.ok_or(UNTOLD_API)?;
    let stage = call::stage(api, row).ok_or(UNTOLD_API)?;
    write_request_arn(arn, &api.api(), stage, method, path.ok_or(UNTOLD_PATH)?);
    Ok(())
}
