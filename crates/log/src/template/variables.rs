//! Which variables API Gateway has.

use crate::names::NameMap;

/// Those that no column is read from, as the guides of REST, HTTP and WebSocket APIs list them.
const OTHERS: [&str; 30] = [
    "authenticate.error",
    "authenticate.latency",
    "authorize.error",
    "authorize.latency",
    "awsEndpointRequestId",
    "awsEndpointRequestId2",
    "cipherSuite",
    "connectedAt",
    "customDomain.basePathMatched",
    "customDomain.routingRuleIdMatched",
    "deploymentId",
    "disconnectReason",
    "disconnectStatusCode",
    "domainPrefix",
    "endpointType",
    "error.validationErrorString",
    "identity.apiKey",
    "identity.cognitoAuthenticationProvider",
    "identity.cognitoAuthenticationType",
    "identity.cognitoIdentityId",
    "identity.cognitoIdentityPoolId",
    "integration.requestId",
    "isCanaryRequest",
    "messageDirection",
    "messageId",
    "resourceId",
    "tlsVersion",
    "waf.error",
    "waf.latency",
    "webaclArn",
];

/// What begins those that an API's own parts name.
const FAMILIES: [&str; 4] =
    ["authorizer.", "identity.clientCert.", "requestOverride.", "responseOverride."];

/// Whether API Gateway has a variable, given without `$context.`, or a column is read from what is called so.
pub(super) fn is_known(variable: &str) -> bool {
    NameMap::default().target(variable).is_some()
        || OTHERS.contains(&variable)
        || FAMILIES.iter().any(|family| variable.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_listed_that_a_column_is_read_from() {
        let read = OTHERS.iter().filter(|it| NameMap::default().target(it).is_some());
        assert_eq!(read.collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn what_an_api_names_itself_is_known() {
        for variable in ["authorizer.claims.sub", "identity.clientCert.validity.notAfter", "path"] {
            assert!(is_known(variable), "{variable}");
        }
        for variable in ["foo", "authorizerx", "identity.userAnr"] {
            assert!(!is_known(variable), "{variable}");
        }
    }
}
