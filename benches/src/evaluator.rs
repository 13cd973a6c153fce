//! Workloads for the evaluator, of the shapes that real accounts have.
//!
//! - `w1`: one statement that allows one method and path.
//! - `w2`: 25 policies with 120 statements, a quarter of them Deny, with conditions and variables.
//! - `w3-N`: N statements of many teams attached at once, to see how cost grows with N.
//!
//! Everything comes from a seeded generator: the same workload on every machine.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Value as Json, json};
use tollgate_policy::{
    Action, Documents, Key, PolicyDocument, PolicyErrors, PolicySets, PolicyType, Principal,
    Request, Value, key, parse_instant,
};

/// Policies and the requests to decide against them.
#[derive(Debug)]
pub struct Workload {
    /// What it is called in reports.
    pub name: String,
    /// Policy documents, all attached to every caller as identity policies.
    pub policies: Vec<String>,
    /// What is asked.
    pub requests: Vec<RawRequest>,
}

/// A request as text, before it is built.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The caller's ARN.
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// Context keys with one value or several.
    pub context: Vec<(String, Vec<Cow<'static, str>>)>,
}

/// The types that a proxy knows of the values it sets.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    principal: Principal<'a>,
    action: Action<'a>,
    resource: &'a str,
    context: Vec<(Key<'a>, Value<'a>)>,
}

impl Workload {
    /// Compiles the policies.
    ///
    /// # Errors
    ///
    /// What is wrong with a policy.
    pub fn compile(&self) -> Result<PolicySets, PolicyErrors> {
        let parse = |text: &String| PolicyDocument::parse(text, PolicyType::Identity);
        let identity = self.policies.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Documents { identity, ..Documents::default() }.compile())
    }
}

impl RawRequest {
    /// What a proxy has at hand when it builds a request: typed values under interned keys, and an
    /// action of the few that it asks about.
    /// `None` when the principal is no ARN.
    pub fn prepare(&self) -> Option<Prepared<'_>> {
        Some(Prepared {
            principal: Principal::parse(&self.principal)?,
            action: Action::new(&self.action),
            resource: &self.resource,
            context: self.context.iter().map(|(name, values)| typed(name, values)).collect(),
        })
    }
}

impl<'a> Prepared<'a> {
    /// Builds the request anew.
    pub fn build(&'a self) -> Request<'a> {
        let mut request = Request::new(self.principal, &self.action, self.resource);
        self.build_in(&mut request);
        request
    }

    /// Builds the request in the place of another.
    #[inline]
    pub fn build_in(&'a self, request: &mut Request<'a>) {
        request.renew(self.principal, &self.action, self.resource);
        request.context.set_all(&self.context);
    }
}

fn typed<'a>(name: &'a str, values: &'a [Cow<'a, str>]) -> (Key<'a>, Value<'a>) {
    let key = Key::new(name);
    let value = match values {
        [only] if key == key::SOURCE_IP => only.parse().ok().map(Value::Ip),
        [only] if key == key::CURRENT_TIME => parse_instant(only).map(Value::Time),
        [only] if key == key::SECURE_TRANSPORT => Some(Value::Bool(only == "true")),
        [only] => Some(Value::Text(only)),
        several => Some(Value::Set(several)),
    };
    (key, value.unwrap_or(Value::Absent))
}

/// The workloads `w1`, `w2`, `w3-50`, `w3-500` and `w3-5000`.
pub fn all() -> Vec<Workload> {
    let mut all = vec![w1(), w2()];
    all.extend([50, 500, 5_000].map(w3));
    all
}

const ACCOUNT: &str = "123456789012";
const ENVIRONMENTS: [&str; 3] = ["prod", "stage", "dev"];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const OWNERS: [&str; 6] = ["acme", "core", "data", "mobile", "web", "ops"];
const KINDS: [&str; 4] = ["doc", "img", "cfg", "log"];
const TAGS: [&str; 5] = ["env", "team", "cost", "owner", "tmp"];
const SERVICES: [(&str, &[&str], &[&str]); 8] = [
    ("s3", &["GetObject", "PutObject", "DeleteObject", "ListBucket"], &["Get*", "*Object", "*"]),
    ("dynamodb", &["GetItem", "PutItem", "Query", "BatchGetItem"], &["*Item", "Batch*", "*"]),
    ("execute-api", &["Invoke", "InvalidateCache", "ManageConnections"], &["*", "In*"]),
    ("sqs", &["SendMessage", "ReceiveMessage", "GetQueueUrl"], &["*Message", "Get*"]),
    ("lambda", &["InvokeFunction", "GetFunction", "UpdateFunctionCode"], &["Get*", "Invoke*"]),
    ("secretsmanager", &["GetSecretValue", "PutSecretValue"], &["*", "Get*"]),
    ("logs", &["CreateLogStream", "PutLogEvents", "GetLogEvents"], &["Put*", "*LogEvents"]),
    ("ssm", &["GetParameter", "PutParameter"], &["Get*", "*"]),
];

