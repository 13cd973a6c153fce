//! Policies by where they stand: each is read, parsed and compiled once, however often it is attached.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;
use tollgate_policy::{Diagnostic, PolicyDocument, PolicyErrors, PolicySet, PolicyType};
use toml::Spanned;

use crate::account::Layer;
use crate::embedded::Embedded;
use crate::origin::{Attachment, Inside, Origin, PolicyName};
use crate::problem::{PolicyExcerpt, Problem};
use crate::source::Source;
use crate::text::TextFile;

/// A policy to be attached, by where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'t> {
    pub(crate) place: Place<'t>,
    /// The group that it comes by.
    pub(crate) group: Option<Arc<str>>,
}

/// Where a policy stands.
#[derive(Clone, Debug)]
pub(crate) enum Place<'t> {
    /// In a file of its own, named at this place of the manifest.
    File(&'t Spanned<String>),
    /// In an export.
    Export(&'t Arc<TextFile>, &'t RawValue, PolicyName),
}

/// A policy's identity: the path of its file, or the address of its text in an export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    File(String),
    Export(usize),
}

/// A policy and the group that it comes by.
type Attached = (Key, Option<Arc<str>>);

type Known = Option<(Arc<Origin>, PolicyDocument)>;

/// What has been read so far.
pub(crate) struct Library<'t> {
    source: &'t dyn Source,
    folder: &'t Path,
    manifest: &'t TextFile,
    documents: HashMap<(PolicyType, Key), Known>,
    layers: HashMap<(PolicyType, Vec<Attached>), Layer>,
}

impl<'t> Wanted<'t> {
    pub(crate) fn file(name: &'t Spanned<String>) -> Wanted<'t> {
        Wanted { place: Place::File(name), group: None }
    }

    fn key(&self) -> Key {
        match &self.place {
            Place::File(name) => Key::File(name.get_ref().clone()),
            Place::Export(_, raw, _) => Key::Export(raw.get().as_ptr().addr()),
        }
    }
}

impl<'t> Library<'t> {
    pub(crate) fn new(
        source: &'t dyn Source,
        folder: &'t Path,
        manifest: &'t TextFile,
    ) -> Library<'t> {
        let (documents, layers) = Default::default();
        Library { source, folder, manifest, documents, layers }
    }

