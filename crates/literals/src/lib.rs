//! Text that looks like a credential, where a reference to one should stand.
//!
//! Three signs, from certain to likely: the shape of a known issuer's tokens; the name of a field
//! that holds nothing but secrets; and a quoted text that is as random as only keys are. Policies,
//! paths, ARNs, dates and digests are none of these. What is found is never repeated: its start, as
//! far as every token of its kind begins so, its length and its place are enough.
//!
//! And the other side: which texts read as names, so that they may be repeated where a credential
//! could stand as well.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Captures, Match, Regex, RegexBuilder};

mod blot;
mod name;

pub use blot::Blotted;
pub use name::{is_name, told};

/// A literal that looks like a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The bytes of the value.
    pub span: Range<usize>,
    /// What it looks like, with its article: `a GitHub token`.
    pub kind: &'static str,
    /// The part that every value of its kind begins with, which is no secret; may be empty.
    pub prefix: &'static str,
    /// A name for the variable that would hold it instead.
    pub variable: &'static str,
}

/// The tokens of an issuer that marks them.
struct Shape {
    kind: &'static str,
    variable: &'static str,
    /// What they begin with, and the rest as a pattern.
    prefix: &'static str,
    rest: &'static str,
}

const fn shape(
    kind: &'static str,
    variable: &'static str,
    prefix: &'static str,
    rest: &'static str,
) -> Shape {
    Shape { kind, variable, prefix, rest }
}

/// As the issuers document them.
const SHAPES: [Shape; 33] = [
    shape("a GitHub token", "GITHUB_TOKEN", "ghp_", "[A-Za-z0-9]{30,}"),
    shape("a GitHub token", "GITHUB_TOKEN", "gho_", "[A-Za-z0-9]{30,}"),
    shape("a GitHub token", "GITHUB_TOKEN", "ghu_", "[A-Za-z0-9]{30,}"),
    shape("a GitHub token", "GITHUB_TOKEN", "ghs_", "[A-Za-z0-9]{30,}"),
    shape("a GitHub token", "GITHUB_TOKEN", "ghr_", "[A-Za-z0-9]{30,}"),
    shape("a GitHub token", "GITHUB_TOKEN", "github_pat_", "[A-Za-z0-9_]{22,}"),
    shape("a GitLab token", "GITLAB_TOKEN", "glpat-", "[A-Za-z0-9_-]{20,}"),
    shape("a GitLab token", "GITLAB_TOKEN", "gldt-", "[A-Za-z0-9_-]{20,}"),
    shape("a Slack token", "SLACK_TOKEN", "xoxb-", "[A-Za-z0-9-]{10,}"),
    shape("a Slack token", "SLACK_TOKEN", "xoxp-", "[A-Za-z0-9-]{10,}"),
    shape("a Slack token", "SLACK_TOKEN", "xoxa-", "[A-Za-z0-9-]{10,}"),
    shape("a Slack token", "SLACK_TOKEN", "xapp-", "[A-Za-z0-9-]{10,}"),
    shape(
        "a Slack webhook",
        "SLACK_WEBHOOK",
        "https://hooks.slack.com/services/",
        r"T\w{6,}/B\w{6,}/\w{16,}",
    ),
    shape("a Stripe key", "STRIPE_KEY", "sk_live_", "[A-Za-z0-9]{16,}"),
    shape("a Stripe key", "STRIPE_KEY", "rk_live_", "[A-Za-z0-9]{16,}"),
    shape("a Stripe key", "STRIPE_KEY", "sk_test_", "[A-Za-z0-9]{16,}"),
    shape("a Stripe signing secret", "STRIPE_WEBHOOK_SECRET", "whsec_", "[A-Za-z0-9+/]{24,}"),
    shape("a Google API key", "GOOGLE_API_KEY", "AIza", "[A-Za-z0-9_-]{35}"),
    shape("a Google client secret", "GOOGLE_CLIENT_SECRET", "GOCSPX-", "[A-Za-z0-9_-]{20,}"),
    shape("a Google access token", "GOOGLE_TOKEN", "ya29.", "[A-Za-z0-9_-]{20,}"),
    shape("a Vault token", "VAULT_TOKEN", "hvs.", "[A-Za-z0-9_-]{20,}"),
    shape("a Vault token", "VAULT_TOKEN", "hvb.", "[A-Za-z0-9_-]{20,}"),
    shape("an npm token", "NPM_TOKEN", "npm_", "[A-Za-z0-9]{36}"),
    shape("a PyPI token", "PYPI_TOKEN", "pypi-AgEI", "[A-Za-z0-9_-]{30,}"),
    shape("a SendGrid key", "SENDGRID_KEY", "SG.", r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    shape("an Anthropic key", "ANTHROPIC_API_KEY", "sk-ant-", "[A-Za-z0-9_-]{20,}"),
    shape("an OpenAI key", "OPENAI_API_KEY", "sk-proj-", "[A-Za-z0-9_-]{20,}"),
    shape("an OpenAI key", "OPENAI_API_KEY", "sk-", "[A-Za-z0-9]{32,}"),
    shape("a DigitalOcean token", "DIGITALOCEAN_TOKEN", "dop_v1_", "[0-9a-f]{32,}"),
    shape("a Shopify token", "SHOPIFY_TOKEN", "shpat_", "[0-9a-fA-F]{32}"),
    shape("a Databricks token", "DATABRICKS_TOKEN", "dapi", "[0-9a-f]{32}"),
    shape(
        "a signed token",
        "API_TOKEN",
        "eyJ",
        r"[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    shape("a private key", "PRIVATE_KEY", "-----BEGIN ", r"(?:[A-Z0-9]+ )*PRIVATE KEY-----"),
];

/// Names of fields that hold a secret and nothing else, without separators, in lower case.
const NAMES: [&str; 22] = [
    "secret",
    "token",
    "password",
    "passwd",
    "apikey",
    "apitoken",
    "apisecret",
    "accesstoken",
    "authtoken",
    "bearertoken",
    "refreshtoken",
    "clientsecret",
    "secretkey",
    "secretaccesskey",
    "sessiontoken",
    "awssecretaccesskey",
    "awssessiontoken",
    "xapikey",
    "xauthtoken",
    "xamzsecuritytoken",
    "xamzsignature",
    "privatekey",
];

/// Words in the place of a value that is not told.
const PLACEHOLDERS: [&str; 5] = ["example", "redacted", "xxxx", "your-", "your_"];

/// The least entropy, in bits a character, and the least share of neighbours that are of different
/// kinds, at which a text counts as random. A random text of 40 characters of base64 has about 4.8
/// and 0.65, one in thirty has less than 0.5; words in `camelCase` and paths have less.
const ENTROPY_MIN: f64 = 4.2;
const CHANGES_MIN: f64 = 0.5;

/// A pattern of bytes: credentials and what stands around them are ASCII, and Unicode's classes take
/// a hundred times as long to compile as the rest of a pattern.
#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
fn pattern(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().expect("a constant pattern")
}

static ISSUED: LazyLock<Regex> = LazyLock::new(|| {
    let shapes =
        SHAPES.iter().map(|shape| format!("({}{})", regex::escape(shape.prefix), shape.rest));
    let shapes: Vec<String> = shapes.collect();
    // `\b` would not do: a token may follow an underscore.
    pattern(&format!(r"(?:^|[^A-Za-z0-9])(?:{})", shapes.join("|")))
});

/// `name = "value"`, `"name": "value"`, `name: value`: the name, then the value in or without quotes.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)["']?([A-Za-z][A-Za-z0-9_.-]*)["']?[ \t]*[:=][ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')"#,
    )
});

