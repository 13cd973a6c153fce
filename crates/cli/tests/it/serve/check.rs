//! `tollgate serve --check`, reloads, and how the process ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::process::{Running, folder, tollgate};

/// Runs the check after a change of one file, and expects the exit code and what is said.
#[track_caller]
fn check(file: &str, change: impl Fn(&str) -> String, code: i32, expected: &str) {
    let folder = folder("http://127.0.0.1:9");
    edit(folder.path(), file, change);
    check_in(folder.path(), &[], code, expected);
}

/// The same of a folder as it is. What is right is said on standard output, what is wrong on standard
/// error.
#[track_caller]
fn check_in(folder: &Path, arguments: &[&str], code: i32, expected: &str) {
    let arguments = [&["serve", "--check"], arguments].concat();
    let output = tollgate(folder, &arguments).output().unwrap();
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(code), "{texts:?}");
    let (said, silent) = if code == 0 { (&texts[0], &texts[1]) } else { (&texts[1], &texts[0]) };
    assert!(said.contains(expected), "expected `{expected}` in\n{said}");
    assert_eq!(silent, "");
}

fn edit(folder: &Path, file: &str, change: impl Fn(&str) -> String) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(&text)).unwrap();
}

fn with(old: &'static str, new: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        assert!(text.contains(old), "`{old}` in\n{text}");
        text.replace(old, new)
    }
}

#[test]
fn what_is_right_is_summed_up() {
    let expected = "ok: 1 principal, 1 API with 1 route, 1 credential; every secret can be read";
    check("tollgate.toml", str::to_owned, 0, expected);
}

#[test]
fn what_cannot_be_understood_ends_with_2() {
    check("tollgate.toml", with("upstream   =", "upstraem   ="), 2, "did you mean `upstream`?");
    check("policies/issues-reader.json", with("Allow", "Permit"), 2, "unknown effect `Permit`");
    check("identities.toml", with("[[key]]", "[[kye]]"), 2, "identities.toml");
    check("tollgate.toml", with("[gateway]", "[gateway"), 2, "tollgate.toml");
    check("tollgate.toml", with("[gateway]", "[log]"), 2, "unknown field `accessLog`");
    let section = "expected a section `[gateway]`";
    check("tollgate.toml", |text| text.split("[gateway]").next().unwrap().into(), 2, section);
    let literal = "{ value = \"vanilla\" }";
    let kept = "to say where the secret is";
    check("tollgate.toml", with("{ env = \"GITHUB_TOKEN\" }", literal), 2, kept);
    let address = "\"127.0.0.1:0\"";
    check("tollgate.toml", with("http://127.0.0.1:9", "ftp://127.0.0.1:9"), 2, "expected a URL");
    let tls = "tls = { certificate = \"chain.pem\", key = \"key.pem\" }\nadmin      = ";
    check("tollgate.toml", with("admin      = ", tls), 2, "chain.pem");
    check("tollgate.toml", with(address, "\"nowhere\""), 2, "expected `HOST:PORT`");
}

#[test]
fn what_is_not_there_or_not_asked_for_rightly_ends_with_2() {
    let folder = folder("http://127.0.0.1:9");
    let folder = folder.path();
    check_in(folder, &["--config", "other.toml"], 2, "other.toml: cannot read");
    check_in(folder, &["--chek"], 2, "unexpected argument");
    fs::remove_file(folder.join("policies/issues-reader.json")).unwrap();
    check_in(folder, &[], 2, "issues-reader.json");
}

#[test]
fn keys_that_others_can_read_end_with_2() {
    let folder = folder("http://127.0.0.1:9");
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.path().join("identities.toml"), open).unwrap();
    check_in(folder.path(), &[], 2, "identities.toml");
}

#[test]
fn a_secret_that_is_not_there_or_that_others_can_read_ends_with_1() {
    let folder = folder("http://127.0.0.1:9");
    let to_file = with("{ env = \"GITHUB_TOKEN\" }", "{ file = \"token\" }");
    edit(folder.path(), "tollgate.toml", to_file);
    check_in(folder.path(), &[], 1, "No such file");
    let token = folder.path().join("token");
    write_secret(&token, "vanilla");
    check_in(folder.path(), &[], 0, "every secret can be read");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    check_in(folder.path(), &[], 1, "mode 0644 lets others");
}

