//! Resources of APIs: `arn:…:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/path`.

use crate::code::Code;
use crate::document::Statement;
use crate::parse::quote;
use crate::span::Spanned;
use crate::template::Variables;

use super::Linter;
use super::statement::resource_name;

pub(super) fn lint(linter: &mut Linter<'_>, statement: &Statement, pointer: &str) {
    let Some(resource) = &statement.resource else { return };
    let pointer = format!("{pointer}/{}", resource_name(resource));
    for pattern in &resource.patterns {
        let visible = without_variables(&pattern.value, linter.variables());
        if let Some(api) = ApiPattern::read(&visible) {
            lint_pattern(linter, pattern, &api, &pointer);
        }
    }
}

/// The parts of an API's resource pattern, as far as it goes.
#[derive(Debug, Default, PartialEq)]
struct ApiPattern<'p> {
    api: &'p str,
    stage: Option<&'p str>,
    method: Option<&'p str>,
    path: Option<&'p str>,
}

impl<'p> ApiPattern<'p> {
    /// Takes an ARN pattern or the short form apart at its slashes; `None` for other services.
    fn read(text: &'p str) -> Option<ApiPattern<'p>> {
        let (api, rest) = match text.strip_prefix("execute-api:/") {
            Some(rest) => ("", Some(rest)),
            None => {
                let mut parts = text.splitn(6, ':');
                let service = parts.nth(2)?;
                let resource = parts.nth(2).filter(|_| service == "execute-api")?;
                match resource.split_once('/') {
                    Some((api, rest)) => (api, Some(rest)),
                    None => (resource, None),
                }
            }
        };
        let mut rest = rest.map(|rest| rest.splitn(3, '/')).into_iter().flatten();
        Some(ApiPattern { api, stage: rest.next(), method: rest.next(), path: rest.next() })
    }

    fn has_wildcard(&self) -> bool {
        let parts = [Some(self.api), self.stage, self.method, self.path];
        parts.into_iter().flatten().any(|part| part.contains(['*', '?', VARIABLE]))
    }
}

/// Stands for a policy variable, whose name may hold slashes and colons.
const VARIABLE: char = '\u{fffc}';

fn without_variables(text: &str, variables: Variables) -> String {
    if variables == Variables::Literal {
        return text.to_owned();
    }
    let mut visible = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        visible.push_str(before);
        visible.push(VARIABLE);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    visible.push_str(rest);
    visible
}

fn lint_pattern(
    linter: &mut Linter<'_>,
    pattern: &Spanned<String>,
    api: &ApiPattern<'_>,
    pointer: &str,
) {
    let mut report = |code, message: String, suggestion: String| {
        linter.report(code, pattern.span, pointer.to_owned(), message, suggestion);
    };
    let shown = quote(&pattern.value);
    if let Some((stage, method)) = swallowed_method(api) {
        let path = api.path.unwrap_or("");
        let also = format!("prod/POST/x/{method}/{path}").replace(['*', VARIABLE], "…");
        report(
            Code::StageWildcard,
            format!("the wildcard {} for the stage also takes the method in {shown}", quote(stage)),
            format!("name the stage: `*` spans `/`, so that {} matches too", quote(&also)),
        );
    }
    if api.path.is_none() && !api.has_wildcard() {
        let missing = match (api.stage, api.method) {
            (None, _) => "the stage",
            (_, None) => "the method",
            _ => "the path",
        };
        report(
            Code::IncompleteApiPath,
            format!("{shown} matches no request: it ends before {missing}"),
            format!("write {}", quote(&format!("{}/*", pattern.value.trim_end_matches('/')))),
        );
    }
    if let Some(parameter) = api.path.and_then(parameter) {
        report(
            Code::PathParameter,
            format!("{} is literal text in {shown}", quote(parameter)),
            format!("write `*` for {}", quote(parameter)),
        );
    }
    if let Some(method) = api.method.filter(|method| is_lower_case_method(method)) {
        report(
            Code::LowerCaseMethod,
            format!("the method `{method}` matches no request in {shown}"),
            format!("write `{}`", method.to_ascii_uppercase()),
        );
    }
}

/// The stage with its wildcard, and the method that another request's path can hold instead.
fn swallowed_method<'p>(api: &ApiPattern<'p>) -> Option<(&'p str, &'p str)> {
    let stage = api.stage.filter(|stage| stage.contains('*'))?;
    let method =
        api.method.filter(|method| !method.contains(['*', VARIABLE]) && !method.is_empty())?;
    Some((stage, method))
}

/// The first `{name}` of a path.
fn parameter(path: &str) -> Option<&str> {
    let start = path.find('{')?;
    let end = path.get(start..)?.find('}')?;
    path.get(start..=start + end)
}

fn is_lower_case_method(method: &str) -> bool {
    const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "ANY"];
    METHODS.iter().any(|known| known.eq_ignore_ascii_case(method) && *known != method)
}
