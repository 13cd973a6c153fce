//! What an input is, told from its first 64 KiB.

use crate::names::NameMap;
use crate::template::Template;

/// How much of the unpacked input is looked at.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// Templates of one input: several APIs may log into one group.
const TEMPLATES_MAX: usize = 8;

/// How to read an input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) templates: Vec<Template>,
}

/// Decides how to read an input that begins with `head`.
pub(crate) fn plan(head: &[u8], names: &NameMap) -> Plan {
    Plan { templates: learn(head, names) }
}

/// The templates of the JSON lines in the head.
fn learn(head: &[u8], names: &NameMap) -> Vec<Template> {
    let mut templates: Vec<Template> = Vec::new();
    let lines = head.split(|&c| c == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    for line in lines {
        let Some(template) = Template::learn(line.trim_ascii(), names) else { continue };
        let request = template.fields().any(|field| crate::format::json::CORE.contains(&field));
        if request && !templates.contains(&template) {
            templates.push(template);
        }
        if templates.len() == TEMPLATES_MAX {
            break;
        }
    }
    templates
}
