//! The request table: one Arrow schema for every log format.
//!
//! Each [`Field`] is a column. A decoder fills only the columns of its
//! [`Projection`], in the order of the enum; what a log does not say is null.
//! Every text column is a `Utf8View` whose views point into the block of log
//! that was read, so that a value is never copied on its way to a report.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};

/// How a column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Utf8View`.
    Text,
    /// `UInt16`: an HTTP status.
    Status,
    /// `UInt64`: a count, a size in bytes or a duration.
    Number,
    /// `Timestamp(Millisecond, "+00:00")`.
    Time,
    /// `Boolean`.
    Flag,
}

impl Kind {
    /// The Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8View,
            Kind::Status => DataType::UInt16,
            Kind::Number => DataType::UInt64,
            Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())),
            Kind::Flag => DataType::Boolean,
        }
    }
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident: $name:literal $kind:ident $variable:literal,)+) => {
        /// One column of the request table.
        ///
        /// The first paragraph of each says what it holds; then its unit where
        /// it has one, and the `$context` variable (API Gateway) or field that
        /// it is read from. Derived columns say from what.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Field {
            /// Every column, in the order of the table.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)+];

            /// The column's name.
            pub fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)+ }
            }

            /// How the column is stored.
            pub fn kind(self) -> Kind {
                match self { $(Field::$variant => Kind::$kind,)+ }
            }

            /// The variable that the column is read from, without `$context.`;
            /// empty for columns that no variable of API Gateway fills.
            pub fn variable(self) -> &'static str {
                match self { $(Field::$variant => $variable,)+ }
            }
        }
    };
}

