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
    let output = tollgate(folder.path(), &["serve", "--check"]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(expected), "expected `{expected}` in\n{said}");
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

#[test]
fn the_password_of_a_broker_is_read_too() {
    const BROKER: &str = "[[broker]]\nname = \"app\"\nserver = \"db:5432\"\nuser = \"a\"\n\
        database = \"app\"\ntemplate = \"reader\"\njournal = \"app.journal\"\n\
        sslMode = \"disable\"\npassword = ";
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

#[test]
fn a_file_with_a_secret_is_read_when_it_changes() {
    let folder = folder("http://127.0.0.1:9");
    let token = folder.path().join("token");
    fs::write(&token, "vanilla").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let to_file = with("{ env = \"GITHUB_TOKEN\" }", "{ file = \"token\" }");
    edit(folder.path(), "tollgate.toml", to_file);
    let running = Running::start(folder.path());
    fs::write(&token, "strawberry").unwrap();
    running.wait_for("a secret was read");
    running.wait_for("was read anew, and holds");
    fs::remove_file(&token).unwrap();
    running.wait_for("a secret cannot be read");
    running.wait_for("was read anew, and holds");
    assert_eq!(running.stop(), Some(0));
}
