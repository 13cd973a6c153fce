//! What `aws apigateway get-rest-apis` and `get-rest-api` print: the resource policies of APIs.
//!
//! They tell neither stages, region nor account: an `[[api]]` of the manifest adds those.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::details::{Exported, twice};
use crate::json::{Word, documents};
use crate::problem::Problem;
use crate::text::TextFile;

/// One API, or a list of them.
#[derive(Debug, Deserialize)]
struct Output<'t> {
    #[serde(borrow)]
    id: Option<Word<'t>>,
    #[serde(borrow)]
    policy: Option<&'t RawValue>,
    #[serde(borrow)]
    items: Option<Vec<RestApi<'t>>>,
    /// Where the next page begins.
    position: Option<String>,
    /// What the command line prints instead when `--max-items` cut the output.
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

/// An API.
#[derive(Debug, Deserialize)]
pub(crate) struct RestApi<'t> {
    #[serde(borrow)]
    pub(crate) id: Word<'t>,
    #[serde(borrow)]
    pub(crate) policy: Option<&'t RawValue>,
}

/// Reads all files; what is wrong with them joins the problems.
pub(crate) fn read<'t>(
    files: &'t [Arc<TextFile>],
    problems: &mut Vec<Problem>,
) -> Vec<Exported<'t, RestApi<'t>>> {
    let mut apis: Vec<Exported<'t, RestApi<'t>>> = Vec::new();
    let (mut last_pages, mut cut) = (0_usize, None);
    for file in files {
        for (span, document) in documents(file, problems) {
            let output = document.read::<Output<'t>>(file);
            let items = match output {
                Ok(Output { id: Some(id), policy, .. }) => vec![RestApi { id, policy }],
                Ok(Output { items: Some(items), position, next_token, .. }) => {
                    match position.or(next_token) {
                        Some(_) => cut = Some((file, span)),
                        None => last_pages += 1,
                    }
                    items
                }
                Ok(_) => {
                    problems.push(not_an_export(file, span));
                    continue;
                }
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            for item in items {
                if apis.iter().any(|api| api.item.id.text == item.id.text) {
                    problems.push(twice(file, "API", item.id));
                }
                apis.push(Exported { file, item });
            }
        }
    }
    if let (0, Some((file, span))) = (last_pages, cut) {
        let message = "the list of APIs is cut short: its last page is missing";
        problems.push(file.problem(span.start..span.start + 1, message).with_help(
            "export without `--no-paginate` and `--max-items`, or add the files of the other pages",
        ));
    }
    apis
}

fn not_an_export(file: &TextFile, span: Range<usize>) -> Problem {
    let message = "expected the output of `aws apigateway get-rest-apis` or `get-rest-api`, found an \
                   object with neither `items` nor `id`";
    file.problem(span.start..span.start + 1, message)
}

impl<'t> RestApi<'t> {
    /// Its resource policy, unless it has none: no field, `null` or an empty text.
    pub(crate) fn resource_policy(&self) -> Option<&'t RawValue> {
        self.policy.filter(|raw| !matches!(raw.get(), "null" | "\"\""))
    }
}
