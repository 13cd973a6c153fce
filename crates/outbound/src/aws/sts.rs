//! The security token service, AWS's own or one that speaks its query protocol: sessions.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::Credentials;
use super::provider::expiry;
use super::sign::{Scope, sign};
use crate::client::{Answer, Client, PlainHttp};
use crate::error::CallError;

/// What is encoded in a form: everything but RFC 3986's unreserved characters.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const VERSION: &str = "2011-06-15";

/// A security token service.
#[derive(Clone)]
pub struct Sts {
    endpoint: String,
    client: Client,
}

/// Who signs a call, for which region, and when.
pub struct Signing<'a> {
    /// The caller's own.
    pub credentials: Credentials,
    /// The service's region.
    pub region: &'a str,
    /// Now.
    pub time: SystemTime,
}

impl Sts {
    /// The service at a URL, which must be `https` or on this machine.
    pub fn new(endpoint: &str, client: Client) -> Sts {
        Sts { endpoint: endpoint.trim_end_matches('/').to_owned(), client }
    }

    /// Begins a session by an action, `AssumeRole` or another, with its parameters. Only
    /// `AssumeRoleWithWebIdentity` is not signed.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, whose code and message are told.
    pub async fn session(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        signing: Option<Signing<'_>>,
    ) -> Result<Credentials, CallError> {
        let mut request = self.request(action, parameters)?;
        if let Some(Signing { credentials, region, time }) = signing {
            sign(&mut request, Scope { region, service: "sts" }, credentials, time)?;
        }
        let answer = self.client.call(request, PlainHttp::Loopback).await?;
        session(&answer).map_err(|error| error.of(format_args!("`{}`", self.endpoint)))
    }

    fn request(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Request<Bytes>, CallError> {
        let fixed = [("Action", action), ("Version", VERSION)];
        let form: Vec<String> = fixed
            .iter()
            .chain(parameters)
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM)))
            .collect();
        Request::post(format!("{}/", self.endpoint))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.join("&")))
            .map_err(|error| CallError::misconfigured(error.to_string()))
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
    Ok(Credentials::new(id, secret, Some(take("SessionToken")), Some(expiry), "sts"))
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
