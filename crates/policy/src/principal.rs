//! Who asks: a caller's ARN, taken apart once.

use std::borrow::Cow;

use crate::arn::ArnParts;

/// A caller. Made from its ARN by [`Principal::parse`]; borrows it and allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: PrincipalKind<'a>,
    pub(crate) partition: &'a str,
    pub(crate) account: Option<&'a str>,
    pub(crate) issuer: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) role: Option<Role<'a>>,
}

/// What the ARN of a role session does not tell of its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role<'a> {
    /// The role's ARN, with its path: what `aws:PrincipalArn` holds.
    pub arn: &'a str,
    /// Its unique id, `AROA…`; `aws:userid` holds that and the session's name, `AROA…:SESSION`.
    pub unique_id: Option<&'a str>,
}

/// What kind of caller an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrincipalKind<'a> {
    /// Nobody: an unsigned request.
    Anonymous,
    /// The account's root user, `arn:aws:iam::ACCOUNT:root`.
    Root,
    /// An IAM user, `…:user/path/NAME`.
    User {
        /// The name without its path.
        name: &'a str,
    },
    /// A role itself, `…:role/path/NAME`: one of its sessions, whichever.
    Role {
        /// The name without its path.
        name: &'a str,
    },
    /// A session of a role, `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`.
    RoleSession {
        /// The role's name; session ARNs leave out the role's path.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
    /// A federated user's session, `arn:aws:sts::ACCOUNT:federated-user/NAME`.
    FederatedUser {
        /// The session's name.
        name: &'a str,
    },
    /// A service, `lambda.amazonaws.com`.
    Service,
    /// An identity provider: its ARN (`…:oidc-provider/…`, `…:saml-provider/…`) or its domain name.
    Federated,
    /// Another ARN, matched only by itself and by everyone.
    Other,
}

impl<'a> Principal<'a> {
    /// An unsigned caller.
    pub const ANONYMOUS: Principal<'static> = Principal {
        text: "anonymous",
        kind: PrincipalKind::Anonymous,
        partition: "aws",
        account: None,
        issuer: None,
        user_id: None,
        role: None,
    };

    /// Reads a principal: an ARN, `anonymous`, a service (`NAME.amazonaws.com`) or the domain name
    /// of an identity provider. `None` for other text.
    pub fn parse(text: &'a str) -> Option<Principal<'a>> {
        if text == "anonymous" {
            return Some(Principal::ANONYMOUS);
        }
        let without_account = |kind| {
            Some(Principal {
                text,
                kind,
                partition: "aws",
                account: None,
                issuer: None,
                user_id: None,
                role: None,
            })
        };
        let Some(arn) = ArnParts::split(text) else {
            return match text {
                _ if text.starts_with("arn:") || !text.contains('.') => None,
                _ if text.contains(".amazonaws.com") && !text.starts_with("cognito-identity.") => {
                    without_account(PrincipalKind::Service)
                }
                _ => without_account(PrincipalKind::Federated),
            };
        };
        Some(Principal {
            text,
            kind: PrincipalKind::of_arn(&arn),
            partition: arn.partition,
            account: Some(arn.account).filter(|account| !account.is_empty()),
            issuer: None,
            user_id: None,
            role: None,
        })
    }

    /// Says who created a federated user's session: the ARN of the IAM user.
    #[must_use]
    pub fn issued_by(mut self, user_arn: &'a str) -> Principal<'a> {
        self.issuer = Some(user_arn);
        self
    }

    /// Says the unique id that `aws:userid` holds: `AIDA…`, or `AROA…:session` for a role session.
    #[must_use]
    pub fn with_user_id(mut self, user_id: &'a str) -> Principal<'a> {
        self.user_id = Some(user_id);
        self
    }

    /// Says of which role this is a session. Without it, `aws:PrincipalArn` is the ARN of a role of
    /// that name that has no path.
    #[must_use]
    pub fn of_role(mut self, role: Role<'a>) -> Principal<'a> {
        self.role = Some(role);
        self
    }

    /// The text it was made from.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// What `aws:userid` holds of it, as far as it was said.
    pub fn unique_id(&self) -> Option<Cow<'a, str>> {
        match (self.user_id, self.kind, self.role) {
            (Some(id), ..) => Some(Cow::Borrowed(id)),
            (None, PrincipalKind::RoleSession { session, .. }, Some(role)) => {
                Some(Cow::Owned(format!("{}:{session}", role.unique_id?)))
            }
            _ => None,
        }
    }

    /// The role that it was said to be a session of.
    pub fn role(&self) -> Option<Role<'a>> {
        self.role
    }

    /// What kind of caller this is.
    pub fn kind(&self) -> PrincipalKind<'a> {
        self.kind
    }

    /// The account that the caller belongs to; `None` for anonymous callers and services.
    pub fn account(&self) -> Option<&'a str> {
        self.account
    }
}

impl<'a> PrincipalKind<'a> {
    fn of_arn(arn: &ArnParts<'a>) -> PrincipalKind<'a> {
        let (head, rest) = cut(arn.resource).unwrap_or((arn.resource, ""));
        let last = || rest.rsplit('/').next().unwrap_or(rest);
        match (arn.service, head) {
            ("iam", "root") => PrincipalKind::Root,
            ("iam", "user") => PrincipalKind::User { name: last() },
            ("iam", "role") => PrincipalKind::Role { name: last() },
            ("iam", "oidc-provider" | "saml-provider") => PrincipalKind::Federated,
            ("sts", "assumed-role") => match cut(rest) {
                Some((role, session)) => PrincipalKind::RoleSession { role, session },
                None => PrincipalKind::Other,
            },
            ("sts", "federated-user") => PrincipalKind::FederatedUser { name: rest },
            _ => PrincipalKind::Other,
        }
    }
}

/// What stands before the first slash, and after it. The parts of ARNs are short: a search that is
/// made for long texts would take several times as long.
fn cut(text: &str) -> Option<(&str, &str)> {
    let slash = text.bytes().position(|byte| byte == b'/')?;
    Some((text.get(..slash)?, text.get(slash + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: PrincipalKind<'_>, account: Option<&str>) {
        let principal = Principal::parse(text).unwrap();
        assert_eq!((principal.kind(), principal.account()), (kind, account), "{text}");
    }

    #[test]
    fn arns_name_kinds_and_accounts() {
        let account = Some("111122223333");
        check("arn:aws:iam::111122223333:root", PrincipalKind::Root, account);
        check(
            "arn:aws:iam::111122223333:user/a/b/ana",
            PrincipalKind::User { name: "ana" },
            account,
        );
        check("arn:aws:iam::111122223333:role/t/R", PrincipalKind::Role { name: "R" }, account);
        check(
            "arn:aws:sts::111122223333:assumed-role/R/s1",
            PrincipalKind::RoleSession { role: "R", session: "s1" },
            account,
        );
        check(
            "arn:aws:sts::111122223333:federated-user/bob",
            PrincipalKind::FederatedUser { name: "bob" },
            account,
        );
        check("arn:aws:s3:::bucket", PrincipalKind::Other, None);
        check("lambda.amazonaws.com", PrincipalKind::Service, None);
        check("accounts.google.com", PrincipalKind::Federated, None);
        check("cognito-identity.amazonaws.com", PrincipalKind::Federated, None);
        check("anonymous", PrincipalKind::Anonymous, None);
    }

    #[test]
    fn other_text_is_no_principal() {
        for text in ["", "bob", "*", "123456789012", "arn:aws:iam::1"] {
            assert_eq!(Principal::parse(text), None, "{text}");
        }
    }
}
