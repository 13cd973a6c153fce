//! Whose the lines are that do not say it: the API and stage that were told of them.

use crate::rows::Rows;
use crate::schema::Field;
use crate::sniff::Plan;
use crate::template::Template;
use crate::template::fit::Fitter;
use crate::template::keys::has_keys;
use crate::told::ApiStage;

/// Whose the access lines of one input are.
#[derive(Debug)]
pub(crate) enum Whose {
    /// Nobody knows.
    Unknown,
    /// All are of one API.
    One(ApiStage),
    /// Each is of the API whose template it fits, or has the keys of; else of the last.
    Several(Vec<Owner>, ApiStage),
}

/// Whose the lines of a template are.
#[derive(Debug)]
pub(crate) struct Owner {
    template: Template,
    fitter: Fitter,
    api_stage: ApiStage,
}

impl Whose {
    pub(crate) fn new(plan: &Plan) -> Whose {
        let told = |template: &Template| {
            let mut api_stage = template.api_stage.clone();
            api_stage.complete(&plan.api_stage);
            api_stage
        };
        let each: Vec<_> = plan.templates.iter().map(|t| (t, told(t))).collect();
        let first = each.first().map_or(&plan.api_stage, |(_, first)| first);
        if each.iter().any(|(_, other)| other != first) {
            let owner = |(template, api_stage): (&Template, ApiStage)| Owner {
                template: template.clone(),
                fitter: Fitter::without_columns(template),
                api_stage,
            };
            let each = each.into_iter().map(owner);
            return Whose::Several(each.collect(), plan.api_stage.clone());
        }
        match first.is_unknown() {
            true => Whose::Unknown,
            false => Whose::One(first.clone()),
        }
    }

    /// Adds to the rows from `first` on, all of one line, what they do not say.
    #[inline]
    pub(crate) fn complete(&self, line: &[u8], first: usize, rows: &mut Rows) {
        if !matches!(self, Whose::Unknown) {
            self.complete_all(line, first, rows);
        }
    }

    #[cold]
    fn complete_all(&self, line: &[u8], first: usize, rows: &mut Rows) {
        let api_stage = match self {
            Whose::Unknown => return,
            Whose::One(api_stage) => api_stage,
            Whose::Several(each, other) => {
                let text = std::str::from_utf8(line).unwrap_or_default();
                let fits = |owner: &&Owner| owner.fitter.fits_alone(line, |_, _| {});
                let fits = each.iter().find(fits);
                let own = fits.or_else(|| each.iter().find(|o| has_keys(&o.template, text)));
                own.map_or(other, |owner| &owner.api_stage)
            }
        };
        for (field, value) in [(Field::ApiId, &api_stage.api), (Field::Stage, &api_stage.stage)] {
            let Some(value) = value else { continue };
            (first..rows.len()).for_each(|row| rows.complete(row, field, value));
        }
    }
}
