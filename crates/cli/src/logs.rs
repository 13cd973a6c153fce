//! What `analyze` and `convert` have in common: which logs to read, and how.

mod told;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_analyzer::text::in_a_line;
use tollgate_log::{
    Envelope, Format, Input, LineAccount, NameMap, Overrides, Projection, Quarantine,
    QuarantineFile, QuarantinedLine, ScanOptions, ScanState, Source, Template,
};
use tollgate_secrets::literal::Blotted;

use crate::account;
use crate::diagnose::Problem;
use crate::overwrite::{self, Written};
use crate::world::World;
use told::Told;

/// Which logs to read, and how.
#[derive(clap::Args)]
pub(crate) struct LogArgs {
    /// Files, folders, globs in quotes, or `-` for standard input.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// The access log's format, as the API is configured: text with `$context` variables.
    #[arg(long, value_name = "FORMAT", help_heading = "Reading logs")]
    log_format: Vec<String>,
    /// Take the access log's format from a file: the JSON of `aws apigateway get-stage` or
    /// `apigatewayv2 get-stage`, or a CloudFormation, SAM or OpenAPI template.
    #[arg(long, value_name = "FILE", help_heading = "Reading logs")]
    log_format_from: Vec<PathBuf>,
    /// How events are wrapped, instead of what the input looks like: `lines`, `stamped`,
    /// `stamped-with-stream`, `documents` or `table`.
    #[arg(long, value_name = "NAME", value_parser = envelope, help_heading = "Reading logs")]
    envelope: Option<Envelope>,
    /// What the events are, instead of what they look like: `access` or `execution`.
    #[arg(long, value_name = "NAME", value_parser = kind, help_heading = "Reading logs")]
    log_kind: Option<Format>,
    /// Read a name of your own as a column or variable: `who=user_arn`,
    /// `ms=$context.responseLatency`.
    #[arg(long, value_name = "NAME=COLUMN", value_parser = pair, help_heading = "Reading logs")]
    name: Vec<(String, String)>,
    /// Leave out events that were delivered twice, by their ids.
    #[arg(long, help_heading = "Reading logs")]
    dedup: bool,
    /// Read only what is new since the last run with this file. Implies `--dedup`.
    #[arg(long, value_name = "FILE", help_heading = "Reading logs")]
    state: Option<PathBuf>,
    /// Workers at most; 0 for one a core.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Reading logs")]
    threads: usize,
    /// Keep the lines that could not be read, whole, as JSON lines.
    #[arg(long, value_name = "FILE", help_heading = "Reading logs")]
    quarantine: Option<PathBuf>,
    /// Fail with exit code 2 if any line could not be read, or with `--strict=PERCENT` if more than
    /// this share could not.
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        value_parser = percent,
        help_heading = "Reading logs"
    )]
    strict: Option<f64>,
    /// Say on standard error what each input was taken for.
    #[arg(short, long, help_heading = "Reading logs")]
    verbose: bool,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "expected a number of per cent, from 0 to 100".to_owned())
}

fn envelope(name: &str) -> Result<Envelope, String> {
    Envelope::named(name).ok_or_else(|| {
        format!("expected one of {}", Envelope::ALL.map(|e| format!("`{e}`")).join(", "))
    })
}

fn kind(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| "expected `access` or `execution`".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, column)) => Ok((name.to_owned(), column.to_owned())),
        None => Err("expected NAME=COLUMN".to_owned()),
    }
}

/// What `[log]` of a manifest tells of logs, and nothing else.
pub(crate) fn told_by(manifest: &Path, projection: Projection) -> miette::Result<ScanOptions> {
    let Told { names, formats } = Told::read(manifest).map_err(account::all_of)?;
    Ok(ScanOptions { names: map(&names)?, formats, ..ScanOptions::new(projection) })
}

