//! What `aws iam get-account-authorization-details` prints: users, groups, roles and managed policies.
//!
//! The output comes in pages. A file may hold one page, several one after the other, or a list of
//! them (`jq --slurp`); whether the last page is there is checked, since half of an account would be
//! decided wrongly. Members that say nothing about permissions are left aside.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use tollgate_policy::{PolicyDocument, PolicyType};

use crate::embedded::Embedded;
use crate::json::{Word, documents};
use crate::problem::Problem;
use crate::text::TextFile;

/// One page, as AWS prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'t> {
    #[serde(borrow)]
    user_detail_list: Option<Vec<Entity<'t>>>,
    #[serde(borrow)]
    group_detail_list: Option<Vec<Entity<'t>>>,
    #[serde(borrow)]
    role_detail_list: Option<Vec<Entity<'t>>>,
    #[serde(borrow)]
    policies: Option<Vec<Managed<'t>>>,
    #[serde(default)]
    is_truncated: bool,
    /// What the command line prints instead of `Marker` when `--max-items` cut the output.
    next_token: Option<String>,
}

/// A user, a group or a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Entity<'t> {
    #[serde(borrow)]
    pub(crate) arn: Word<'t>,
    #[serde(borrow, alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub(crate) name: Word<'t>,
    #[serde(alias = "UserId", alias = "RoleId", alias = "GroupId")]
    pub(crate) id: String,
    #[serde(
        borrow,
        default,
        alias = "UserPolicyList",
        alias = "RolePolicyList",
        alias = "GroupPolicyList"
    )]
    pub(crate) policy_list: Vec<Inline<'t>>,
    #[serde(borrow, default)]
    pub(crate) attached_managed_policies: Vec<Attached<'t>>,
    #[serde(borrow, default)]
    pub(crate) group_list: Vec<Word<'t>>,
    #[serde(borrow)]
    pub(crate) permissions_boundary: Option<Boundary<'t>>,
    #[serde(default)]
    pub(crate) tags: Vec<TagPair>,
    #[serde(borrow)]
    pub(crate) assume_role_policy_document: Option<&'t RawValue>,
}

/// A policy that is part of a user, group or role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inline<'t> {
    #[serde(borrow)]
    pub(crate) policy_name: Word<'t>,
    #[serde(borrow)]
    pub(crate) policy_document: &'t RawValue,
}

/// A reference to a managed policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attached<'t> {
    #[serde(borrow)]
    pub(crate) policy_arn: Word<'t>,
}

/// A reference to the managed policy that is the boundary.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Boundary<'t> {
    #[serde(borrow)]
    pub(crate) permissions_boundary_arn: Word<'t>,
}

/// A tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagPair {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// A managed policy with all of its versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Managed<'t> {
    #[serde(borrow)]
    pub(crate) arn: Word<'t>,
    pub(crate) policy_name: String,
    #[serde(borrow)]
    pub(crate) default_version_id: Option<Word<'t>>,
    #[serde(borrow, default)]
    pub(crate) policy_version_list: Vec<PolicyVersion<'t>>,
}

/// One version of a managed policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyVersion<'t> {
    pub(crate) version_id: String,
    #[serde(default)]
    pub(crate) is_default_version: bool,
    #[serde(borrow)]
    pub(crate) document: Option<&'t RawValue>,
}

/// Something of an export, and the file that it stands in.
#[derive(Debug)]
pub(crate) struct Exported<'t, T> {
    pub(crate) file: &'t Arc<TextFile>,
    pub(crate) item: T,
}

/// All pages together.
#[derive(Debug, Default)]
pub(crate) struct Details<'t> {
    pub(crate) users: Vec<Exported<'t, Entity<'t>>>,
    pub(crate) roles: Vec<Exported<'t, Entity<'t>>>,
    pub(crate) groups: HashMap<&'t str, Exported<'t, Entity<'t>>>,
    pub(crate) managed: HashMap<&'t str, Exported<'t, Managed<'t>>>,
}

