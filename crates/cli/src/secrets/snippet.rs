//! What to write for each outcome, ready to paste.

use std::fmt;
use std::str::FromStr;

use tollgate_secrets::advise::{Outcome, Profile, Secrecy};

/// What a value is called: letters, digits, `_` and `-`, so that it is a name in every language that
/// it is written in.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

const NAME_MAX: usize = 64;

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        let fits = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.len() <= NAME_MAX
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "_-".contains(char));
        if !fits {
            return Err(format!(
                "expected a letter, then at most {NAME_MAX} letters, digits, `_` or `-`"
            ));
        }
        Ok(Name(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Name {
    /// `GITHUB_TOKEN`
    fn variable(&self) -> String {
        self.0.to_uppercase().replace('-', "_")
    }

    /// `github-token`
    fn alias(&self) -> String {
        self.0.to_lowercase().replace('_', "-")
    }

    /// `githubtoken`, for the names of roles.
    fn plain(&self) -> String {
        self.0.to_lowercase().replace(['_', '-'], "").chars().take(20).collect()
    }
}

/// Something to write.
pub(super) struct Snippet {
    /// Where it goes.
    pub(super) title: &'static str,
    /// What it is written in.
    pub(super) language: &'static str,
    pub(super) text: String,
}

/// What to write for an outcome, the preferred first.
pub(super) fn snippets(outcome: Outcome, profile: &Profile, name: &Name) -> Vec<Snippet> {
    match outcome {
        Outcome::Broker => vec![broker(name)],
        Outcome::Gateway => vec![gateway(name)],
        Outcome::RuntimeKeystore => vec![run_time(name)],
        Outcome::BuildKeystore => vec![build(name)],
        Outcome::KeystorePreferred | Outcome::Either => vec![build(name), ci(profile, name)],
        Outcome::CiVariable => vec![ci(profile, name)],
        Outcome::ConfigurationFile => vec![file(name)],
    }
}

fn gateway(name: &Name) -> Snippet {
    let (alias, variable) = (name.alias(), name.variable());
    Snippet {
        title: "In tollgate.toml; callers sign their requests, and a policy allows them",
        language: "toml",
        text: format!(
            r#"[[api.route]]
path       = "/{{proxy+}}"
upstream   = "third-party"
credential = "{alias}"

[[upstream]]
name = "third-party"
url  = "https://api.example.com"

[[credential]]
name     = "{alias}"
upstream = "third-party"
secret   = {{ env = "{variable}" }}   # or secretsManager, vault, file
"#
        ),
    }
}

fn broker(name: &Name) -> Snippet {
    let (plain, variable) = (name.plain(), name.variable());
    Snippet {
        title: "In tollgate.toml; a signed POST to the route answers with a login of the caller's own",
        language: "toml",
        text: format!(
            r#"[[api.route]]
path     = "/databases/{plain}"
methods  = ["POST"]
upstream = "{plain}"

[[broker]]
name     = "{plain}"
server   = "db.example.com:5432"
user     = "tollgate"
password = {{ env = "{variable}" }}   # the broker's own
database = "app"
template = "app_reader"   # the role whose rights logins get
journal  = "{plain}.journal"
"#
        ),
    }
}

fn run_time(name: &Name) -> Snippet {
    let alias = name.alias();
    Snippet {
        title: "In the application, in Python; the workload's role may read this one secret",
        language: "python",
        text: format!(
            r#"import boto3

def {}():
    answer = boto3.client("secretsmanager").get_secret_value(SecretId="{alias}")
    return answer["SecretString"]
"#,
            name.variable().to_lowercase()
        ),
    }
}

fn build(name: &Name) -> Snippet {
    let (alias, variable) = (name.alias(), name.variable());
    Snippet {
        title: "In the script that builds or deploys; its role may read this one secret",
        language: "sh",
        text: format!(
            r#"{variable}="$(aws secretsmanager get-secret-value --secret-id {alias} \
    --query SecretString --output text)"
export {variable}
"#
        ),
    }
}

fn ci(profile: &Profile, name: &Name) -> Snippet {
    let variable = name.variable();
    let store = if profile.secrecy == Secrecy::Config { "vars" } else { "secrets" };
    Snippet {
        title: "In a GitHub workflow, with a value for each environment",
        language: "yaml",
        text: format!(
            r#"jobs:
  deploy:
    environment: production
    env:
      {variable}: ${{{{ {store}.{variable} }}}}
"#
        ),
    }
}

fn file(name: &Name) -> Snippet {
    Snippet {
        title: "In the application's configuration, beside the code",
        language: "toml",
        text: format!("{} = \"…\"\n", name.alias()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tollgate_secrets::literal::literals;
    use tollgate_store::Manifest;

    fn name() -> Name {
        "GITHUB_TOKEN".parse().unwrap()
    }

    fn profile(secrecy: &str) -> Profile {
        serde_json::from_str(&format!(r#"{{"secrecy": "{secrecy}", "uniqueness": "static"}}"#))
            .unwrap()
    }

    #[test]
    fn a_name_is_one_in_every_language() {
        for bad in ["", "1a", "a b", "a'b", "$(x)", "é", &"a".repeat(65)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        let name: Name = "Github-Token_2".parse().unwrap();
        assert_eq!(name.variable(), "GITHUB_TOKEN_2");
        assert_eq!(name.alias(), "github-token-2");
        assert_eq!(name.plain(), "githubtoken2");
    }

    #[test]
    fn what_goes_into_a_manifest_is_a_manifest() {
        for snippet in [gateway(&name()), broker(&name())] {
            let head = "account = \"123456789012\"\nregion = \"eu-west-1\"\n[[api]]\nid = \"a\"\n";
            let text: Arc<str> = format!("{head}{}", snippet.text).into();
            Manifest::parse("tollgate.toml", &text).unwrap_or_else(|problem| panic!("{problem}"));
        }
        let text: toml::Table = toml::from_str(&file(&name()).text).unwrap();
        assert!(text.contains_key("github-token"));
    }

    #[test]
    fn a_snippet_holds_no_secret() {
        for outcome in Outcome::ALL {
            for snippet in snippets(outcome, &profile("shared"), &name()) {
                assert_eq!(literals(&snippet.text), [], "{}", snippet.text);
            }
        }
    }

    #[test]
    fn a_variable_of_ci_is_a_secret_if_the_value_is_one() {
        assert!(ci(&profile("config"), &name()).text.contains("${{ vars.GITHUB_TOKEN }}"));
        assert!(ci(&profile("shared"), &name()).text.contains("${{ secrets.GITHUB_TOKEN }}"));
    }
}
