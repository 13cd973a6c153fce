//! The keys of a manifest, by what their values may be.

/// Those whose values are no secrets: all that the schema of manifests has, but for the two that hold
/// references.
#[rustfmt::skip]
pub(super) const OPEN: [&str; 128] = [
    "accessKeyId", "accessLog", "account", "accounts", "admin", "allow", "allowEncodedSlash",
    "allowSemicolon", "api", "arn", "audience", "audiences", "authorization",
    "authorizationDetails", "basic", "bodyBytesMax", "bodyTimeoutMs", "boundary", "bridge",
    "broker", "burst", "by", "bytesMax", "ca", "cache", "cacheBytesMax", "certificate",
    "clientId", "clockSkewS", "cloudWatch", "connectTimeoutMs", "connectionsMax", "container",
    "credential", "credentialsInForm", "database", "drainTimeoutMs", "durationS",
    "durationSMax", "durationSMin", "entryBytesMax", "file", "filesMax", "format", "from",
    "gateway", "group", "groups", "handshakeTimeoutMs", "headBytesMax", "headTimeoutMs",
    "header", "headers", "headersMax", "hosts", "id", "identities", "idleTimeoutMs", "inject",
    "issuer", "journal", "jwks", "key", "learnQuota", "leasesMax", "leasesPerCallerMax",
    "limits", "listen", "log", "logLinesMax", "masterKeys", "metadata", "methods", "name",
    "names", "network", "oauth2", "parameters", "partition", "path", "paths", "policies",
    "presignedLifetimeSMax", "principal", "provider", "public", "query", "rate",
    "refuseReplays", "region", "resourceControl", "resourcePolicy", "restApis", "revocations",
    "role", "route", "scope", "scrubBody", "server", "serverId", "service", "serviceControl",
    "session", "sessionSMax", "shared", "sigv4", "sslMode", "stage", "stages", "stream",
    "streamsMax", "sts", "tags", "template", "throttle", "timeoutMs", "tls", "tokenFile",
    "tokenUpstream", "trust", "ttlS", "ttlSMax", "unsignedPayload", "upstream", "url", "user",
    "userId", "username",
];

/// Those under which every key is the author's own.
pub(super) const FREE: [&str; 3] = ["hosts", "names", "tags"];

/// Those under which a reference to a secret stands.
pub(super) const REFERRING: [&str; 5] =
    ["credential", "key", "masterKeys", "password", "tokenFile"];

/// Those of credentials and references, whose values are shown if they read as names.
pub(super) const OF_REFERENCES: [&str; 35] = [
    "accessKeyId",
    "address",
    "audience",
    "burst",
    "by",
    "caFile",
    "clientId",
    "credentialsInForm",
    "dangerPlainHttp",
    "endpoint",
    "env",
    "field",
    "file",
    "format",
    "inject",
    "key",
    "login",
    "masterKeys",
    "mount",
    "name",
    "namespace",
    "rate",
    "region",
    "role",
    "scope",
    "secretsManager",
    "service",
    "stage",
    "throttle",
    "tokenFile",
    "tokenUpstream",
    "upstream",
    "username",
    "vault",
    "version",
];

/// Whether a manifest has this key anywhere.
pub(super) fn is_known(key: &str) -> bool {
    OPEN.contains(&key) || REFERRING.contains(&key) || OF_REFERENCES.contains(&key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The names of all properties in a schema.
    fn properties<'s>(schema: &'s Value, found: &mut BTreeSet<&'s str>) {
        match schema {
            Value::Object(fields) => {
                let named = fields.get("properties").and_then(Value::as_object);
                found.extend(named.into_iter().flat_map(|it| it.keys()).map(String::as_str));
                fields.values().for_each(|it| properties(it, found));
            }
            Value::Array(items) => items.iter().for_each(|it| properties(it, found)),
            _ => {}
        }
    }

    #[test]
    fn every_key_of_the_schema_is_known() {
        let schema = include_str!("../../../../fixtures/schemas/manifest.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let mut found = BTreeSet::new();
        properties(&schema, &mut found);
        assert!(found.remove("secret") && found.remove("password"));
        assert_eq!(found, BTreeSet::from(OPEN));
    }
}
