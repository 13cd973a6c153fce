use proptest::prelude::*;

use super::*;
use crate::{Manifest, Problem};

const HEAD: &str = "account = \"123456789012\"\nregion = \"us-east-1\"\n";

#[track_caller]
fn check(lines: &str, expected: &str) {
    let text = format!("{HEAD}{lines}");
    assert_eq!(shown(&text), format!("{HEAD}{expected}"));
}

#[test]
fn what_is_known_to_be_no_secret_is_shown() {
    for lines in [
        "# the team's\n",
        "[[principal]]\narn = \"arn:aws:iam::123456789012:role/k8sX9\" # its role\ntags = { Owner1x2 = 'a1B2c3D4' }\n",
        "[[upstream]]\nname = \"a\"\nurl = \"https://api.example.com/v1/{secret}/x\"\nallow = [\n  \"10.0.0.0/8\",\n]\n",
        "[[credential]]\nname = \"github-reader\"\nsecret = { env = \"GITHUB_TOKEN\" }\n",
        "[[credential]]\ninject = { header = { name = \"authorization\", format = \"token {secret}\" } }\nthrottle = { rate = 1.4, burst = 100 }\n",
        "[[broker]]\nserver = \"db9x1.internal:5432\"\npassword = { file = \"run/password\" }\n",
        "[sts]\nmasterKeys = [\"keys/2026-11.key\"]\n",
    ] {
        check(lines, lines);
    }
}

#[test]
fn what_could_be_a_secret_is_blotted_out_and_everything_stays_where_it_was() {
    check(
        "[[upstream]]\nurl = \"http://bob:word@h/b?k=v\"\n",
        "[[upstream]]\nurl = \"http://bob:****@h/b?***\"\n",
    );
    check(
        "[[upstream]]\nurl = \"http://word@h/9f8a7b6c\"\n",
        "[[upstream]]\nurl = \"http://****@h*********\"\n",
    );
    check(
        "[[credential]]\nsecret = [\"wörd\"] # old: word\n",
        "[[credential]]\nsecret = [\"*¤**\"] ***********\n",
    );
    check("[[credential]]\nsecrets = \"word\"\n", "[[credential]]\nsecrets = \"****\"\n");
    check(
        "[[credential]]\nsecret = \"word\nname = \"a\"\n",
        "[[credential]]\nsecret = \"****\nname = \"a\"\n",
    );
    check("[[credentials]]\nx = 'a' b\n", "[[credentials]]\nx = '*' *\n");
    check(
        "[[credential]]\nsecret = { env = \"a9B8c7D6\" }\n",
        "[[credential]]\nsecret = { env = \"********\" }\n",
    );
    check(
        "[[broker]]\npassword = \"word\"\npasswort = \"word\"\n",
        "[[broker]]\npassword = \"****\"\npasswort = \"****\"\n",
    );
    check("[sts]\nmasterKeys = [\"00ff00ff\"]\n", "[sts]\nmasterKeys = [\"********\"]\n");
    check("[colours]\nred = \"word\"\n", "[colours]\nred = \"****\"\n");
    check(
        "[[upstream]]\nurl = \"https://bob:w?/@rd@h/b?@\"\n",
        "[[upstream]]\nurl = \"https://bob:***********@\"\n",
    );
    check(
        "[[broker]]\nserver = \"bob:word@db:5432\"\n",
        "[[broker]]\nserver = \"bob:****@db:5432\"\n",
    );
}

#[test]
fn what_stands_where_only_a_reference_should_is_a_literal() {
    let literals = |lines: &str| {
        let found = confidential(lines).into_iter().filter(|it| it.is_literal);
        found.map(|it| lines[it.span].to_owned()).collect::<Vec<_>>()
    };
    for lines in [
        "[[credential]]\nsecret = { value = \"a word\" }",
        "[[credential]]\nsecret = { env = \"X\", value = \"a word\" }",
        "[[credential]]\nsecret.value = 'a word'",
        "[credential.secret]\nliteral = \"a word\"",
        "[[credential]]\nsecret = [\"a word\"]",
        "[[credential]]\nsecret = \"\"\"a word\"\"\"",
        "[[credential]]\nsecret = \"a word",
        "[[credential]]\nsecrets = \"a word\"",
        "[[credential]]\ninject = { header = { name = \"x\", format = \"a word\" } }",
        "[[credential]]\ninject = { header = { name = \"x\", value = \"a word\" } }",
        "[[broker]]\npassword = { value = \"a word\" }",
        "[[upstream]]\nurl = \"https://h/?a word\"",
        "[[upstream]]\nurl = \"https://bob:a word@h/\"",
    ] {
        assert_eq!(literals(lines), ["a word"], "{lines}");
    }
    for lines in [
        "[[credential]]\nsecret = { file = \"/srv/x1Y2z3W4/token\" }",
        "[[credential]]\ninject = { oauth2 = { clientId = \"6f1e0c2a-1b2c-4d3e-8f90-a1b2c3d4e5f6\" } }",
        "[[credential]]\nsecret = \"<token>\"\ninject = { header = { format = \"x1Y2z3W4: {secrt}\" } }",
        "[colours]\nred = \"a word\"",
    ] {
        assert_eq!(literals(lines), [""; 0], "{lines}");
    }
}

