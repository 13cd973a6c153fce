//! The rules by name: each finding carries a stable code, and each code explains itself.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, and worth knowing.
    Note,
    /// Legal, and almost never meant.
    Warning,
    /// Not a policy document.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $title:literal, $explanation:literal;)*) => {
        /// The rule that a finding is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!("`", $name, "`: ", $title, ".\n\n", $explanation)]
                $variant,
            )*
        }

        impl Code {
            /// All codes: those of errors, then those of lints.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// Its name in machine-readable output: `unknown-operator`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name),* }
            }

            /// How bad a finding with this code is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity),* }
            }

            /// The rule in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }

            /// The rule at length: what happens, why it matters, what to write instead.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $explanation),* }
            }
        }
    };
}

codes! {
    JsonSyntax = "json-syntax", Error, "the text is not JSON",
        "A policy document is one JSON object in UTF-8. JSON has no comments, no trailing commas and \
         no single quotes. A byte order mark at the start is skipped.";
    TooLong = "too-long", Error, "the document is longer than the limit",
        "A limit against hostile input, 1 MiB unless set otherwise. AWS's own quotas are far below \
         it; exceeding those is the lint `over-quota`.";
    TooDeep = "too-deep", Error, "the document is nested deeper than the limit",
        "A limit against hostile input, 32 levels unless set otherwise. No policy needs more than \
         seven.";
    WrongType = "wrong-type", Error, "a value has the wrong JSON type",
        "Elements hold strings or lists of strings; `Condition` and the principal map hold objects. \
         A single value stands for a list of one everywhere. Only condition values may be unquoted \
         numbers and booleans.";
    DuplicateKey = "duplicate-key", Error, "an object repeats a name",
        "Names are compared after JSON escapes are resolved. A parser that keeps the last value can \
         turn a Deny into an Allow, so no object of a policy may repeat a name.";
    DuplicateConditionKey = "duplicate-condition-key", Error, "a condition key stands twice under one operator",
        "Names of condition keys are case-insensitive, so `aws:username` and `AWS:UserName` are the \
         same key. To compare a key with several values, give it a list.";
    DuplicateSid = "duplicate-sid", Error, "two statements have the same Sid",
        "A `Sid` identifies its statement, so it is unique in its document. Empty ones do not count \
         (our choice: consoles write `\"Sid\": \"\"`).";
    UnknownElement = "unknown-element", Error, "an element does not exist",
        "Element names are case-sensitive. A document has `Version`, `Id` and `Statement`; a \
         statement has `Sid`, `Effect`, `Principal` or `NotPrincipal`, `Action` or `NotAction`, \
         `Resource` or `NotResource`, and `Condition`.";
    MissingStatement = "missing-statement", Error, "the document has no Statement",
        "A document needs the element `Statement`: one object, or a list of them.";
    MissingEffect = "missing-effect", Error, "a statement has no Effect",
        "A statement says `\"Effect\": \"Allow\"` or `\"Effect\": \"Deny\"`; there is no default.";
    MissingAction = "missing-action", Error, "a statement has neither Action nor NotAction",
        "Every statement names the actions that it is about, by exactly one of `Action` and \
         `NotAction`.";
    MissingResource = "missing-resource", Error, "a statement has neither Resource nor NotResource",
        "Every statement names the resources that it is about, by exactly one of `Resource` and \
         `NotResource`. Role trust policies have neither: their resource is the role. Policies of \
         container repositories, whose actions all begin with `ecr:` or `ecr-public:`, may have \
         neither: their resource is the repository.";
    MissingPrincipal = "missing-principal", Error, "a statement has neither Principal nor NotPrincipal",
        "Policies attached to a resource, to a role as its trust policy, to a VPC endpoint, and \
         resource control policies say whom they are about.";
    ConflictingElements = "conflicting-elements", Error, "an element stands beside its Not form",
        "A statement has at most one of `Action` and `NotAction`, of `Resource` and `NotResource`, \
         and of `Principal` and `NotPrincipal`.";
    ForbiddenElement = "forbidden-element", Error, "this type of policy cannot have the element",
        "Identity policies, permissions boundaries, session policies and service control policies \
         are about whoever they are attached to and have no principal. Role trust policies are about \
         their role and have no resource. Resource control policies have no `NotPrincipal`.";
    UnknownVersion = "unknown-version", Error, "the policy language has no such version",
        "There are `2012-10-17` and `2008-10-17`. A document without `Version` is a 2008 one, in \
         which `${...}` is ordinary text. The version is not the date of the document.";
    UnknownEffect = "unknown-effect", Error, "an effect is neither Allow nor Deny",
        "`Allow` and `Deny` are case-sensitive.";
    InvalidSid = "invalid-sid", Error, "a Sid has characters that it cannot have",
        "In identity policies, permissions boundaries and session policies a `Sid` has ASCII letters \
         and digits only. Other types of policy are freer.";
    InvalidAction = "invalid-action", Error, "an action is not a service and a name",
        "An action is `*`, or a service prefix, one colon and a name, such as `execute-api:Invoke`. \
         Both may hold `*` and `?`; neither is empty, and the service holds no white space.";
    InvalidResource = "invalid-resource", Error, "a resource is not an ARN pattern",
        "A resource is `*` or an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. The partition \
         is one of AWS's or a wildcard; the service takes no wildcard, since IAM refuses one. Policies \
         of an API may use the short form `execute-api:/STAGE/METHOD/PATH`.";
    InvalidPrincipal = "invalid-principal", Error, "a principal is not one that AWS knows",
        "Under `AWS`: `*`, a twelve-digit account id, or the ARN of an account's root, a user, a \
         role or a session, complete: a principal is no pattern. To name principals by pattern, use \
         `\"*\"` with a condition on `aws:PrincipalArn`. Groups cannot be principals.";
    UnknownPrincipalType = "unknown-principal-type", Error, "a principal has a type that does not exist",
        "Principals stand under `AWS`, `Service`, `Federated` or `CanonicalUser`, or are `\"*\"`.";
    UnknownOperator = "unknown-operator", Error, "a condition operator does not exist",
        "Operators are case-sensitive: `StringEquals`. The prefixes are `ForAllValues:` and \
         `ForAnyValue:`, the suffix is `IfExists`, and `Null` takes no suffix.";
    InvalidConditionKey = "invalid-condition-key", Error, "a condition key is empty or holds a variable",
        "A condition key is the name of something that a request carries, such as `aws:SourceIp`. \
         Policy variables may stand in its values, not in its name.";
    InvalidNumber = "invalid-number", Error, "the value of a numeric operator is no number",
        "An integer or a decimal, such as `10` or `-0.5`, with at most 38 digits on either side of \
         the point; no exponent, no white space.";
    InvalidDate = "invalid-date", Error, "the value of a date operator is no date",
        "ISO 8601 as the W3C profile has it, such as `2026-01-31T23:59:59Z` or `2026-01-31`, or whole \
         or decimal seconds since 1970.";
    InvalidBoolean = "invalid-boolean", Error, "the value of Bool or Null is neither true nor false",
        "`Bool` and `Null` compare with `true` or `false`, quoted or not.";
    InvalidBase64 = "invalid-base64", Error, "the value of BinaryEquals is not base64",
        "The standard alphabet, with padding.";
    InvalidIpRange = "invalid-ip-range", Error, "the value of an address operator is no address range",
        "An IPv4 or IPv6 address, or a range in CIDR notation such as `203.0.113.0/24` or \
         `2001:db8::/32`. There are no wildcards.";
    InvalidArn = "invalid-arn", Error, "the value of an ARN operator is no ARN",
        "Six parts divided by colons, each of which may hold wildcards, such as \
         `arn:aws:iam::*:role/app-*`; or `*`; or a value with a policy variable.";
    InvalidVariable = "invalid-variable", Error, "`${` does not begin a policy variable",
        "A variable is `${key}` or `${key, 'default'}`. The characters `*`, `?` and `$` themselves \
         are written `${*}`, `${?}` and `${$}`.";
    VariableNotAllowed = "variable-not-allowed", Error, "a policy variable stands where none may",
        "Variables may stand in `Resource` and `NotResource` after the third colon, and in values of \
         string, ARN and `Bool` operators. Nowhere else: not in actions, principals, key names, or \
         values of numeric, date, binary, address and `Null` operators.";
    StageWildcard = "stage-wildcard", Warning, "a wildcard for the stage also takes the method",
        "In a resource `/` means nothing and `*` spans it. So `API/*/GET/pets` also matches \
         `API/prod/POST/x/GET/pets`: a POST, to a path that ends in `GET/pets`. Name the stage, or, \
         if the API serves such paths, add a Deny for the other methods. `API/*` and `API/*/*` match \
         everything and are no trap.";
    IncompleteApiPath = "incomplete-api-path", Warning, "an API's resource ends before its path and matches no request",
        "The resource of a request is `API/STAGE/METHOD/path`, and the root path is a trailing slash: \
         `API/prod/GET/`. A pattern that ends after the API, the stage or the method without a \
         wildcard matches nothing. Write `/*` at its end.";
    PathParameter = "path-parameter", Warning, "a path parameter in braces is literal text",
        "Policies match the concrete path of a request, `pets/42`, not the route `pets/{id}` of the \
         API's definition. Write `*` for the parameter.";
    LowerCaseMethod = "lower-case-method", Warning, "an HTTP method is not in upper case",
        "Resources are case-sensitive and methods are upper case: `GET`. A pattern with `get` matches \
         no request.";
    ShortArn = "short-arn", Warning, "an ARN has fewer than six parts and no wildcard at its end",
        "An ARN has six parts: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. What is missing is \
         completed with `*`, so that `arn:aws:sqs` is every queue of every account and region, and \
         `arn:aws:s3::bucket`, which lacks a colon, is an account that does not exist. Where a `*` ends \
         the region or the account, it stands for what is missing: `arn:aws:sqs:*:111122223333` is no \
         queue, for no queue's ARN ends so. The guide says this of identity policies; it is done in every type (our choice). STS refuses such an ARN in \
         a session policy.";
    UpperCaseArn = "upper-case-arn", Warning, "the beginning of an ARN is not in lower case",
        "Resources are case-sensitive, and every ARN begins with `arn:` and a partition in lower \
         case. A pattern that begins with `ARN:` or `arn:AWS:` matches nothing.";
    VariableBeforeResource = "variable-before-resource", Note, "a policy variable in the region or the account of an ARN",
        "The guide allows variables after the fifth colon only, though policies of AWS's own have \
         them before it. They stand for their values there, too (our choice). To be safe, compare \
         `aws:ResourceAccount` or `aws:RequestedRegion` in a condition.";
    WhiteSpaceInAction = "white-space-in-action", Warning, "an action holds white space and matches nothing",
        "No action has white space in its name, so `lambda:ListFunctions ` grants and denies nothing. \
         Remove the space.";
    VariableWithoutVersion = "variable-without-version", Warning, "a policy variable in a document of version 2008-10-17 is literal text",
        "Variables exist since version 2012-10-17, and a document without `Version` is a 2008 one. \
         There `${aws:username}` stands for these characters and matches no request. Write \
         `\"Version\": \"2012-10-17\"`.";
    UnresolvedReference = "unresolved-reference", Warning, "a reference of a template was not resolved",
        "`${AWS::Region}` and its like belong to CloudFormation. In a policy that reaches IAM they \
         are policy variables of a key that no request has, and match nothing. Check the document \
         after the template was rendered.";
    ForAllValuesWithoutNull = "for-all-values-without-null", Warning, "ForAllValues in an Allow also allows when the key is absent",
        "`ForAllValues:` is true for a request without the key: every one of no values passes. An \
         Allow then grants to requests that say nothing. Add `\"Null\": {\"KEY\": \"false\"}` to the \
         condition, or a `ForAnyValue:` on the same key.";
    BoolLetsAbsentSlip = "bool-lets-absent-slip", Warning, "a Deny with Bool does not deny when the key is absent",
        "`Bool` is false for a request without the key, so that the Deny does not apply. Requests \
         signed with long-term keys do not carry `aws:MultiFactorAuthPresent` at all. Write \
         `BoolIfExists`, which is true when the key is absent.";
    IfExistsAllowsAbsent = "if-exists-allows-absent", Warning, "an Allow that requires MFA also allows when the key is absent",
        "`BoolIfExists` is true for a request without the key. Requests signed with long-term keys \
         do not carry `aws:MultiFactorAuthPresent` at all, so the Allow grants to them. Write `Bool`.";
    SetOperatorMissing = "set-operator-missing", Warning, "a key with several values is compared without a set operator",
        "A key such as `aws:TagKeys` has several values. Without `ForAnyValue:` or `ForAllValues:` \
         a comparison is false for a request with more than one.";
    WildcardInStringEquals = "wildcard-in-string-equals", Warning, "a wildcard stands where it is literal text",
        "`StringEquals` and its like compare exactly: `*` is a star. Write `StringLike`, or `${*}` \
         if a star is meant.";
    NotPrincipalAllow = "not-principal-allow", Warning, "NotPrincipal with Allow grants to everyone else",
        "An Allow with `NotPrincipal` grants to all principals except those listed, anonymous ones \
         included. Name whom to grant to in `Principal`, or deny with `NotPrincipal`.";
    EmptyList = "empty-list", Warning, "an empty list",
        "A statement with no actions, no resources or no principals has no effect. A positive \
         operator with no values is false and a negated one is true (our choice).";
    EmptyCondition = "empty-condition", Warning, "a condition without operators or keys is always true",
        "`\"Condition\": {}` restricts nothing, and neither does an operator without keys (our \
         choice). Remove it, or say what was meant.";
    OverQuota = "over-quota", Warning, "the document is longer than AWS allows",
        "Characters are counted without white space between the elements. The quotas: an inline \
         policy of a user 2,048, of a group 5,120, of a role 10,240; a managed policy, also as a \
         permissions boundary, 6,144; a trust policy 2,048; a session policy 2,048; a service or \
         resource control policy 5,120; the policy of an API 8,192.";
    IdInIdentityPolicy = "id-in-identity-policy", Note, "an Id in a policy that is not attached to a resource",
        "`Id` is meant for resource policies; elsewhere it has no use.";
}

impl Code {
    /// The code with this name.
    pub fn parse(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_unique_and_found_again() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            let kebab =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(code.as_str().bytes().all(kebab), "{code}");
        }
        assert_eq!(Code::parse("no-such-code"), None);
    }

    #[test]
    fn explanations_are_whole_sentences() {
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
            assert!(!code.title().ends_with('.'), "{code}");
        }
    }
}
