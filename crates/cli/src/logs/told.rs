//! `[log]` of the account's manifest: what it tells of logs before they are read.

use std::path::Path;

use tollgate_log::{ApiStage, Field, InputPattern, LogFormat, NameMap, Template};
use tollgate_store::{
    Files, LogFormatDecl, ManifestFile, Problem, Problems, Source as _, suggestion,
};

/// What a manifest tells of logs.
#[derive(Default)]
pub(super) struct Told {
    /// Names in the logs, each with what it stands for.
    pub(super) names: Vec<(String, String)>,
    pub(super) formats: Vec<LogFormat>,
}

impl Told {
    /// Reads a manifest, and none of its policies.
    ///
    /// # Errors
    /// Everything that is wrong with its `[log]`, or that it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Told, Problems> {
        let file = ManifestFile::read(&Files, path)?;
        let mut problems = Vec::new();
        let told = Reader { file: &file, problems: &mut problems }.read();
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
        Problems::none_or(problems, told)
    }
}

struct Reader<'a> {
    file: &'a ManifestFile,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self) -> Told {
        let log = &self.file.manifest.log;
        let mut names = Vec::new();
        for (name, target) in &log.names {
            let written = target.get_ref();
            if let Err(error) = NameMap::new([(name.as_str(), written.as_str())]) {
                let problem = self.file.problem(target.span(), error.to_string());
                self.problems.push(problem.with_help(meant(written)));
            }
            names.push((name.clone(), written.clone()));
        }
        let mut formats = Vec::new();
        for format in &log.formats {
            match self.format(format.get_ref()) {
                Ok(Some(format)) => formats.push(format),
                Ok(None) => {
                    let message = "a log format that tells nothing";
                    let problem = self.file.problem(format.span(), message);
                    self.problems.push(problem.with_help(
                        "expected `template`, or `from`, or whose the lines are: `api` and `stage`",
                    ));
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        Told { names, formats }
    }

    /// One format; nothing if it tells nothing.
    fn format(&self, format: &LogFormatDecl) -> Result<Option<LogFormat>, Problem> {
        let LogFormatDecl { api, stage, paths, .. } = format;
        let api_stage =
            ApiStage { api: api.as_ref().map(|api| api.get_ref().clone()), stage: stage.clone() };
        let templates = self.templates(format)?;
        let mut inputs = Vec::new();
        for path in &paths.0 {
            let pattern = InputPattern::new(&self.file.folder, path.get_ref());
            inputs.push(pattern.map_err(|e| self.file.problem(path.span(), e.to_string()))?);
        }
        let tells = !templates.is_empty() || api_stage != ApiStage::default();
        Ok(tells.then_some(LogFormat { inputs, templates, api_stage }))
    }

    fn templates(&self, format: &LogFormatDecl) -> Result<Vec<Template>, Problem> {
        // What `$context` variables mean does not depend on names in the logs.
        let names = NameMap::default();
        match (&format.template, &format.from) {
            (Some(_), Some(from)) => {
                Err(self.file.problem(from.span(), "expected `template` or `from`, found both"))
            }
            (Some(template), None) => match Template::parse(template.get_ref(), &names) {
                Ok(template) => Ok(vec![template]),
                Err(error) => Err(self.file.problem(template.span(), error.to_string())),
            },
            (None, Some(from)) => {
                let problem = |error: String| {
                    let message = format!("cannot take a log format from it: {error}");
                    self.file.problem(from.span(), message)
                };
                let path = self.file.folder.join(from.get_ref());
                let text = Files.read(&path).map_err(|error| problem(error.to_string()))?;
                Template::find(&text, &names).map_err(|error| problem(error.to_string()))
            }
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The variable that was probably meant.
pub(super) fn meant_variable(written: &str) -> Option<String> {
    let variables = Field::ALL.iter().map(|field| field.variable()).filter(|name| !name.is_empty());
    suggestion(written, variables).map(|meant| meant.replacen('`', "`$context.", 1))
}

/// The variable or column that was probably meant.
pub(super) fn meant(written: &str) -> String {
    let near = match written.strip_prefix("$context.") {
        Some(variable) => meant_variable(variable),
        None => suggestion(written, Field::ALL.iter().map(|field| field.name())),
    };
    near.unwrap_or_else(|| {
        "expected a variable, `$context.identity.userArn`, or a column, `user_arn`".to_owned()
    })
}