/// Where a secret can be put, `@`, in a manifest that is otherwise right or nearly so.
const PLACES: [&str; 33] = [
    "secret = \"@\"",
    "secret = '@'",
    "secret = \"\"\"@\"\"\"",
    "secret = \"\"\"\n@\n\"\"\"",
    "secret = \"@",
    "secret = '@",
    "secret = @",
    "secret = @\"",
    "secret = \"@\" \"@\"",
    "secret = [\"@\"]",
    "secret = [\"@\"",
    "secret = { \"@\" }",
    "secret = { \"@\" = 1 }",
    "inject = { '@' = 1 }",
    "\"@\" = 1",
    "secret = { env = \"@\" }",
    "secret = { env = \"@\" ",
    "secret = { file = \"@\" }",
    "secret = { secretsManager = '@', field = \"@\" }",
    "secret = { vault = \"@\", field = \"a\", login = { token = \"@\" } }",
    "secret = { env = \"X\", value = \"@\" }",
    "secret.value = \"@\"",
    "secret \"@\"",
    "secret: \"@\"",
    "inject = \"@\"",
    "inject = [\"@\"]",
    "inject = { header = { name = \"x\", format = \"@\" } }",
    "inject = { header = { name = \"@\", value = \"Bearer @\" } }",
    "inject = { \"header\" = \"@\" }",
    "inject = { basic = { username = [\"@\"] } }",
    "upstream = 'b' # @",
    "throttle = { rate = \"@\" }",
    "[credential.secret]\nvalue = \"@\"",
];

/// Everything that a problem with a manifest tells.
fn all_of(problem: &Problem) -> String {
    format!("{problem}\n{}\n{}", problem.text, problem.help.as_deref().unwrap_or_default())
}

proptest! {
    #[test]
    fn no_problem_with_a_manifest_tells_a_secret(
        secret in "[a-z]{2,5}[0-9]{1,3}[A-Z]{2,5}[A-Za-z0-9+/=_.@:?&%~-]{8,30}",
        place in prop::sample::select(&PLACES[..]),
        typo in prop::option::of((0usize..7, prop::sample::select(&['x', '_', 'e'][..]))),
        header in prop::sample::select(&["[[credential]]", "[credential]", "[[credentials]]", "[[credental]]"][..]),
    ) {
        let mut line = place.replace('@', &secret);
        if let Some((at, char)) = typo {
            line.insert(at.min(line.find(' ').unwrap_or(0)), char);
        }
        let text = format!("{HEAD}{header}\nname = \"a\"\n{line}\nupstream = \"b\"\ncolour = 1\n");
        let problems = Manifest::parse("tollgate.toml", &Arc::from(text.as_str()));
        for problem in problems.err().into_iter().flatten() {
            prop_assert!(!all_of(&problem).contains(&secret), "{}", all_of(&problem));
        }
        prop_assert!(!shown(&text).contains(&secret), "{}", shown(&text));
    }

    #[test]
    fn what_is_shown_is_as_long_as_what_is_written(text in "([ -~]|\\PC|url = \"(http://)?[a@/?#:]{1,9}\"|\n|[=\"'{}\\[\\]#.,]|credential|url|secret){0,120}") {
        let shown = shown(&text);
        prop_assert_eq!(shown.len(), text.len());
        let lines = |text: &str| text.split('\n').map(|it| it.chars().count()).collect::<Vec<_>>();
        prop_assert_eq!(lines(&shown), lines(&text));
    }
}