#[test]
fn what_cannot_work_ends_with_1() {
    let secret = "credential `github-app` cannot be read: environment variable `GITHUB_TOKENS` is";
    check("tollgate.toml", with("\"GITHUB_TOKEN\"", "\"GITHUB_TOKENS\""), 1, secret);
    let path = with("test-github-api/issues", "test-github-api//issues");
    check("policies/issues-reader.json", path, 1, "matches no request");
    let stranger = "which has no policy";
    check("identities.toml", with("issues-reader/web-1", "issues-writer/web-1"), 1, stranger);
}

/// A broker, up to where its password is.
const BROKER: &str = "[[broker]]\nname = \"app\"\nserver = \"127.0.0.1:9\"\nuser = \"a\"\n\
    database = \"app\"\ntemplate = \"reader\"\njournal = \"app.journal\"\nsslMode = \"disable\"\n\
    password = ";

#[test]
fn the_password_of_a_broker_is_read_too() {
    let with_broker = |variable: &'static str| {
        move |text: &str| format!("{text}\n{BROKER}{{ env = \"{variable}\" }}\n")
    };
    let missing = "password of broker `app` cannot be read: environment variable `BROKER_WORD`";
    check("tollgate.toml", with_broker("BROKER_WORD"), 1, missing);
    let both = "1 credential, 1 broker; every secret can be read";
    check("tollgate.toml", with_broker("GITHUB_TOKEN"), 0, both);
}

#[test]
fn what_is_no_reference_is_not_repeated() {
    let secret = "secret = { env = \"GITHUB_TOKEN\" }";
    for (old, new) in [
        ("\"http://127.0.0.1:9\"", "\"http://bob:vanilla9X1@127.0.0.1:9/base\""),
        ("\"http://127.0.0.1:9\"", "\"http://127.0.0.1:9/?api_key=vanilla9X1\""),
        (secret, "secret = { value = \"vanilla9X1\" }"),
        (secret, "secret = { env = \"X\", value = \"vanilla9X1\" }"),
        (secret, "secret = [\"vanilla9X1\"]"),
        (secret, "secret = \"vanilla9X1"),
        (secret, "secrets = \"vanilla9X1\""),
        (secret, "secret = { env = \"vanilla9X1\" }"),
        (secret, "secret = { file = \"vanilla9X1\" }"),
        ("format = \"token {secret}\"", "format = \"vanilla9X1\""),
        ("format = \"token {secret}\"", "value = \"vanilla9X1\""),
    ] {
        let folder = folder("http://127.0.0.1:9");
        edit(folder.path(), "tollgate.toml", |text| {
            let text = text.replace("secret   = ", "secret = ");
            assert!(text.contains(old), "`{old}` in\n{text}");
            text.replace(old, new)
        });
        let output = tollgate(folder.path(), &["serve", "--check"]).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && !said.contains("vanilla9X1"), "{new}\n{said}");
    }
}

#[test]
fn a_new_configuration_holds_or_is_refused_as_a_whole() {
    let folder = folder("http://127.0.0.1:9");
    let running = Running::start(folder.path());
    edit(folder.path(), "policies/issues-reader.json", with("Allow", "Permit"));
    let refused = running.wait_for("is refused, the old one holds");
    assert!(refused.contains("unknown effect `Permit`"), "{refused}");
    edit(folder.path(), "policies/issues-reader.json", with("Permit", "Deny"));
    // A change of a file is as good as a signal.
    running.wait_for("was read anew, and holds");
    edit(folder.path(), "tollgate.toml", with("[\"127.0.0.1:0\"]", "[\"127.0.0.2:0\"]"));
    let fixed = running.wait_for("is refused, the old one holds");
    assert!(fixed.contains("`listen` of `[gateway]` cannot change"), "{fixed}");
    edit(folder.path(), "tollgate.toml", with("[\"127.0.0.2:0\"]", "[\"127.0.0.1:0\"]"));
    running.wait_for("was read anew, and holds");
    running.signal(rustix::process::Signal::HUP);
    running.wait_for("was read anew, and holds");
    assert_eq!(running.stop(), Some(0));
}