/// `NAME=value` as in environments and queries, without blanks or quotes.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?m)\b([A-Za-z][A-Za-z0-9_.-]*)=([^\s"'&;,(){}<>$]{6,})(?:$|[\s"'&;,])"#)
});

/// `scheme://user:password@host`
static IN_URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"']*:([^\s/:@"']+)@"#));

/// `Authorization: Basic …` and its kind, as a text.
static AUTHORIZATION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:basic|bearer|token) ([A-Za-z0-9+/_.~-]{16,}=*)"));

static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"["']([A-Za-z0-9+/_-]{32,}={0,2})["']"#));

/// Everything in a text that looks like a credential, in order, each once.
pub fn literals(text: &str) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    let bytes = text.as_bytes();
    found.extend(ISSUED.captures_iter(bytes).filter_map(|captures| issued(&captures)));
    for pattern in [&FIELD, &ASSIGNED] {
        found.extend(pattern.captures_iter(bytes).filter_map(|captures| named(&captures)));
    }
    found.extend(groups(&IN_URL, bytes, |value| {
        (!is_placeholder(value)).then_some("a password in a URL")
    }));
    found.extend(groups(&AUTHORIZATION, bytes, |value| {
        (has_digit_and_letter(value) && !is_placeholder(value))
            .then_some("the value of an Authorization header")
    }));
    found.extend(groups(&QUOTED, bytes, |value| {
        is_random(value).then_some("a random text, as keys are")
    }));
    first_of_each_place(found)
}

