//! What is wrong with the sections, and where.

use tollgate_issuer::Brokers;

use crate::support::Folder;

/// With this change, the sections have one problem: this message, at this text.
#[track_caller]
fn check(from: &str, to: &str, at: &str, message: &str) {
    let folder = Folder::new(|manifest| {
        assert!(manifest.contains(from), "{from}");
        manifest.replace(from, to)
    });
    let mut problems = folder.plan().err().unwrap_or_default();
    problems.extend(Brokers::check(&folder.manifest()));
    let prefix = folder.path("").display().to_string();
    let shown: Vec<(String, String)> = problems
        .iter()
        .map(|it| (it.text[it.span.clone().unwrap()].to_owned(), it.message.replace(&prefix, "")))
        .collect();
    assert_eq!(shown, [(at.to_owned(), message.to_owned())]);
}

#[test]
fn keys_are_files_of_their_owner() {
    let check = |keys: &str, at: &str, message: &str| {
        let changed = format!("masterKeys   = {keys}");
        check("masterKeys   = [\"master.key\"]", &changed, at, message);
    };
    let makes = "expected the file of a master key; `openssl rand -hex 32` makes one";
    check("[]", "[]", makes);
    check("[\"master.key\", 'master.key']", "'master.key'", "this master key is listed twice");
    let gone = "`nowhere` cannot be read: No such file or directory (os error 2)";
    check("[\"master.key\", \"nowhere\"]", "\"nowhere\"", gone);
    let open = "`jwks.json` has mode 0644, expected 0600: it holds a secret";
    check("[\"master.key\", \"jwks.json\"]", "\"jwks.json\"", open);
    let no_key = "`identities.toml`: expected a master key of 64 hexadecimal digits, found";
    let folder =
        Folder::new(|manifest| manifest.replace("[\"master.key\"]", "[\"identities.toml\"]"));
    let problems = folder.plan().unwrap_err();
    assert!(problems[0].message.contains(&no_key[1..]), "{}", problems[0].message);
    assert!(!problems[0].message.contains("an-example-key"));
}

#[test]
fn durations_fit_together() {
    let min = "durationSMin = 1";
    let bounds = |found: &str| format!("expected 1 to 43200 s (`durationSMax`), found {found}");
    check(min, "durationSMin = 0", "0", &bounds("0"));
    check(min, "durationSMin = 50000", "50000", &bounds("50000"));
    check(min, "durationS = 60", "60", "expected 900 to 43200 s, found 60");
    check(
        min,
        "durationSMin = 1\ndurationSMax = 60\ndurationS = 90",
        "90",
        "expected 1 to 60 s, found 90",
    );
}

#[test]
fn workloads_are_of_this_machine_and_act_as_roles_of_the_account() {
    check(
        "\"127.0.0.1:8092\"",
        "\"0.0.0.0:8092\"",
        "\"0.0.0.0:8092\"",
        "expected a loopback or link-local address with a port, found `0.0.0.0:8092`",
    );
    check(
        "\"web-1\"",
        "\"web 1\"",
        "\"web 1\"",
        "expected the name of a session, 2 to 64 letters, digits or `_+=,.@-`, found `web 1`",
    );
    check(
        "role/web\"\nsession = \"host-1\"",
        "role/wbe\"\nsession = \"host-1\"",
        "\"arn:aws:iam::123456789012:role/wbe\"",
        "the account has no role `arn:aws:iam::123456789012:role/wbe`",
    );
}

#[test]
fn providers_are_https_and_say_for_whom_their_tokens_are() {
    let issuer = "\"https://issuer.example/tenant\"";
    check(
        issuer,
        "\"http://issuer.example/tenant\"",
        "\"http://issuer.example/tenant\"",
        "expected an `https` URL, found `http://issuer.example/tenant`",
    );
    let audiences = "expected the client ids whose tokens are accepted in `audiences`";
    check("[\"tollgate\"]", "[]", issuer, audiences);
    let gone = "`nowhere` cannot be read: No such file or directory (os error 2)";
    check("\"jwks.json\"", "\"nowhere\"", "\"nowhere\"", gone);
}

#[test]
fn a_bridge_has_a_name_and_accounts() {
    let with = |bridge: &str| format!("tokenFile = \"web.token\"\n\n[sts.bridge]\n{bridge}");
    let server = "serverId = \"gateway.example.com\"\n";
    check(
        "tokenFile = \"web.token\"\n",
        &with(&format!("{server}accounts = [\"1234\"]\n")),
        "\"1234\"",
        "expected an account id of twelve digits, found `1234`",
    );
    check(
        "tokenFile = \"web.token\"\n",
        &with("serverId = \"\"\naccounts = [\"123456789012\"]\n"),
        "\"\"",
        "expected this gateway's name, such as its host name",
    );
}

#[test]
fn brokers_have_names_addresses_and_times() {
    check(
        "name     = \"app\"",
        "name     = \"App\"",
        "\"App\"",
        "expected a broker name of 1 to 20 lower-case letters and digits that begins with a letter, \
         found `App`",
    );
    let host = "expected `HOST:PORT`, found `127.0.0.1`";
    check("\"127.0.0.1:5432\"", "\"127.0.0.1\"", "\"127.0.0.1\"", host);
    let mode = "expected `verify-full` or `disable`, found `disabled`";
    check("\"disable\"", "\"disabled\"", "\"disabled\"", mode);
    let times = "expected 1 to 3600 s (`ttlSMax`), found 7200";
    check("sslMode  =", "ttlS = 7200\nsslMode  =", "7200", times);
    let kind =
        "expected one of `env`, `file`, `secretsManager`, `vault` to say where the secret is";
    check(
        "{ env = \"BROKER_PASSWORD\" }",
        "{ var = \"BROKER_PASSWORD\" }",
        // Under a key that is not known, anything may stand.
        "{ var = \"***************\" }",
        kind,
    );
}