fn map<'a>(names: impl IntoIterator<Item = &'a (String, String)>) -> miette::Result<NameMap> {
    let pairs = names.into_iter().map(|(name, column)| (name.as_str(), column.as_str()));
    Ok(NameMap::new(pairs).map_err(|error| Problem {
        help: Some(told::meant(&error.target)),
        ..Problem::new(error.to_string())
    })?)
}

/// What was named again, and what it is the same as.
pub(crate) type Again = Vec<(Arc<str>, Arc<str>)>;

/// How many files are named that are the same as others.
const AGAIN_SAID: usize = 3;

/// What arguments mean: files, folders, globs or `-` for standard input. Each file is there once.
pub(crate) fn find(arguments: &[String]) -> miette::Result<(Vec<Input>, Again)> {
    let mut inputs = Vec::new();
    for argument in arguments {
        inputs.extend(Input::expand(argument).map_err(|error| Problem::new(error.to_string()))?);
    }
    let again = Input::keep_distinct(&mut inputs);
    Ok((inputs, again))
}

/// Says which files were read once, although they were named again.
pub(crate) fn say_again(again: &Again, world: &World) {
    for (name, first) in again.iter().take(AGAIN_SAID) {
        world.complain(&format!("`{name}` is the same file as `{first}`, and was read once"));
    }
    if let Some(others) = again.len().checked_sub(AGAIN_SAID).filter(|count| *count > 0) {
        world.complain(&format!("{others} more are the same as others"));
    }
}

/// Says which variables of log formats API Gateway does not have.
fn say_unknown(options: &ScanOptions, world: &World) {
    let of_manifest = options.formats.iter().flat_map(|format| &format.templates);
    let templates = options.overrides.templates.iter().chain(of_manifest);
    let unknown: BTreeSet<&str> = templates.flat_map(Template::unknown_variables).collect();
    for variable in unknown {
        let meant = told::meant_variable(variable).map(|meant| format!(": {meant}"));
        world.complain(&format!(
            "API Gateway has no variable `$context.{variable}` for log formats{}",
            meant.unwrap_or_default()
        ));
    }
}

/// The first lines that could not be read, to be shown: without what looks like a credential.
pub(crate) fn samples(quarantine: &Quarantine) -> Vec<QuarantinedLine> {
    let shown = |line: &QuarantinedLine| {
        let sample = Blotted::new(&line.sample, []).text;
        QuarantinedLine { sample, ..line.clone() }
    };
    quarantine.samples().iter().map(shown).collect()
}

/// What each input was taken for, and why its first line did not fit.
pub(crate) fn tried(sources: &[Source], samples: &[QuarantinedLine]) -> Vec<String> {
    let tried = sources.iter().map(|source| {
        let first = samples.iter().find(|line| line.file == source.name);
        let why = match (first, source.account.total()) {
            (Some(line), _) if line.sample.is_empty() => line.reason.clone(),
            (Some(line), _) => format!("{}: `{}`", line.reason, line.sample),
            (None, 0) => "it is empty".to_owned(),
            (None, 1) => "1 line, not of a request".to_owned(),
            (None, lines) => format!("{lines} lines, none of a request"),
        };
        let as_what = source.description();
        in_a_line(&format!("{} (read as {as_what}): {why}", source.name))
    });
    tried.collect()
}

/// No line could be read.
pub(crate) fn unreadable(tried: &[String]) -> Problem {
    Problem {
        help: Some(
            "expected access logs of API Gateway or a gateway like it, one request a line, plain or \
             packed with gzip or zstd"
                .to_owned(),
        ),
        ..Problem::new(format!("no line is a request that can be read\n{}", tried.join("\n")))
    }
}

/// Logs that are ready to be read.
pub(crate) struct Logs<'a> {
    args: &'a LogArgs,
    pub(crate) inputs: Vec<Input>,
    again: Again,
    pub(crate) options: ScanOptions,
}