impl<'t> Details<'t> {
    /// Reads all files; what is wrong with them joins the problems.
    pub(crate) fn read(files: &'t [Arc<TextFile>], problems: &mut Vec<Problem>) -> Details<'t> {
        let mut details = Details::default();
        let (mut last_pages, mut cut) = (0_usize, None);
        for file in files {
            for (span, document) in documents(file, problems) {
                let page: Page<'t> = match document.read(file) {
                    Ok(page) => page,
                    Err(problem) => {
                        problems.push(problem);
                        continue;
                    }
                };
                if page.is_empty() {
                    problems.push(not_an_export(file, span));
                    continue;
                }
                match page.is_truncated || page.next_token.is_some() {
                    true => cut = Some((file, span)),
                    false => last_pages += 1,
                }
                details.add(file, page, problems);
            }
        }
        // Every page but the last says that another follows.
        if let (0, Some((file, span))) = (last_pages, cut) {
            problems.push(cut_short(file, span));
        }
        details
    }

    /// The default versions of all managed policies that are session policies as well.
    pub(crate) fn managed_policies(&self) -> HashMap<String, PolicyDocument> {
        let read = |policy: &Managed<'_>| {
            let text = Embedded::unpack(policy.default_version()?.document?.get(), 0).ok()?.text;
            PolicyDocument::parse(&text, PolicyType::Session).ok()
        };
        let managed = self.managed.iter();
        managed.filter_map(|(arn, it)| Some(((*arn).to_owned(), read(&it.item)?))).collect()
    }

    fn add(&mut self, file: &'t Arc<TextFile>, page: Page<'t>, problems: &mut Vec<Problem>) {
        let exported = |item| Exported { file, item };
        self.users.extend(page.user_detail_list.into_iter().flatten().map(exported));
        self.roles.extend(page.role_detail_list.into_iter().flatten().map(exported));
        for group in page.group_detail_list.into_iter().flatten() {
            let name = group.name;
            if self.groups.insert(name.text, exported(group)).is_some() {
                problems.push(twice(file, "group", name));
            }
        }
        for policy in page.policies.into_iter().flatten() {
            let arn = policy.arn;
            if self.managed.insert(arn.text, Exported { file, item: policy }).is_some() {
                problems.push(twice(file, "managed policy", arn));
            }
        }
    }
}

impl Page<'_> {
    fn is_empty(&self) -> bool {
        self.user_detail_list.is_none()
            && self.group_detail_list.is_none()
            && self.role_detail_list.is_none()
            && self.policies.is_none()
    }
}

pub(crate) fn twice(file: &TextFile, what: &str, name: Word<'_>) -> Problem {
    let message = format!("{what} `{}` is exported twice", name.text);
    file.problem(name.span(file), message).with_help("give each page once")
}

fn not_an_export(file: &TextFile, span: std::ops::Range<usize>) -> Problem {
    let message = "expected the output of `aws iam get-account-authorization-details`, found an \
                   object without any of its lists";
    file.problem(span.start..span.start + 1, message).with_help(
        "expected `UserDetailList`, `GroupDetailList`, `RoleDetailList` or `Policies` in it",
    )
}

fn cut_short(file: &TextFile, span: std::ops::Range<usize>) -> Problem {
    let message = "the export is cut short: its last page is missing";
    file.problem(span.start..span.start + 1, message).with_help(
        "export without `--no-paginate` and `--max-items`, or add the files of the other pages",
    )
}

impl<'t> Managed<'t> {
    /// The version in force: the one that `DefaultVersionId` names, else the one that says so.
    pub(crate) fn default_version(&self) -> Option<&PolicyVersion<'t>> {
        let is_default = |version: &&PolicyVersion<'_>| match &self.default_version_id {
            Some(id) => version.version_id == id.text,
            None => version.is_default_version,
        };
        self.policy_version_list.iter().find(is_default)
    }
}