fields! {
    /// When the request was received, UTC milliseconds:
    /// `requestTimeEpoch`, else `requestTime`, else the envelope's timestamp.
    Time: "time" Time "requestTimeEpoch",
    /// `requestId`. The client can choose it: it identifies nothing.
    RequestId: "request_id" Text "requestId",
    /// `extendedRequestId`: API Gateway's own id, fit for de-duplication.
    ExtendedRequestId: "extended_request_id" Text "extendedRequestId",
    /// The id that CloudWatch Logs gave the event, or CloudTrail's `eventID`.
    EventId: "event_id" Text "",
    /// The account that owns the API: `accountId`, else the envelope's `owner`.
    AccountId: "account_id" Text "accountId",
    /// CloudTrail's `awsRegion`, or the region in `domainName`'s place.
    Region: "region" Text "",
    /// `apiId`.
    ApiId: "api_id" Text "apiId",
    /// `stage`.
    Stage: "stage" Text "stage",
    /// `domainName`: the host the client asked.
    DomainName: "domain_name" Text "domainName",
    /// `httpMethod`.
    Method: "method" Text "httpMethod",
    /// `resourcePath`: the route with its placeholders, `/pets/{petId}`.
    ResourcePath: "resource_path" Text "resourcePath",
    /// `routeKey` of HTTP and WebSocket APIs: `GET /pets`, `$connect`.
    RouteKey: "route_key" Text "routeKey",
    /// `path`: the path as requested, stage included.
    Path: "path" Text "path",
    /// `protocol`: `HTTP/1.1`.
    Protocol: "protocol" Text "protocol",
    /// `status`: the HTTP status that the client received. CloudTrail logs
    /// none; a denied call is given 403.
    Status: "status" Status "status",
    /// `responseLength`, bytes.
    ResponseLength: "response_length" Number "responseLength",
    /// `dataProcessed` of HTTP APIs, bytes.
    DataProcessed: "data_processed" Number "dataProcessed",
    /// `responseLatency`: from receiving the request to answering it, milliseconds.
    ResponseLatency: "response_latency_ms" Number "responseLatency",
    /// `integrationLatency`: the upstream's share, milliseconds.
    IntegrationLatency: "integration_latency_ms" Number "integrationLatency",
    /// `integrationStatus`: the status that the integration answered.
    IntegrationStatus: "integration_status" Status "integrationStatus",
    /// `integrationErrorMessage` or `integration.error`.
    IntegrationError: "integration_error" Text "integrationErrorMessage",
    /// `identity.userArn`: the caller. For an assumed role, the session's ARN.
    UserArn: "user_arn" Text "identity.userArn",
    /// `identity.caller`: the caller's unique id, `AROA…:session`.
    Caller: "caller" Text "identity.caller",
    /// `identity.user`.
    User: "user" Text "identity.user",
    /// `identity.accessKey`: the access key id that signed.
    AccessKeyId: "access_key_id" Text "identity.accessKey",
    /// The IAM principal, for policies: the role's ARN for a session (from
    /// CloudTrail's session issuer, else derived from `user_arn`), else `user_arn`.
    PrincipalArn: "principal_arn" Text "",
    /// Role name, derived from `user_arn`.
    Role: "role" Text "",
    /// Role session name, derived from `user_arn`.
    Session: "session" Text "",
    /// `identity.accountId`: the caller's account; else derived from `user_arn`.
    CallerAccount: "caller_account" Text "identity.accountId",
    /// `identity.principalOrgId`.
    PrincipalOrgId: "principal_org_id" Text "identity.principalOrgId",
    /// `identity.apiKeyId`.
    ApiKeyId: "api_key_id" Text "identity.apiKeyId",
    /// `authorizer.principalId`: what a Lambda authorizer called the caller.
    PrincipalId: "principal_id" Text "authorizer.principalId",
    /// `identity.sourceIp`.
    SourceIp: "source_ip" Text "identity.sourceIp",
    /// `identity.userAgent`. Chosen by the client.
    UserAgent: "user_agent" Text "identity.userAgent",
    /// `identity.vpcId`. Here `-` is a value: the request came through no VPC endpoint.
    VpcId: "vpc_id" Text "identity.vpcId",
    /// `identity.vpceId`, or CloudTrail's `vpcEndpointId`. Here `-` is a value, too.
    VpceId: "vpce_id" Text "identity.vpceId",
    /// `error.message`.
    ErrorMessage: "error_message" Text "error.message",
    /// `error.responseType`: `ACCESS_DENIED`; CloudTrail's `errorCode`.
    ErrorType: "error_type" Text "error.responseType",
    /// `authorizer.error`.
    AuthorizerError: "authorizer_error" Text "authorizer.error",
    /// `authorizer.status`.
    AuthorizerStatus: "authorizer_status" Status "authorizer.status",
    /// `authorizer.latency`, milliseconds.
    AuthorizerLatency: "authorizer_latency_ms" Number "authorizer.latency",
    /// `authorize.status`: the outcome of the authorization attempt.
    AuthorizeStatus: "authorize_status" Status "authorize.status",
    /// `authenticate.status`: the outcome of the authentication attempt.
    AuthenticateStatus: "authenticate_status" Status "authenticate.status",
    /// `wafResponseCode`, or `waf.status`.
    WafResponse: "waf_response" Text "wafResponseCode",
    /// `xrayTraceId`.
    XrayTraceId: "xray_trace_id" Text "xrayTraceId",
    /// `eventType` of WebSocket APIs: `CONNECT`, `MESSAGE`, `DISCONNECT`.
    EventType: "event_type" Text "eventType",
    /// `connectionId` of WebSocket APIs.
    ConnectionId: "connection_id" Text "connectionId",
    /// The action asked for: CloudTrail's, or the one that a denial's text names.
    Action: "action" Text "",
    /// The resource that a denial's text names, its masked account id restored
    /// when the row leaves one possibility.
    Resource: "resource" Text "",
    /// The policy type that a denial's text names: `identity-based`, `service control` …
    DeniedBy: "denied_by" Text "",
    /// Whether a denial's text says that the deny was explicit.
    DeniedExplicitly: "denied_explicitly" Flag "",
    /// The third party that the request was forwarded to.
    Upstream: "upstream" Text "",
    /// The alias (never the value) of the credential that was injected.
    Credential: "credential" Text "",
    /// `x-ratelimit-limit`: requests per window.
    RateLimit: "rl_limit" Number "",
    /// `x-ratelimit-remaining`.
    RateRemaining: "rl_remaining" Number "",
    /// `x-ratelimit-used`.
    RateUsed: "rl_used" Number "",
    /// `x-ratelimit-reset` in any of its forms (epoch seconds or milliseconds,
    /// delta, duration, HTTP date), as the moment of the reset.
    RateReset: "rl_reset" Time "",
    /// `x-ratelimit-resource`: which of the credential's buckets.
    RateResource: "rl_resource" Text "",
    /// `RateLimit-Policy` of the IETF draft as logged: `"burst";q=100;w=60, "daily";q=1000;w=86400`.
    RatePolicy: "rl_policy" Text "",
    /// `RateLimit` of the IETF draft as logged: `"burst";r=50;t=30`. See [`crate::RateTold`].
    RateState: "rl_state" Text "",
    /// `x-ratelimit-limit-tokens`: tokens per window, where requests have a limit of their own.
    TokenLimit: "rl_tokens_limit" Number "",
    /// `x-ratelimit-remaining-tokens`.
    TokenRemaining: "rl_tokens_remaining" Number "",
    /// `x-ratelimit-reset-tokens`, as the moment of the reset.
    TokenReset: "rl_tokens_reset" Time "",
    /// `retry-after`, seconds from the request; an HTTP date is converted.
    RetryAfter: "retry_after_s" Number "",
    /// Variables with no column of their own, as a JSON object of strings.
    Extra: "extra" Text "",
    /// Whether the line looks tampered with: a key that occurs twice, or a
    /// value that holds the syntax of the log around it.
    Suspect: "suspect" Flag "",
}