fn issued(captures: &Captures<'_>) -> Option<Literal> {
    let (shape, value) = SHAPES
        .iter()
        .enumerate()
        .find_map(|(index, shape)| Some((shape, captures.get(index + 1)?)))?;
    let Shape { kind, variable, prefix, .. } = *shape;
    (!is_placeholder(text(&value)?)).then(|| Literal {
        span: value.range(),
        kind,
        prefix,
        variable,
    })
}

fn named(captures: &Captures<'_>) -> Option<Literal> {
    let name = text(&captures.get(1)?)?;
    let value = captures.get(2).or_else(|| captures.get(3))?;
    let plain: String = name.chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    let is_secret = NAMES.contains(&plain.to_ascii_lowercase().as_str());
    let stands_for_nothing = value.is_empty() || is_placeholder(text(&value)?);
    (is_secret && !stands_for_nothing).then(|| Literal {
        span: value.range(),
        kind: "the value of a field for secrets",
        prefix: "",
        variable: "API_TOKEN",
    })
}

/// What the first group of a pattern holds, where `kind` says that it is something.
fn groups(
    pattern: &Regex,
    bytes: &[u8],
    kind: impl Fn(&str) -> Option<&'static str>,
) -> Vec<Literal> {
    let values = pattern.captures_iter(bytes).filter_map(|captures| captures.get(1));
    let literal = |value: Match<'_>| {
        Some(Literal {
            span: value.range(),
            kind: kind(text(&value)?)?,
            prefix: "",
            variable: "API_TOKEN",
        })
    };
    values.filter_map(literal).collect()
}

/// What a group holds: whole characters, since it begins and ends beside ASCII.
fn text<'t>(group: &Match<'t>) -> Option<&'t str> {
    std::str::from_utf8(group.as_bytes()).ok()
}

/// In the order of the text. Of several that overlap, the one that was found by the surest sign.
fn first_of_each_place(found: Vec<Literal>) -> Vec<Literal> {
    let mut kept: Vec<Literal> = Vec::new();
    for literal in found {
        let overlaps = |other: &Literal| {
            other.span.start < literal.span.end && literal.span.start < other.span.end
        };
        if !kept.iter().any(overlaps) {
            kept.push(literal);
        }
    }
    kept.sort_by_key(|literal| literal.span.start);
    kept
}

/// Whether a text says that it is no credential: `{secret}`, `${TOKEN}`, `<token>`, `AKIAEXAMPLE`, `***`.
pub fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word))
        || value.contains(['{', '<', '$', '*', '…'])
        || value.contains("...")
}

