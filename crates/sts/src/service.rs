//! The service: one request in, one answer out, and what the log is to say about it.
//!
//! ```text
//! bytes ─query─▶ Operation ─┬─verify the signature─▶ Caller ─┬─read─▶ action ─decide─▶ Grant ─seal─▶ answer
//!                           └─verify the ID token──▶ Claims ─┘
//! ```

use tollgate_sigv4::{KeyLookup, PayloadHash, RequestHead, Verifier};

use crate::action::{AssumeRole, Operation, WebIdentity, read_session_token};
use crate::answer::Answer;
use crate::assume::Authority;
use crate::caller::{Call, Caller};
use crate::federate::Providers;
use crate::fetch::Fetch;
use crate::query::Query;
use crate::{Entropy, Fault, FaultCode, Issued, KeyRing, Session};

/// What the service needs to answer one request: a snapshot of everything that can change.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Who decides.
    pub authority: Authority<'a>,
    /// What sessions are sealed with.
    pub keys: &'a KeyRing,
    /// Whose ID tokens are trusted.
    pub providers: &'a Providers,
    /// Verifies signatures for the service `sts`.
    pub verifier: &'a Verifier,
}

/// A request as it arrived, whole.
#[derive(Clone, Copy)]
pub struct StsRequest<'a> {
    /// Its head.
    pub head: RequestHead<'a>,
    /// Its body.
    pub body: &'a [u8],
}

/// What chance and counting give to a request.
#[derive(Clone)]
pub struct Ticket {
    /// The request's id.
    pub request_id: String,
    /// For the session that may come of it.
    pub entropy: Entropy,
}

/// An answer, and what the log is to say.
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// What happened.
    pub record: Record,
}

/// What happened: for the log. Holds no secret and no token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The action, if it is one.
    pub operation: Option<Operation>,
    /// The ARN that signed, or the subject of the ID token, once proven.
    pub caller: Option<String>,
    /// The access key that signed, once proven.
    pub access_key_id: Option<String>,
    /// The role that was asked for, once the request is well formed.
    pub role: Option<String>,
    /// The session that began.
    pub session: Option<Session>,
    /// Why none did.
    pub fault: Option<Fault>,
}

impl Service<'_> {
    /// Answers a request. `lookup` knows the keys that may sign it.
    pub async fn answer<K: KeyLookup<Identity = Caller>>(
        &self,
        request: StsRequest<'_>,
        call: &Call,
        lookup: &K,
        fetch: &dyn Fetch,
        ticket: &Ticket,
    ) -> Reply {
        let mut record = Record::default();
        let answered = match operation(&request) {
            Ok((Operation::AssumeRoleWithWebIdentity, query)) => {
                record.operation = Some(Operation::AssumeRoleWithWebIdentity);
                self.web_identity(query, call, fetch, ticket, &mut record).await
            }
            Ok((operation, query)) => {
                record.operation = Some(operation);
                self.verify(&request, call, lookup, &mut record).and_then(|caller| {
                    self.act(operation, query, &caller, call, ticket, &mut record)
                })
            }
            Err(fault) => Err(fault),
        };
        let answer = answered.unwrap_or_else(|fault| {
            let answer = Answer::fault(&fault, &ticket.request_id);
            record.fault = Some(fault);
            answer
        });
        Reply { answer, record }
    }

    fn verify<K: KeyLookup<Identity = Caller>>(
        &self,
        request: &StsRequest<'_>,
        call: &Call,
        lookup: &K,
        record: &mut Record,
    ) -> Result<Caller, Fault> {
        let body = PayloadHash::of(request.body);
        let verified = self.verifier.verify(&request.head, &body, lookup, call.now);
        let verified = verified.map_err(|refusal| Fault::from(&refusal))?;
        record.access_key_id = Some(verified.access_key_id().to_owned());
        record.caller = Some(verified.identity.principal.clone());
        Ok(verified.identity)
    }

    /// Does what a caller asks whose signature holds.
    fn act(
        &self,
        operation: Operation,
        query: Query,
        caller: &Caller,
        call: &Call,
        ticket: &Ticket,
        record: &mut Record,
    ) -> Result<Answer, Fault> {
        let durations = self.authority.durations;
        let id = &ticket.request_id;
        match operation {
            Operation::AssumeRole => {
                let asked = AssumeRole::read(query, durations)?;
                record.role = Some(asked.session.role_arn.clone());
                let grant = self.authority.assume_role(caller, call, asked)?;
                let issued = self.keys.seal(grant, call.now, &ticket.entropy);
                Ok(record.issued(&issued, Answer::assume_role(&issued, id)))
            }
            Operation::GetSessionToken => {
                let asked_s = read_session_token(query, durations)?;
                let grant = self.authority.session_token(caller, asked_s)?;
                let issued = self.keys.seal(grant, call.now, &ticket.entropy);
                Ok(record.issued(&issued, Answer::session_token(&issued, id)))
            }
            Operation::GetCallerIdentity => {
                query.finish()?;
                Ok(Answer::caller_identity(caller, id))
            }
            // Its callers have no signature to verify; it never comes here.
            Operation::AssumeRoleWithWebIdentity => {
                Err(Fault::new(FaultCode::InternalFailure, "An internal error has occurred"))
            }
        }
    }

    async fn web_identity(
        &self,
        query: Query,
        call: &Call,
        fetch: &dyn Fetch,
        ticket: &Ticket,
        record: &mut Record,
    ) -> Result<Answer, Fault> {
        let WebIdentity { session, token } = WebIdentity::read(query, self.authority.durations)?;
        record.role = Some(session.role_arn.clone());
        let claims = self.providers.verify(&token, call.now, fetch).await?;
        record.caller = Some(format!("{} of {}", claims.subject, claims.issuer));
        let grant = self.authority.assume_role_with_web_identity(&claims, call, session)?;
        let issued = self.keys.seal(grant, call.now, &ticket.entropy);
        let answer = Answer::web_identity(&issued, &claims, &ticket.request_id);
        Ok(record.issued(&issued, answer))
    }
}

impl Record {
    fn issued(&mut self, issued: &Issued, answer: Answer) -> Answer {
        self.session = Some(issued.session.clone());
        answer
    }
}

/// What is asked, before who asks.
fn operation(request: &StsRequest<'_>) -> Result<(Operation, Query), Fault> {
    let mut query = Query::parse(request.head.query, request.body)?;
    Ok((Operation::of(&mut query)?, query))
}