impl Field {
    /// The column called `name`.
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The column as Arrow describes it; the variable is in its metadata.
    pub fn arrow(self) -> arrow::datatypes::Field {
        let field = arrow::datatypes::Field::new(self.name(), self.kind().data_type(), true);
        match self.variable() {
            "" => field,
            variable => field.with_metadata(
                [("variable".to_owned(), format!("$context.{variable}"))].into_iter().collect(),
            ),
        }
    }
}

/// The most columns that there can be.
pub(crate) const FIELDS_MAX: usize = 128;

/// A set of columns: the only ones that are decoded.
///
/// ```
/// use tollgate_log::{Field, Projection};
///
/// let projection = Projection::of([Field::Status, Field::Time]);
/// assert!(projection.contains(Field::Time));
/// let names: Vec<_> = projection.fields().map(Field::name).collect();
/// assert_eq!(names, ["time", "status"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Projection(u128);

const _: () = assert!(Field::ALL.len() <= FIELDS_MAX, "a projection is a set of bits");

impl Projection {
    /// No column.
    pub const NONE: Projection = Projection(0);

    /// Every column.
    pub fn all() -> Self {
        Self::of(Field::ALL.iter().copied())
    }

    /// These columns.
    pub fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        fields.into_iter().fold(Self::NONE, Self::with)
    }

    /// These columns and one more.
    pub fn with(self, field: Field) -> Self {
        Projection(self.0 | 1 << field as u8)
    }

    /// The columns of both.
    pub fn union(self, other: Projection) -> Self {
        Projection(self.0 | other.0)
    }

    /// Whether the column is one of the set.
    pub fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u8 != 0
    }

    /// Which of the columns one is, from 0, if it is one.
    pub(crate) fn place(self, field: Field) -> Option<usize> {
        let before = self.0 & ((1 << field as u8) - 1);
        self.contains(field).then_some(before.count_ones() as usize)
    }

    /// The columns, in the order of the table.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |&field| self.contains(field))
    }

    /// The schema of a batch with these columns.
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.fields().map(Field::arrow).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Field::ALL.len());
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        for &field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(field));
        }
    }

    #[test]
    fn a_projection_keeps_the_order_of_the_table() {
        let projection = Projection::of([Field::Suspect, Field::Path, Field::Time]);
        let fields: Vec<_> = projection.fields().collect();
        assert_eq!(fields, [Field::Time, Field::Path, Field::Suspect]);
        assert_eq!(projection.schema().fields().len(), 3);
        for (place, field) in projection.fields().enumerate() {
            assert_eq!(projection.place(field), Some(place));
        }
        assert_eq!(projection.place(Field::Status), None);
    }
}