fn has_digit_and_letter(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether a text is as random as only keys are.
fn is_random(value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| value.bytes().any(|byte| is(&byte));
    has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && !is_placeholder(value)
        && changes(value) >= CHANGES_MIN
        && entropy(value) >= ENTROPY_MIN
}

/// Shannon's entropy of a text's bytes, in bits a byte.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = text.len() as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// The share of neighbours that are of different kinds: small letters, capitals, digits, others.
fn changes(text: &str) -> f64 {
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let kinds: Vec<u8> = text.as_bytes().iter().map(kind).collect();
    let changed = kinds.windows(2).filter(|pair| pair.first() != pair.last()).count();
    changed as f64 / text.len().max(2) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds found, in order. Tokens are put together here, so that no scanner of this
    /// repository takes them for real ones.
    fn kinds(text: &str) -> Vec<&'static str> {
        literals(text).into_iter().map(|literal| literal.kind).collect()
    }

    const RANDOM: &str = "q7Zt0WkM2vXb9LsR4nHc8JdP1yGf6TaU3eVi5oQz";

    #[test]
    fn every_shape_is_found_with_the_issuer_s_name() {
        let examples = [
            ("ghp_", "a GitHub token"),
            ("github_pat_", "a GitHub token"),
            ("glpat-", "a GitLab token"),
            ("xoxb-", "a Slack token"),
            ("sk_live_", "a Stripe key"),
            ("GOCSPX-", "a Google client secret"),
            ("hvs.", "a Vault token"),
            ("npm_", "an npm token"),
            ("pypi-AgEI", "a PyPI token"),
            ("sk-ant-", "an Anthropic key"),
            ("sk-proj-", "an OpenAI key"),
            ("sk-", "an OpenAI key"),
        ];
        for (prefix, kind) in examples {
            let text = format!("header = \"token {prefix}{RANDOM}\"");
            assert_eq!(kinds(&text), [kind], "{prefix}");
            let literal = &literals(&text)[0];
            assert!(text[literal.span.clone()].starts_with(literal.prefix));
        }
        let google = format!("key: AIza{}", &RANDOM[..35]);
        assert_eq!(kinds(&google), ["a Google API key"]);
        assert_eq!(kinds("-----BEGIN EC PRIVATE KEY-----\nabc"), ["a private key"]);
        let signed = format!("x eyJ{RANDOM}.eyJ{RANDOM}.{RANDOM}");
        assert_eq!(kinds(&signed), ["a signed token"]);
    }

    #[test]
    fn a_field_for_secrets_holds_a_reference() {
        for text in [
            r#"secret = "vanilla""#,
            r#""clientSecret": "vanilla""#,
            r#"api_key: 'vanilla'"#,
            r#"login = { token = "vanilla" }"#,
            r#""SecretAccessKey" : "vanilla""#,
            r#""x-api-key":"vanilla""#,
            "AWS_SECRET_ACCESS_KEY=vanilla",
            "export API_TOKEN=vanilla\n",
            "GET /calls?page=1&access_token=vanilla&per_page=9",
            "https://sts.invalid/?X-Amz-Signature=vanilla HTTP/1.1",
        ] {
            assert_eq!(kinds(text), ["the value of a field for secrets"], "{text}");
            assert_eq!(&text[literals(text)[0].span.clone()], "vanilla");
        }
        for text in [
            r#"secret = { env = "GITHUB_TOKEN" }"#,
            r#"credential = "github-reader""#,
            r#"secretsManager = "github/token""#,
            r#"tokenUpstream = "login""#,
            r#"token = """#,
            r#"password = "${PASSWORD}""#,
            r#"secret = "<token>""#,
            r#"token = "{secret}""#,
            r#"format = "token {secret}""#,
            r#""aws:TokenIssueTime": "2026-01-01T00:00:00Z""#,
            "password=getPassword()",
            "token=$TOKEN",
            "token=${TOKEN}",
            "per_page=1234567&status=completed",
        ] {
            assert_eq!(kinds(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_value_may_have_any_characters() {
        for value in ["пароль", "geheim\u{fc}", "\u{fc}\u{fc}\\\u{fc}", "🔑🔑🔑🔑"] {
            for text in [format!("token = \"{value}\""), format!("é token='{value}' ü")] {
                assert_eq!(kinds(&text), ["the value of a field for secrets"], "{text}");
                assert_eq!(&text[literals(&text)[0].span.clone()], value);
            }
            let url = format!("ü://x https://ü:{value}@ü");
            assert_eq!(&url[literals(&url)[0].span.clone()], value);
        }
    }

    #[test]
    fn a_url_and_a_header_may_carry_one() {
        assert_eq!(kinds("url = \"https://ana:vanilla@api.invalid/v1\""), ["a password in a URL"]);
        assert_eq!(kinds("url = \"https://ana:{secret}@api.invalid/v1\""), [""; 0]);
        assert_eq!(
            kinds("value = \"Basic YW5hOnZhbmlsbGE0Mg==\""),
            ["the value of an Authorization header"]
        );
        assert_eq!(kinds("value = \"Bearer {secret}\""), [""; 0]);
        assert_eq!(kinds("# a bearer authentication-scheme of theirs"), [""; 0]);
    }

    #[test]
    fn a_random_text_is_found_and_names_paths_and_digests_are_not() {
        assert_eq!(kinds(&format!("\"{RANDOM}\"")), ["a random text, as keys are"]);
        for text in [
            "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/repos/PokaInc/test",
            "GET/repos/PokaInc/test-github-api2/issues/comments",
            "ReadCodeAndIssuesOfAllRepositories2026",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b",
            "6f1e0c2a-1b2c-4d3e-8f90-a1b2c3d4e5f6",
            "TheQuickBrownFoxJumpsOver13LazyDogsAtNoon",
        ] {
            assert_eq!(kinds(&format!("\"{text}\"")), [""; 0], "{text}");
        }
    }

    #[test]
    fn one_place_is_found_once_by_its_surest_sign() {
        let text = format!("secret = \"ghp_{RANDOM}\"\ntoken = \"vanilla\"");
        assert_eq!(kinds(&text), ["a GitHub token", "the value of a field for secrets"]);
    }

    proptest::proptest! {
        #[test]
        fn a_finding_is_a_place_in_the_text(text in r#"([ -~\n]|\PC|token|secret|[="':\\ ]|\w){0,200}"#) {
            for literal in literals(&text) {
                proptest::prop_assert!(text.get(literal.span.clone()).is_some_and(|value| !value.is_empty()));
            }
        }
    }
}
