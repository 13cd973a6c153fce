//! Web identity: a token that vouches for the workload is exchanged for a session of a role.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use http::{Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::{
    Credentials, endpoint, endpoint_of_environment, region_of_environment, variable,
};
use super::{Fetch, Provider, expiry, text_of_file};
use crate::Environment;
use crate::client::{Answer, Client, PlainHttp};
use crate::error::CallError;

/// What is encoded in a form: everything but RFC 3986's unreserved characters.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A role that the workload's token lets us assume.
pub(in super::super) struct WebIdentity {
    token_file: PathBuf,
    role: String,
    session: String,
    endpoint: String,
    client: Client,
}

impl WebIdentity {
    /// The role and token, if the environment names a token file.
    pub(in super::super) fn configured(
        environment: &Environment,
        client: &Client,
    ) -> Result<Option<WebIdentity>, CallError> {
        let Some(token_file) = variable(environment, "AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Ok(None);
        };
        let role = variable(environment, "AWS_ROLE_ARN").ok_or_else(|| {
            CallError::misconfigured(
                "`AWS_WEB_IDENTITY_TOKEN_FILE` is set, and `AWS_ROLE_ARN` is not",
            )
        })?;
        let session = variable(environment, "AWS_ROLE_SESSION_NAME");
        let endpoint = endpoint_of_environment(environment, "STS").unwrap_or_else(|| {
            region_of_environment(environment)
                .map_or("https://sts.amazonaws.com".to_owned(), |region| endpoint("sts", &region))
        });
        Ok(Some(WebIdentity {
            token_file: token_file.into(),
            role,
            session: session.unwrap_or_else(|| "tollgate".to_owned()),
            endpoint,
            client: client.clone(),
        }))
    }

    async fn request(&self) -> Result<Request<Bytes>, CallError> {
        let token = text_of_file(&self.token_file).await?;
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.role),
            ("RoleSessionName", &self.session),
            ("WebIdentityToken", &token),
        ];
        let form: Vec<String> = fields
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM)))
            .into();
        Request::post(&self.endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.join("&")))
            .map_err(|error| CallError::misconfigured(error.to_string()))
    }
}

impl Provider for WebIdentity {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async {
            let answer = self.client.call(self.request().await?, PlainHttp::Loopback).await?;
            session(&answer).map_err(|error| error.of(format_args!("`{}`", self.endpoint)))
        })
    }
}

/// The session in STS's answer.
fn session(answer: &Answer) -> Result<Credentials, CallError> {
    let mut elements = elements(&answer.body)?;
    let mut take = |name: &str| elements.remove(name).unwrap_or_default();
    if !answer.status.is_success() {
        return Err(CallError::denied(format!("{}: {}", take("Code"), take("Message"))));
    }
    let expiry = expiry(&take("Expiration"))?;
    let (id, secret) = (take("AccessKeyId"), take("SecretAccessKey"));
    Ok(Credentials::new(id, secret, Some(take("SessionToken")), Some(expiry), "web identity"))
}

/// The texts of all elements that hold nothing but text, by name.
fn elements(xml: &[u8]) -> Result<BTreeMap<String, String>, CallError> {
    let unreadable = || CallError::unavailable("expected an answer in XML, found something else");
    let xml = std::str::from_utf8(xml).map_err(|_| unreadable())?;
    let mut reader = Reader::from_str(xml);
    let mut elements = BTreeMap::new();
    let (mut name, mut text) = (String::new(), String::new());
    loop {
        match reader.read_event().map_err(|_| unreadable())? {
            Event::Start(start) => {
                name = start.local_name().into_inner().to_owned();
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => text.extend(character(&reference)),
            Event::End(_) if !name.is_empty() => {
                elements.insert(std::mem::take(&mut name), std::mem::take(&mut text));
            }
            Event::Eof => return Ok(elements),
            _ => (),
        }
    }
}

/// `&amp;` and `&#39;`.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    let named = match reference.xml10_content().as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    };
    named.or_else(|| reference.resolve_char_ref().ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_the_names_of_its_elements() {
        let xml = br#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
            <Code>AccessDenied</Code><Message>a &lt;b&gt; &amp; it&#39;s c</Message></Error></ErrorResponse>"#;
        let elements = elements(xml).unwrap();
        assert_eq!(elements["Code"], "AccessDenied");
        assert_eq!(elements["Message"], "a <b> & it's c");
    }
}
