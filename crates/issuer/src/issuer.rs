//! The issuer: what it is to do, which may change, and one function for each way in.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Response;
use http::header::USER_AGENT;
use tollgate_gateway::KeySource;
use tollgate_sts::{
    Answer, Entropy, Fault, FaultCode, Operation, Record, Reply, Revocations, Service, StsRequest,
    Ticket, Used,
};

use crate::answer::{Arrived, response};
use crate::event::{Event, Observer};
use crate::keys::{GatewayKeys, StsKeys};
use crate::plan::{Plan, read_revocations};

/// Issues sessions, as its plan says, until it is told otherwise.
pub struct Issuer {
    plan: ArcSwap<Plan>,
    revocations: ArcSwap<Revocations>,
    /// Presigned requests that were used; no reload makes them good again.
    pub(crate) used: Used,
    observer: Observer,
}

impl Issuer {
    /// An issuer that tells `observer` of every request.
    pub fn new(plan: Arc<Plan>, observer: Observer) -> Arc<Issuer> {
        let revocations = ArcSwap::new(Arc::clone(&plan.revocations));
        let plan = ArcSwap::new(plan);
        Arc::new(Issuer { plan, revocations, used: Used::default(), observer })
    }

    /// What it does now.
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    pub(crate) fn revocations(&self) -> Arc<Revocations> {
        self.revocations.load_full()
    }

    /// Requests that arrive from now on are answered by another plan.
    pub fn replace(&self, plan: Arc<Plan>) {
        self.revocations.store(Arc::clone(&plan.revocations));
        self.plan.store(plan);
    }

    /// For the gateway: the keys of the sessions of a plan.
    pub fn session_keys(self: &Arc<Self>, plan: Arc<Plan>) -> Arc<KeySource> {
        Arc::new(GatewayKeys::new(Arc::clone(self), plan))
    }

    /// Reads the file of what is revoked. How many entries it has; `None` without such a file.
    ///
    /// # Errors
    /// What is wrong with it. What was revoked before stays revoked.
    pub fn read_revocations(&self) -> Result<Option<usize>, String> {
        let Some(path) = self.revocations_file() else { return Ok(None) };
        let revocations = read_revocations(&path)?;
        let count = revocations.len();
        self.revocations.store(Arc::new(revocations));
        Ok(Some(count))
    }

    /// When the file of what is revoked was last written, for whoever watches it.
    pub fn revocations_written(&self) -> Option<SystemTime> {
        std::fs::metadata(self.revocations_file()?).and_then(|it| it.modified()).ok()
    }

    fn revocations_file(&self) -> Option<std::path::PathBuf> {
        self.plan.load().revocations_file.as_deref().map(Path::to_owned)
    }

    /// Answers a request to the service: AWS's query protocol at `/`, the bridge at `/bridge`.
    pub async fn answer_sts(&self, arrived: Arrived) -> Response<Bytes> {
        match arrived.head.uri.path() {
            "/" => self.answer_query(arrived).await,
            "/bridge" => self.answer_bridge(arrived).await,
            _ => {
                let event = self.event(&arrived, None);
                self.finish(event, Answer::text(404, "not found"), None)
            }
        }
    }

    async fn answer_query(&self, arrived: Arrived) -> Response<Bytes> {
        let (plan, revocations) = (self.plan(), self.revocations());
        let mut event = self.event(&arrived, None);
        let Some(entropy) = entropy() else {
            let answer = Answer::fault(&no_randomness(), &event.request_id);
            return self.finish(event, answer, Some(no_randomness()));
        };
        let ticket = Ticket { request_id: event.request_id.clone(), entropy };
        let service = Service {
            authority: plan.authority(),
            keys: &plan.keys,
            providers: &plan.providers,
            verifier: &plan.verifier,
        };
        let lookup = StsKeys { plan: &plan, revocations: &revocations };
        let pairs = arrived.pairs();
        let request = StsRequest { head: arrived.signed(&pairs), body: &arrived.body };
        let call = arrived.call();
        let reply = service.answer(request, &call, &lookup, &plan.fetchers, &ticket);
        let Reply { answer, record } = reply.await;
        let Record { operation, caller, access_key_id, role, session, fault } = record;
        event.action = operation.map(action_name);
        event.caller = caller;
        event.access_key_id = access_key_id;
        event.role = role;
        event.session = session.as_ref().map(Into::into);
        self.finish(event, answer, fault)
    }

    /// What is known of a request from the start.
    pub(crate) fn event(&self, arrived: &Arrived, action: Option<&'static str>) -> Event {
        Event {
            time: arrived.at,
            request_id: request_id(),
            action,
            source_ip: arrived.peer.to_string(),
            user_agent: arrived.header(&USER_AGENT).map(str::to_owned),
            ..Event::default()
        }
    }

    /// Says what happened, and answers.
    pub(crate) fn finish(
        &self,
        mut event: Event,
        answer: Answer,
        fault: Option<Fault>,
    ) -> Response<Bytes> {
        event.status = answer.status;
        event.error_code = fault.as_ref().map(|fault| fault.code.name());
        event.error = match fault {
            Some(fault) => Some(fault.detail.unwrap_or(fault.message)),
            None => (answer.status >= 400).then(|| answer.body.clone()),
        };
        (self.observer)(&event);
        response(answer, &event.request_id)
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("plan", &self.plan).finish_non_exhaustive()
    }
}

pub(crate) fn no_randomness() -> Fault {
    Fault::new(FaultCode::InternalFailure, "An internal error has occurred")
        .with_detail("the system has no randomness to make a session of")
}

/// Random bytes for a session; `None` if the system has none.
pub(crate) fn entropy() -> Option<Entropy> {
    let mut bytes = [0; Entropy::BYTES];
    getrandom::fill(&mut bytes).ok()?;
    Some(Entropy(bytes))
}

fn action_name(operation: Operation) -> &'static str {
    match operation {
        Operation::AssumeRole => "AssumeRole",
        Operation::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
        Operation::GetCallerIdentity => "GetCallerIdentity",
        Operation::GetSessionToken => "GetSessionToken",
    }
}

/// A UUID, version 4. Without randomness it is all the same, and names nothing.
fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    let _ = getrandom::fill(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_a_uuid_of_version_four() {
        let id = request_id();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, request_id());
    }
}