    /// The compiled layer of a list of policies; lists of the same policies share one. What is
    /// wrong with a policy joins the problems, once.
    pub(crate) fn layer(
        &mut self,
        policy_type: PolicyType,
        wanted: &[Wanted<'t>],
        problems: &mut Vec<Problem>,
    ) -> Layer {
        let keys = wanted.iter().map(|each| (each.key(), each.group.clone())).collect();
        let key = (policy_type, keys);
        if let Some(layer) = self.layers.get(&key) {
            return layer.clone();
        }
        let (mut attachments, mut documents) = (Vec::new(), Vec::new());
        for each in wanted {
            if let Some((origin, document)) = self.document(policy_type, each, problems) {
                let group = each.group.clone();
                attachments.push(Attachment { origin, group, cited: OnceLock::new() });
                documents.push(document);
            }
        }
        let set = Arc::new(PolicySet::compile(documents));
        let layer = Layer { set, attachments: attachments.into() };
        self.layers.insert(key, layer.clone());
        layer
    }

    fn document(
        &mut self,
        policy_type: PolicyType,
        wanted: &Wanted<'t>,
        problems: &mut Vec<Problem>,
    ) -> Known {
        let key = (policy_type, wanted.key());
        if let Some(known) = self.documents.get(&key) {
            return known.clone();
        }
        let read = match &wanted.place {
            Place::File(name) => self.read_file(policy_type, name),
            Place::Export(file, raw, name) => unpack(policy_type, file, raw, name),
        };
        let known = read.map_err(|found| problems.extend(found)).ok();
        self.documents.insert(key, known.clone());
        known
    }

    fn read_file(
        &self,
        policy_type: PolicyType,
        name: &Spanned<String>,
    ) -> Result<(Arc<Origin>, PolicyDocument), Vec<Problem>> {
        let path = self.folder.join(name.get_ref());
        let file = path.display().to_string();
        let text = self.source.read(&path).map_err(|error| {
            let message = format!("cannot read `{file}`: {}", reason(&error));
            vec![self.manifest.problem(name.span(), message)]
        })?;
        match PolicyDocument::parse(&text, policy_type) {
            Ok(document) => {
                let origin = Origin { file: file.into(), name: PolicyName::File, inside: None };
                Ok((Arc::new(origin), document))
            }
            Err(errors) => {
                let file = TextFile::new(&file, text);
                if let Some(problem) = printed_around(&file) {
                    return Err(vec![problem]);
                }
                Err(each(&errors, |error| file.problem(error.span.range(), &*error.message)))
            }
        }
    }
}

/// Where commands of AWS print a policy within something else, and how they print it alone.
const AROUND: [(&str, &str); 3] = [
    // describe-policy, of an organization
    ("/Policy/Content", "--query Policy.Content --output text"),
    // get-policy-version
    ("/PolicyVersion/Document", "--query PolicyVersion.Document"),
    // get-role-policy and its like
    ("/PolicyDocument", "--query PolicyDocument"),
];

/// The problem of a file that holds a policy as a command of AWS prints it.
fn printed_around(file: &TextFile) -> Option<Problem> {
    let text = file.text.trim_start_matches('\u{feff}');
    let printed: serde_json::Value = serde_json::from_str(text).ok()?;
    let (place, alone) = AROUND.iter().find(|(place, _)| printed.pointer(place).is_some())?;
    let name = place.trim_start_matches('/').replace('/', ".");
    let problem = file
        .problem(0..1, format!("expected a policy, found what AWS prints around one, in `{name}`"));
    let help = Some(format!("have the command print the policy alone: `{alone}`"));
    Some(Problem { help, ..problem })
}

/// Reads a policy of an export.
fn unpack(
    policy_type: PolicyType,
    file: &Arc<TextFile>,
    raw: &RawValue,
    name: &PolicyName,
) -> Result<(Arc<Origin>, PolicyDocument), Vec<Problem>> {
    let start = file.offset_of(raw.get());
    let embedded = Embedded::unpack(raw.get(), start).map_err(|broken| {
        vec![file.problem(broken.span, format!("{} in the {name}", broken.message))]
    })?;
    let Embedded { text, map, is_verbatim } = embedded;
    match PolicyDocument::parse(&text, policy_type) {
        Ok(document) => {
            let inside = Some(Inside { file: Arc::clone(file), map });
            let origin = Origin { file: Arc::clone(&file.name), name: name.clone(), inside };
            Ok((Arc::new(origin), document))
        }
        Err(errors) => {
            let text: Arc<str> = text.into();
            Err(each(&errors, |error| {
                let excerpt = PolicyExcerpt {
                    name: name.to_string(),
                    text: Arc::clone(&text),
                    span: error.span.range(),
                    is_verbatim,
                };
                let problem = file.problem(map.span(error.span.range()), &*error.message);
                Problem { policy: Some(Box::new(excerpt)), ..problem }
            }))
        }
    }
}

/// A problem for each error, and one for those that were only counted.
fn each(errors: &PolicyErrors, place: impl Fn(&Diagnostic) -> Problem) -> Vec<Problem> {
    let problem = |error| Problem { help: Diagnostic::help(error), ..place(error) };
    let mut problems: Vec<Problem> = errors.errors().iter().map(problem).collect();
    if let (Some(last), more @ 1..) = (errors.errors().last(), errors.more()) {
        let message = format!("and {more} more errors in this policy");
        problems.push(Problem { message, help: None, ..place(last) });
    }
    problems
}

/// An I/O error in the words of the people who get it, without the operating system's number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::InvalidData => {
            "it is neither UTF-8 text nor UTF-16 with a byte order mark".to_owned()
        }
        _ => error.to_string(),
    }
}
