//! `tollgate secrets lint`: literals that look like credentials, and what to write instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};
use tollgate_log::Input;
use tollgate_policy::Position;
use tollgate_secrets::literal::{Literal, literals};
use tollgate_store::{Manifest, confidential, shown};

use crate::account;
use crate::diagnose::{Place, Problem};
use crate::exit::{Exit, Outcome};
use crate::texts;
use crate::world::World;

/// Find credentials that stand in files as literals: in the manifest with its routes and policies, or
/// in any other files.
///
/// What is found is not repeated.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders (their `.json`, `.toml`, `.yaml`, `.yml` and `.template` files), globs in quotes,
    /// or `-` for standard input.
    #[arg(value_name = "FILE", required_unless_present = "account")]
    inputs: Vec<String>,
    /// The account manifest; the policies and exports that it names are read too.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  tollgate secrets lint --account tollgate.toml
  tollgate secrets lint template.yaml 'policies/**/*.json'
  git show HEAD:template.yaml | tollgate secrets lint -";

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Each finding with its lines, for people.
    Text,
    /// One JSON document.
    Json,
}

const EXTENSIONS: [&str; 5] = ["json", "toml", "yaml", "yml", "template"];

/// A text that is looked through.
struct Linted {
    name: String,
    text: Arc<str>,
    role: FileRole,
    found: Vec<Literal>,
}

/// What a file is to us, which decides what to write in the place of a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileRole {
    Manifest,
    Other,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let files = read(args)?;
    let printed = match args.format {
        Format::Text => text(&files, world),
        Format::Json => format!("{:#}\n", document(&files)),
    };
    world.write(None, printed.as_bytes())?;
    let clean = files.iter().all(|file| file.found.is_empty());
    Ok(if clean { Exit::Ok } else { Exit::Findings })
}

fn read(args: &Args) -> miette::Result<Vec<Linted>> {
    let mut files = Vec::new();
    if let Some(path) = &args.account {
        files.extend(account(path)?);
    }
    for input in texts::expand(&args.inputs, &EXTENSIONS, "files")? {
        let (name, text) = texts::read(&input)?;
        files.push(Linted::new(name, text));
    }
    Ok(files)
}

/// The manifest, and every policy and export that it names. A manifest that is wrong may be so
/// because of the very literal that is looked for; then that is what there is to say.
fn account(path: &Path) -> miette::Result<Vec<Linted>> {
    let (name, text) = texts::read(&Input::File(path.to_owned()))?;
    let linted = Linted::of_manifest(name.clone(), text.clone());
    let manifest = match Manifest::parse(&name, &text) {
        Ok(manifest) => manifest,
        Err(_) if !linted.found.is_empty() => return Ok(vec![linted]),
        Err(problems) => return Err(account::all_of(problems)),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let exports = manifest.authorization_details.0.iter().chain(&manifest.rest_apis.0);
    let named = manifest.policy_files().map(|(file, _)| file);
    let mut paths: Vec<PathBuf> = Vec::new();
    for file in exports.map(|file| file.get_ref().as_str()).chain(named) {
        let file = folder.join(file);
        if !paths.contains(&file) {
            paths.push(file);
        }
    }
    let mut files = vec![linted];
    for path in paths {
        let (name, text) = texts::read(&Input::File(path))?;
        files.push(Linted::new(name, text));
    }
    Ok(files)
}

impl Linted {
    fn new(name: String, text: Arc<str>) -> Linted {
        match is_manifest(&name, &text) {
            true => Linted::of_manifest(name, text),
            false => Linted { found: literals(&text), name, text, role: FileRole::Other },
        }
    }

    /// In a manifest it is known where a literal is one, whatever it looks like.
    fn of_manifest(name: String, text: Arc<str>) -> Linted {
        let mut found = literals(&text);
        for place in confidential(&text).into_iter().filter(|place| place.is_literal) {
            let span = place.span;
            let is_told = |it: &Literal| it.span.start < span.end && span.start < it.span.end;
            if !found.iter().any(is_told) {
                let kind = "a value of a credential";
                found.push(Literal { span, kind, prefix: "", variable: "API_TOKEN" });
            }
        }
        found.sort_by_key(|literal| literal.span.start);
        Linted { name, text, role: FileRole::Manifest, found }
    }

    fn position(&self, literal: &Literal) -> Position {
        Position::of(&self.text, literal.span.start)
    }

    /// `tollgate.toml:6:12: a GitHub token, as a literal`
    fn message(&self, literal: &Literal) -> String {
        format!("{}:{}: {}, as a literal", self.name, self.position(literal), literal.kind)
    }

    fn problem(&self, literal: &Literal) -> Problem {
        let text = match self.role {
            FileRole::Manifest => shown(&self.text),
            FileRole::Other => self.text.to_string(),
        };
        Problem {
            message: self.message(literal),
            help: Some(self.instead(literal)),
            place: Some(Place::of_secret(&self.name, &text, literal.span.clone())),
            others: Vec::new(),
        }
    }

    fn instead(&self, literal: &Literal) -> String {
        let variable = literal.variable;
        match self.role {
            FileRole::Manifest => format!(
                "give it up at its issuer, it has been written down; then write where the new one is: \
                 `secret = {{ env = \"{variable}\" }}`, or `file`, `secretsManager`, `vault`"
            ),
            FileRole::Other => format!(
                "give it up at its issuer, it has been written down; then let the gateway inject the \
                 new one: `[[credential]]` with `secret = {{ env = \"{variable}\" }}` in tollgate.toml"
            ),
        }
    }
}

/// Whether a file is a manifest, by its name or by tables that other files hardly have.
fn is_manifest(name: &str, text: &str) -> bool {
    let path = Path::new(name);
    let begins = |line: &str| {
        ["[[credential", "[[upstream]", "[gateway]"]
            .iter()
            .any(|it| line.trim_start().starts_with(it))
    };
    path.file_name().is_some_and(|it| it == "tollgate.toml")
        || path.extension().is_some_and(|it| it == "toml") && text.lines().any(begins)
}

fn text(files: &[Linted], world: &World) -> String {
    let mut text = String::new();
    for file in files {
        for literal in &file.found {
            text.push_str(&file.problem(literal).shown(world));
        }
    }
    let found: usize = files.iter().map(|file| file.found.len()).sum();
    let counted = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let found = match found {
        0 => "nothing found".to_owned(),
        found => counted(found, "literal credential"),
    };
    text.push_str(&format!("{} looked through: {found}\n", counted(files.len(), "file")));
    text
}

/// As `fixtures/schemas/secrets-lint.schema.json` says.
fn document(files: &[Linted]) -> Value {
    let finding = |file: &Linted, literal: &Literal| {
        let Position { line, column, .. } = file.position(literal);
        json!({
            "path": file.name,
            "line": line,
            "column": column,
            "bytes": [literal.span.start, literal.span.end],
            "kind": literal.kind,
            "help": file.instead(literal),
        })
    };
    let findings: Vec<Value> = files
        .iter()
        .flat_map(|file| file.found.iter().map(move |literal| finding(file, literal)))
        .collect();
    json!({ "version": 1, "files": files.len(), "findings": findings })
}
