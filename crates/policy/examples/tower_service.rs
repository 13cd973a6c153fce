//! A tower service behind IAM policies: only requests that they allow reach it.
//!
//! The policies are compiled once and shared; each request is decided where it stands, without I/O
//! and without allocating. Whoever verified the caller's signature has put its ARN into the
//! request's extensions.
//!
//! ```text
//! cargo run -p tollgate-policy --example tower_service
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use http::{Request, Response};
use tollgate_policy::{
    Api, Documents, Outcome, PolicyDocument, PolicySets, PolicyType, Principal, authorize, explain,
    key, write_request_arn,
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Sid": "ReadIssues", "Effect": "Allow", "Action": "execute-api:Invoke",
    "Resource": "arn:aws:execute-api:*:*:a1b2c3/prod/GET/repos/acme/site/issues"
}}"#;

const API: Api<'_> =
    Api { partition: "aws", region: "eu-west-1", account: "111122223333", id: "a1b2c3" };

/// The caller whom an earlier layer verified.
#[derive(Clone)]
struct Caller(&'static str);

/// Gives the request back if the policies allow it, else the answer that AWS would give.
fn guard<B>(policies: &PolicySets, request: Request<B>) -> Result<Request<B>, BoxError> {
    let caller = request.extensions().get().and_then(|Caller(arn)| Principal::parse(arn));
    let caller = caller.unwrap_or(Principal::ANONYMOUS);
    let mut arn = String::new();
    write_request_arn(&mut arn, &API, "prod", request.method().as_str(), request.uri().path());
    let question = tollgate_policy::Request::new(caller, "execute-api:Invoke", &arn)
        .with(key::SECURE_TRANSPORT, true);
    match authorize(&policies.borrow(), &question).outcome {
        Outcome::Allowed => Ok(request),
        // Only a refusal pays for its explanation.
        _ => Err(explain(&policies.borrow(), &question).aws_message().unwrap_or_default().into()),
    }
}

async fn upstream(request: Request<&'static str>) -> Result<Response<String>, BoxError> {
    Ok(Response::new(format!("the upstream saw {} {}", request.method(), request.uri())))
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let identity = vec![PolicyDocument::parse(POLICY, PolicyType::Identity)?];
    let policies = Arc::new(Documents { identity, ..Documents::default() }.compile());
    let service = ServiceBuilder::new()
        .filter(move |request: Request<&'static str>| guard(&policies, request))
        .service_fn(upstream);
    for method in ["GET", "POST"] {
        let request = Request::builder()
            .method(method)
            .uri("/repos/acme/site/issues")
            .extension(Caller("arn:aws:sts::111122223333:assumed-role/issues-reader/app-1"))
            .body("")?;
        match service.clone().oneshot(request).await {
            Ok(response) => println!("200 {}", response.body()),
            Err(refusal) => println!("403 {refusal}"),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}
