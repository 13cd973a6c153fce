//! `POST /bridge`: a presigned `GetCallerIdentity` is exchanged for a session of whoever signed it.
//!
//! ```json
//! { "url": "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&…", "serverId": "gateway.example.com" }
//! ```
//!
//! The answer is the document that containers get.

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;
use tollgate_sts::{Answer, Fault, FaultCode, Fetch, Issued};

use crate::Issuer;
use crate::answer::Arrived;
use crate::deliver::json_fault;
use crate::event::Event;
use crate::issuer::{entropy, no_randomness};
use crate::plan::Plan;

/// What is handed over. It carries a signature, so it does not print.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Offer {
    /// The presigned URL.
    url: String,
    /// The value of the header that was signed with it.
    server_id: String,
}

impl Issuer {
    pub(crate) async fn answer_bridge(&self, arrived: Arrived) -> Response<Bytes> {
        let mut event = self.event(&arrived, Some("Bridge"));
        let plan = self.plan();
        if plan.bridge.is_none() {
            return self.finish(event, Answer::text(404, "not found"), None);
        }
        if arrived.head.method != Method::POST {
            return self.finish(event, Answer::text(405, "method not allowed"), None);
        }
        match self.exchange(&plan, &arrived, &mut event).await {
            Ok(issued) => {
                event.session = Some((&issued.session).into());
                self.finish(event, Answer::delivered(&issued), None)
            }
            Err(fault) => {
                let answer = json_fault(&fault);
                self.finish(event, answer, Some(fault))
            }
        }
    }

    async fn exchange(
        &self,
        plan: &Plan,
        arrived: &Arrived,
        event: &mut Event,
    ) -> Result<Issued, Fault> {
        let Some(bridge) = &plan.bridge else { return Err(malformed()) };
        let offer: Offer = serde_json::from_slice(&arrived.body).map_err(|_| malformed())?;
        let presigned = bridge.rules.check(&offer.url, &offer.server_id, arrived.at)?;
        let outgoing = presigned.outgoing(&self.used, arrived.at)?;
        let answer = bridge.fetcher.get(outgoing).await.map_err(|fault| {
            Fault::new(FaultCode::IdpCommunicationError, "AWS STS cannot be reached")
                .with_detail(format!("AWS STS cannot be reached: {fault}"))
        })?;
        let identity = bridge.rules.identify(&answer)?;
        event.caller = Some(identity.arn.clone());
        let grant = identity.grant(plan.durations);
        let entropy = entropy().ok_or_else(no_randomness)?;
        Ok(plan.keys.seal(grant, arrived.at, &entropy))
    }
}

fn malformed() -> Fault {
    let message = "expected a JSON object of the texts `url` and `serverId`";
    Fault::new(FaultCode::ValidationError, message)
}