impl LogArgs {
    /// Finds the inputs and what is known of them, from the flags and from `[log]` of a manifest; the flags
    /// count first. None of them is written over, nor are `files`, which are read as well. Says which
    /// variables of formats are unknown.
    pub(crate) fn open(
        &self,
        projection: Projection,
        manifest: Option<&Path>,
        files: &[PathBuf],
        mut written: Vec<Written>,
        world: &World,
    ) -> miette::Result<Logs<'_>> {
        let (inputs, again) = find(&self.inputs)?;
        written.extend(self.quarantine.clone().map(|path| ("--quarantine", path)));
        overwrite::refuse(&inputs, files, &written)?;
        let told =
            manifest.map(Told::read).transpose().map_err(account::all_of)?.unwrap_or_default();
        let names = map(told.names.iter().chain(&self.name))?;
        let options = ScanOptions {
            overrides: Overrides {
                envelope: self.envelope,
                format: self.log_kind,
                templates: self.templates(&names)?,
                ..Overrides::default()
            },
            formats: told.formats,
            names,
            deduplicate: self.dedup,
            threads: self.threads,
            quarantine: self.quarantine.as_deref().map(quarantine).transpose()?,
            state: self.state.as_deref().map(state).transpose()?,
            ..ScanOptions::new(projection)
        };
        say_unknown(&options, world);
        Ok(Logs { args: self, inputs, again, options })
    }

    fn templates(&self, names: &NameMap) -> miette::Result<Vec<Template>> {
        let mut templates = Vec::new();
        for format in &self.log_format {
            let template = Template::parse(format, names);
            templates
                .push(template.map_err(|error| Problem::new(format!("{error}, in `{format}`")))?);
        }
        for path in &self.log_format_from {
            let text = fs::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
            let found = Template::find(&text, names);
            let problem = |error| Problem::new(format!("{}: {error}", path.display()));
            templates.extend(found.map_err(problem)?);
        }
        Ok(templates)
    }
}

impl Logs<'_> {
    /// Ends a run that succeeded: what was read is remembered, what could not be read is kept and
    /// said.
    pub(crate) fn close(
        &self,
        account: &LineAccount,
        sources: &[Source],
        next: Option<&ScanState>,
        world: &World,
    ) -> miette::Result<()> {
        say_again(&self.again, world);
        if self.args.verbose {
            for source in sources {
                world.complain(&format!("{}: {}", source.name, source.description()));
            }
        }
        if let (Some(path), Some(file)) = (&self.args.quarantine, &self.options.quarantine) {
            file.finish().map_err(|error| cannot("write", path, &error))?;
        }
        if let (Some(path), Some(next)) = (&self.args.state, next) {
            next.write(path).map_err(|error| cannot("write", path, &error))?;
        }
        match self.args.strict {
            Some(percent) if share(account) > percent => Err(damaged(account).into()),
            _ => Ok(()),
        }
    }
}

/// The share of lines that could not be read, in percent.
fn share(account: &LineAccount) -> f64 {
    100.0 * account.quarantined as f64 / account.total().max(1) as f64
}

fn quarantine(path: &Path) -> miette::Result<Arc<QuarantineFile>> {
    let file = File::create(path).map_err(|error| cannot("write", path, &error))?;
    Ok(Arc::new(QuarantineFile::new(BufWriter::new(file))))
}

fn state(path: &Path) -> miette::Result<Arc<ScanState>> {
    let state = ScanState::read(path).map_err(|error| cannot("read", path, &error))?;
    Ok(Arc::new(state))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("cannot {what} `{}`: {error}", path.display()))
}

/// `--strict`, and some lines could not be read.
fn damaged(account: &LineAccount) -> Problem {
    let LineAccount { quarantined, .. } = account;
    Problem {
        help: Some(
            "they are listed at the end of the report; without `--strict` this is no error"
                .to_owned(),
        ),
        ..Problem::new(format!("{quarantined} of {} lines could not be read", account.total()))
    }
}
