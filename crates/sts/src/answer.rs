//! From an outcome to the bytes of AWS's answer: XML for the query protocol, JSON for endpoints that
//! deliver credentials.

use quick_xml::escape::escape;
use serde::Serialize;

use crate::caller::Caller;
use crate::claims::Claims;
use crate::{Fault, FaultCode, Issued, packed};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An answer, ready to be sent. Its body may hold credentials: it does not print, and must be sent
/// with `Cache-Control: no-store`.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    fn xml(status: u16, root: &str, content: impl FnOnce(&mut Xml)) -> Answer {
        let mut xml = Xml(format!(r#"<{root} xmlns="{NAMESPACE}">"#));
        content(&mut xml);
        xml.0.push_str(&format!("</{root}>"));
        Answer { status, content_type: "text/xml", body: xml.0 }
    }

    /// The answer of an action: its result and the request's id.
    fn result(action: &str, request_id: &str, content: impl FnOnce(&mut Xml)) -> Answer {
        Answer::xml(200, &format!("{action}Response"), |xml| {
            xml.element(&format!("{action}Result"), content);
            xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
        })
    }

    /// `AssumeRole`.
    pub fn assume_role(issued: &Issued, request_id: &str) -> Answer {
        Answer::result("AssumeRole", request_id, |xml| xml.role_session(issued))
    }

    /// `AssumeRoleWithWebIdentity`.
    pub fn web_identity(issued: &Issued, claims: &Claims, request_id: &str) -> Answer {
        Answer::result("AssumeRoleWithWebIdentity", request_id, |xml| {
            xml.text("SubjectFromWebIdentityToken", &claims.subject);
            xml.text("Audience", &claims.audience);
            xml.text("Provider", issued.session.provider.as_deref().unwrap_or_default());
            xml.role_session(issued);
        })
    }

    /// `GetSessionToken`.
    pub fn session_token(issued: &Issued, request_id: &str) -> Answer {
        Answer::result("GetSessionToken", request_id, |xml| xml.credentials(issued))
    }

    /// `GetCallerIdentity`.
    pub fn caller_identity(caller: &Caller, request_id: &str) -> Answer {
        Answer::result("GetCallerIdentity", request_id, |xml| {
            xml.text("Arn", &caller.principal);
            xml.text("UserId", &caller.user_id);
            xml.text("Account", caller.account());
        })
    }

    /// An error.
    pub fn fault(fault: &Fault, request_id: &str) -> Answer {
        let at_fault = if fault.code == FaultCode::InternalFailure { "Receiver" } else { "Sender" };
        Answer::xml(fault.code.status(), "ErrorResponse", |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", at_fault);
                xml.text("Code", fault.code.name());
                xml.text("Message", &fault.message);
            });
            xml.text("RequestId", request_id);
        })
    }

    /// Credentials as containers, instances and `credential_process` get them: one document has the
    /// members of all three.
    ///
    /// Source: AWS SDKs and Tools Reference Guide, `feature-container-credentials`,
    /// `feature-process-credentials`; EC2 User Guide, `instance-metadata-security-credentials`.
    pub fn delivered(issued: &Issued) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Delivered<'a> {
            version: u8,
            code: &'static str,
            r#type: &'static str,
            last_updated: String,
            access_key_id: &'a str,
            secret_access_key: &'a str,
            token: &'a str,
            session_token: &'a str,
            expiration: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            role_arn: Option<&'a str>,
            account_id: &'a str,
        }
        let (session, credentials) = (&issued.session, &issued.credentials);
        Answer::json(
            200,
            &Delivered {
                version: 1,
                code: "Success",
                r#type: "AWS-HMAC",
                last_updated: session.issued_at.to_string(),
                access_key_id: &credentials.access_key_id,
                secret_access_key: credentials.expose_secret(),
                token: credentials.token.expose(),
                session_token: credentials.token.expose(),
                expiration: credentials.expires_at.to_string(),
                role_arn: session.role.as_deref(),
                account_id: session.principal.split(':').nth(4).unwrap_or_default(),
            },
        )
    }

    /// An error of an endpoint that delivers credentials.
    pub fn json_fault(status: u16, code: &str, message: &str) -> Answer {
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'a str,
            message: &'a str,
        }
        Answer::json(status, &Error { code, message })
    }

    fn json(status: u16, document: &impl Serialize) -> Answer {
        // Structures of strings are always JSON.
        let body = serde_json::to_string(document).unwrap_or_default();
        Answer { status, content_type: "application/json", body }
    }

    /// Plain text.
    pub fn text(status: u16, text: &str) -> Answer {
        Answer { status, content_type: "text/plain", body: text.to_owned() }
    }
}

/// Elements, written one after the other.
struct Xml(String);

impl Xml {
    fn element(&mut self, name: &str, content: impl FnOnce(&mut Xml)) {
        self.0.push_str(&format!("<{name}>"));
        content(self);
        self.0.push_str(&format!("</{name}>"));
    }

    /// Characters that XML cannot hold at all are replaced.
    fn text(&mut self, name: &str, text: &str) {
        let is_legal = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        let legal: String =
            text.chars().map(|c| if is_legal(c) { c } else { '\u{fffd}' }).collect();
        self.element(name, |xml| xml.0.push_str(&escape(legal.as_str())));
    }

    fn role_session(&mut self, issued: &Issued) {
        let session = &issued.session;
        self.credentials(issued);
        self.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &session.user_id);
            xml.text("Arn", &session.principal);
        });
        if let Some(percent) = packed::percentage(session) {
            self.text("PackedPolicySize", &percent.to_string());
        }
        if let Some(identity) = &session.source_identity {
            self.text("SourceIdentity", identity);
        }
    }

    fn credentials(&mut self, issued: &Issued) {
        let credentials = &issued.credentials;
        self.element("Credentials", |xml| {
            xml.text("AccessKeyId", &credentials.access_key_id);
            xml.text("SecretAccessKey", credentials.expose_secret());
            xml.text("SessionToken", credentials.token.expose());
            xml.text("Expiration", &credentials.expires_at.to_string());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_xml_whatever_it_says() {
        let fault = Fault::new(FaultCode::ValidationError, "Value '<\u{1}&' is\nno good");
        let answer = Answer::fault(&fault, "r-1");
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender\
             </Type><Code>ValidationError</Code><Message>Value &apos;&lt;\u{fffd}&amp;&apos; is\nno \
             good</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
    }
}