/// A xorshift generator: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % bound.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }

    fn name(&mut self, from: &[&'static str]) -> &'static str {
        self.pick(from).unwrap_or_default()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

fn w1() -> Workload {
    let api = format!("arn:aws:execute-api:us-east-1:{ACCOUNT}:abc123/prod");
    let path = "repos/acme/site/issues";
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "ReadIssues", "Effect": "Allow", "Action": ["execute-api:Invoke"],
        "Resource": [format!("{api}/GET/{path}")],
    }]});
    let mut random = Random(1);
    let request = |index: usize| {
        let method = if index.is_multiple_of(2) { "GET" } else { "POST" };
        request(&mut random, "execute-api:Invoke".into(), format!("{api}/{method}/{path}"))
    };
    let requests = (0..1_000).map(request).collect();
    Workload { name: "w1".into(), policies: vec![policy.to_string()], requests }
}

fn w2() -> Workload {
    let spaces: Vec<String> = (0..4).map(|index| format!("app{index}")).collect();
    let sizes = std::iter::repeat_n(5, 20).chain(std::iter::repeat_n(4, 5));
    generate("w2".into(), sizes, &spaces, Mix { deny: 25, conditions: 40 }, 2_000)
}

fn w3(statements: usize) -> Workload {
    let spaces: Vec<String> =
        (0..(statements / 10).max(4)).map(|index| format!("team{index:04}")).collect();
    let sizes = std::iter::repeat_n(5, statements / 5);
    let mix = Mix { deny: 10, conditions: 30 };
    generate(format!("w3-{statements}"), sizes, &spaces, mix, 2_000)
}

/// How many of a hundred statements deny, and have conditions.
#[derive(Clone, Copy)]
struct Mix {
    deny: usize,
    conditions: usize,
}

/// What a request may aim at: a service, an action that a statement lists, and one of its resource
/// patterns.
type Target = (&'static str, String, String);

fn generate(
    name: String,
    sizes: impl Iterator<Item = usize>,
    spaces: &[String],
    mix: Mix,
    requests: usize,
) -> Workload {
    let mut random = Random(0x9e37_79b9);
    let mut targets = Vec::new();
    let policies = sizes
        .map(|size| {
            let statements: Vec<Json> =
                (0..size).map(|_| statement(&mut random, spaces, mix, &mut targets)).collect();
            json!({"Version": "2012-10-17", "Statement": statements}).to_string()
        })
        .collect();
    let requests = (0..requests).map(|_| aimed(&mut random, spaces, &targets)).collect();
    Workload { name, policies, requests }
}

fn statement(random: &mut Random, spaces: &[String], mix: Mix, targets: &mut Vec<Target>) -> Json {
    let Some((service, names, globs)) = random.pick(&SERVICES) else { return Json::Null };
    let space = spaces.get(random.below(spaces.len())).cloned().unwrap_or_default();
    let action = if random.percent(45) { random.name(globs) } else { random.name(names) };
    let resources: Vec<String> =
        (0..=random.below(3)).map(|_| pattern(random, service, &space)).collect();
    for resource in &resources {
        targets.push((service, action.to_owned(), resource.clone()));
    }
    let deny = random.percent(mix.deny);
    let conditional = deny || random.percent(mix.conditions);
    json!({
        "Effect": if deny { "Deny" } else { "Allow" },
        "Action": format!("{service}:{action}"),
        "Resource": resources,
        "Condition": if conditional { conditions(random) } else { json!({}) },
    })
}

fn conditions(random: &mut Random) -> Json {
    match random.below(5) {
        0 => json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}),
        1 => json!({"StringLike": {"aws:userid": [format!("AROAEXAMPLE{}*:*", random.below(4))]}}),
        2 => json!({"DateLessThan": {"aws:CurrentTime": "2026-09-01T00:00:00Z"}}),
        3 => json!({"Bool": {"aws:SecureTransport": "true"}}),
        _ => json!({"ForAnyValue:StringEquals": {"aws:TagKeys": [random.name(&TAGS), "pii"]}}),
    }
}