/// Sessions, and the file of their key.
const STS: &str = "\n[sts]\nlisten = \"127.0.0.1:0\"\nmasterKeys = [\"master.key\"]\n";

#[test]
fn the_key_of_sessions_is_read_when_it_changes() {
    let folder = folder("http://127.0.0.1:9");
    let key = folder.path().join("master.key");
    write_secret(&key, &"5a".repeat(32));
    edit(folder.path(), "tollgate.toml", |text| format!("{text}{STS}"));
    let running = Running::start(folder.path());
    fs::write(&key, "5a").unwrap();
    let refused = running.wait_for("is refused, the old one holds");
    assert!(refused.contains("expected a master key of 64 hexadecimal digits"), "{refused}");
    fs::write(&key, "6b".repeat(32)).unwrap();
    running.wait_for("was read anew, and holds");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn sessions_cannot_begin_while_the_gateway_runs() {
    let folder = folder("http://127.0.0.1:9");
    write_secret(&folder.path().join("master.key"), &"5a".repeat(32));
    let running = Running::start(folder.path());
    edit(folder.path(), "tollgate.toml", |text| format!("{text}{STS}"));
    let fixed = running.wait_for("is refused, the old one holds");
    assert!(fixed.contains("`[sts]` cannot be added while the gateway runs"), "{fixed}");
    edit(folder.path(), "tollgate.toml", with(STS, ""));
    running.wait_for("was read anew, and holds");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_broker_of_a_configuration_that_was_refused_can_still_change() {
    let folder = folder("http://127.0.0.1:9");
    let running = Running::start(folder.path());
    let listens = ["[\"127.0.0.1:0\"]", "[\"127.0.0.2:0\"]"];
    edit(folder.path(), "tollgate.toml", |text| {
        let broker = format!("{BROKER}{{ env = \"GITHUB_TOKEN\" }}");
        format!("{}\n{broker}\n", with(listens[0], listens[1])(text))
    });
    running.wait_for("is refused, the old one holds");
    edit(folder.path(), "tollgate.toml", |text| {
        with("user = \"a\"", "user = \"b\"")(&with(listens[1], listens[0])(text))
    });
    running.wait_for("was read anew, and holds");
    edit(folder.path(), "tollgate.toml", with("user = \"b\"", "user = \"c\""));
    let fixed = running.wait_for("is refused, the old one holds");
    assert!(fixed.contains("is under way and was changed"), "{fixed}");
    assert_eq!(running.stop(), Some(0));
}

/// Writes a secret into a file that nobody else may read.
fn write_secret(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_file_with_a_secret_is_read_when_it_changes() {
    let folder = folder("http://127.0.0.1:9");
    let token = folder.path().join("token");
    write_secret(&token, "vanilla");
    let to_file = with("{ env = \"GITHUB_TOKEN\" }", "{ file = \"token\" }");
    edit(folder.path(), "tollgate.toml", to_file);
    check_that_it_is_followed(folder.path(), &token);
}

#[test]
fn a_file_with_the_password_of_a_broker_is_read_when_it_changes() {
    let folder = folder("http://127.0.0.1:9");
    let password = folder.path().join("password");
    write_secret(&password, "vanilla");
    let with_broker = |text: &str| format!("{text}\n{BROKER}{{ file = \"password\" }}\n");
    edit(folder.path(), "tollgate.toml", with_broker);
    check_that_it_is_followed(folder.path(), &password);
}

/// That a secret is read again when the file that it is in changes, and at every signal.
#[track_caller]
fn check_that_it_is_followed(folder: &Path, secret: &Path) {
    let running = Running::start(folder);
    fs::write(secret, "strawberry").unwrap();
    running.wait_for("a secret was read");
    running.wait_for("was read anew, and holds");
    fs::remove_file(secret).unwrap();
    running.wait_for("a secret cannot be read");
    running.wait_for("was read anew, and holds");
    running.signal(rustix::process::Signal::HUP);
    running.wait_for("a secret cannot be read");
    running.wait_for("was read anew, and holds");
    assert_eq!(running.stop(), Some(0));
}
