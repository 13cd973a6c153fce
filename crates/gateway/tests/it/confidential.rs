//! Secrets that somebody wrote into the manifest: nothing that is said of it repeats them.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tollgate_gateway::{Event, Snapshot, Surroundings};
use tollgate_store::{Files, Problems};

use crate::support::{manifest, surroundings, write_files};

/// Where a secret can be put, `@`, so that the manifest can still be read: URL, then credential.
const PLACES: [(&str, &str); 16] = [
    ("http://bob:@@h", "secret = { env = \"X\" }"),
    ("http://@@h", "secret = { env = \"X\" }"),
    ("http://h?key=@", "secret = { env = \"X\" }"),
    ("http://h#@", "secret = { env = \"X\" }"),
    ("http://h", "secret = { env = \"@\" }"),
    ("http://h", "secret = { file = \"@\" }"),
    ("http://h", "secret = { value = \"@\" }"),
    ("http://h", "secret = { env = \"X\", literal = \"@\" }"),
    ("http://h", "secret = { secretsManager = \"@\", region = \"r\" }"),
    (
        "http://h",
        "secret = { vault = \"a/@\", field = \"b\", address = \"http://127.0.0.1:1\", login = { token = { env = \"GITHUB_TOKEN\" } } }",
    ),
    (
        "http://h",
        "secret = { vault = \"a/b\", field = \"@\", address = \"http://@\", login = { token = { env = \"@\" } } }",
    ),
    ("http://h", "secret.value = \"@\""),
    (
        "http://h",
        "secret = { env = \"X\" }\ninject = { header = { name = \"x\", format = \"@\" } }",
    ),
    ("http://h", "secret = { env = \"X\" }\ninject = { header = { name = \"@ \" } }"),
    ("http://h", "secret = { env = \"X\" }\ninject = { basic = { username = \"@:\" } }"),
    (
        "http://h",
        "secret = { env = \"X\" }\ninject = { oauth2 = { tokenUpstream = \"@\", clientId = \"c\" } }",
    ),
];

/// Everything that is said when this manifest is read: problems with all that they carry, and what
/// observers are told.
async fn said(manifest: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let path = folder.path().join("tollgate.toml");
    std::fs::write(&path, manifest).unwrap();
    let events = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&events);
    let observer = move |_: &str, event: &Event<'_>| {
        if let Event::Failed { error, .. } = event {
            all.lock().unwrap().push_str(&error.to_string());
        }
    };
    let around = Surroundings { observer: Arc::new(observer), ..surroundings() };
    let shown = |problems: Problems| {
        let told = problems.iter().map(|it| format!("{it}\n{}\n{:?}\n", it.text, it.help));
        told.collect::<String>()
    };
    let problems = match Snapshot::read(&Files, &path, &around, None) {
        Err(problems) => shown(problems),
        Ok(snapshot) => snapshot.read_secrets().await.err().map(shown).unwrap_or_default(),
    };
    assert!(!problems.is_empty(), "nothing is wrong with\n{manifest}");
    problems + &events.lock().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_secret_in_the_manifest_is_in_no_message(
        secret in "[a-z]{2,5}[0-9]{1,3}[A-Z]{2,5}[A-Za-z0-9+=_.~-]{8,30}",
        (url, credential) in prop::sample::select(&PLACES[..]),
    ) {
        let url = url.replacen('@', &secret, 1);
        let text = manifest(&url, "", &credential.replace('@', &secret));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said = runtime.block_on(said(&text));
        prop_assert!(!said.contains(&secret), "{said}");
    }
}