fn pattern(random: &mut Random, service: &str, space: &str) -> String {
    let (environment, kind) = (random.name(&ENVIRONMENTS), random.name(&KINDS));
    let (method, owner) = (random.name(&METHODS), random.name(&OWNERS));
    let rest = match (service, random.below(4)) {
        ("execute-api", 0) => format!("{environment}/*"),
        ("execute-api", 1) => format!("{environment}/{method}/repos/*/site/*"),
        ("execute-api", 2) => format!("*/{method}/repos/{owner}/*"),
        ("execute-api", _) => format!("{environment}/{method}/repos/{owner}/site/issues"),
        ("s3", 0) => "${aws:username}/*".to_owned(),
        (_, 0) => format!("{environment}/*"),
        (_, 1) => "*".to_owned(),
        (_, 2) => format!("{environment}/{kind}*.json"),
        _ => format!("*/{kind}{}.json", random.below(50)),
    };
    arn(service, space, &rest)
}

fn arn(service: &str, space: &str, rest: &str) -> String {
    let place = if service == "s3" { ":" } else { "us-east-1:123456789012" };
    let mut arn = format!("arn:aws:{service}:{place}:");
    let kind = match service {
        "s3" => format!("{space}-bucket/"),
        "dynamodb" => format!("table/{space}-"),
        "lambda" => format!("function:{space}-"),
        "secretsmanager" => format!("secret:{space}/"),
        "logs" => format!("log-group:/{space}/"),
        "ssm" => format!("parameter/{space}/"),
        "sqs" => format!("{space}-"),
        _ => format!("{space}/"),
    };
    // Writing to a `String` cannot fail.
    let _ = write!(arn, "{kind}{rest}");
    arn
}

/// A request: more often than not one that a statement's pattern was made for.
fn aimed(random: &mut Random, spaces: &[String], targets: &[Target]) -> RawRequest {
    let target = targets.get(random.below(targets.len())).filter(|_| random.percent(55)).cloned();
    let (service, action, pattern) = target.unwrap_or_else(|| {
        let (service, names, _) = random.pick(&SERVICES).unwrap_or(("s3", &[], &[]));
        let space = spaces.get(random.below(spaces.len())).cloned().unwrap_or_default();
        let rest = format!("{}/{}7.json", random.name(&ENVIRONMENTS), random.name(&KINDS));
        (service, random.name(names).to_owned(), arn(service, &space, &rest))
    });
    let names = SERVICES.iter().find(|known| known.0 == service).map_or(&[][..], |known| known.1);
    let action = if action.contains('*') { random.name(names) } else { &action };
    let mut resource = pattern;
    while let Some(star) = resource.find('*') {
        resource.replace_range(star..=star, random.name(&["prod", "doc7", "core", "x", "12"]));
    }
    let mut request = request(random, format!("{service}:{action}"), resource);
    request.resource = request.resource.replace("${aws:username}", &request.username());
    request
}

impl RawRequest {
    fn username(&self) -> String {
        self.principal.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

fn request(random: &mut Random, action: String, resource: String) -> RawRequest {
    let user = format!("user{:03}", random.below(200));
    let principal = format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    let userid = format!("AROAEXAMPLE{}XYZ:{user}@example.com", random.below(8));
    let network = random.name(&["10.1.2", "192.168.7", "198.51.100", "203.0.113"]);
    let time = format!("2026-{:02}-{:02}T10:30:00Z", 1 + random.below(12), 1 + random.below(28));
    let one = |text: String| vec![Cow::Owned(text)];
    let tags = (0..=random.below(3)).map(|_| Cow::Borrowed(random.name(&TAGS))).collect();
    let context = [
        ("aws:username", one(user)),
        ("aws:userid", one(userid)),
        ("aws:SourceIp", one(format!("{network}.{}", random.below(256)))),
        ("aws:CurrentTime", one(time)),
        ("aws:SecureTransport", one(random.percent(90).to_string())),
        ("aws:TagKeys", tags),
        ("aws:PrincipalArn", one(principal.clone())),
        ("aws:PrincipalAccount", one(ACCOUNT.to_owned())),
        ("aws:PrincipalTag/team", one(random.name(&OWNERS).to_owned())),
        ("aws:UserAgent", one("aws-sdk-rust/1.5 os/linux lang/rust#1.95".to_owned())),
        ("aws:RequestedRegion", one("us-east-1".to_owned())),
    ];
    let context = context.map(|(name, values)| (name.to_owned(), values)).into();
    RawRequest { principal, action, resource, context }
}
