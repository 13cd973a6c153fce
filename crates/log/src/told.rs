//! What is told of logs before they are read: by flags of all of them, by the account's manifest
//! of those of one API or in one folder.

use std::borrow::Cow;

use crate::envelope::Envelope;
use crate::format::Format;
use crate::input::{Input, InputPattern};
use crate::template::Template;

/// What the user says of an input, where sniffing would be wrong.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// How events are wrapped.
    pub envelope: Option<Envelope>,
    /// What the events are.
    pub format: Option<Format>,
    /// The access log's templates; none to learn them.
    pub templates: Vec<Template>,
    /// Whose the lines are that do not say it.
    pub api_stage: ApiStage,
    /// Templates that lines may have, beside those that are learned.
    pub candidates: Vec<Template>,
}

/// An API and its stage, as far as they are known: what lines that do not say theirs are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiStage {
    /// The API's id.
    pub api: Option<String>,
    /// The stage.
    pub stage: Option<String>,
}

/// The format of the access logs of one API, or of those in some place.
///
/// It is told in advance of logs that may be of many formats, so nothing that can be read without
/// it is given up for it: learned and default templates are tried as well.
#[derive(Debug, Clone, Default)]
pub struct LogFormat {
    /// The inputs that it is about; none for all.
    pub inputs: Vec<InputPattern>,
    /// The templates; none if they are learned.
    pub templates: Vec<Template>,
    /// Whose the lines of these templates are; if there is none, the lines of these inputs.
    pub api_stage: ApiStage,
}

impl LogFormat {
    fn is_about(&self, input: &Input) -> bool {
        self.inputs.is_empty() || self.inputs.iter().any(|pattern| pattern.matches(input))
    }
}

impl Overrides {
    /// What is said of an input, with what the `formats` say of it where this says nothing.
    pub(crate) fn of<'a>(&'a self, input: &Input, formats: &[LogFormat]) -> Cow<'a, Overrides> {
        let mut all = Cow::Borrowed(self);
        for format in formats.iter().filter(|format| format.is_about(input)) {
            let all = all.to_mut();
            if format.templates.is_empty() {
                all.api_stage.complete(&format.api_stage);
            } else if self.templates.is_empty() {
                let own = |template: &Template| template.clone().of(format.api_stage.clone());
                all.candidates.extend(format.templates.iter().map(own));
            }
        }
        all
    }
}

impl ApiStage {
    /// Whether nothing is known.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == ApiStage::default()
    }

    /// Adds what is not known yet.
    pub(crate) fn complete(&mut self, other: &ApiStage) {
        for (own, other) in [(&mut self.api, &other.api), (&mut self.stage, &other.stage)] {
            if own.is_none() {
                own.clone_from(other);
            }
        }
    }
}
