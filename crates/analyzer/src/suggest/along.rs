//! Calls whose path or resource the log does not tell: what they may have asked for, going by their
//! route.

use tollgate_policy::write_request_arn;

use super::calls::Seen;
use super::shape;
use super::shown::is_of_api;
use crate::call;

/// A call along a route.
pub(crate) struct Along<'r> {
    /// The resource up to its path; `None` if the log does not tell that either, or no route.
    pub(crate) head: Option<String>,
    /// `/repos/{owner}/{repo}`
    pub(crate) template: &'r str,
    /// Matches whatever it may have asked for.
    pub(crate) pattern: String,
}

impl<'r> Along<'r> {
    pub(crate) fn of(seen: &Seen<'_, 'r, '_>) -> Along<'r> {
        if !is_of_api(seen.request.action()) {
            return Along { head: None, template: "", pattern: "*".to_owned() };
        }
        let row = seen.row;
        let template = seen.path.or_else(|| call::configured_route(row)).unwrap_or_default();
        let stage = seen.api.map_or_else(|| row.stage(), |api| call::stage(api, row));
        // Without a method, it may be a call of a WebSocket, which has no path either.
        let told = call::method(row).filter(|_| !template.is_empty());
        let part = |part: Option<&str>| part.map_or("*".to_owned(), shape::literal);
        let mut head = String::new();
        let mut pattern = match seen.api {
            Some(api) => {
                write_request_arn(&mut head, &api.api(), "", "", "");
                shape::literal(head.trim_end_matches('/'))
            }
            None => format!("arn:*:execute-api:*:*:{}", part(row.api_id())),
        };
        pattern += &match told {
            Some(method) => {
                let path = shape::pattern("", &shape::fill(template, &Vec::new()));
                format!("/{}/{}/{path}", part(stage), shape::literal(method))
            }
            None => format!("/{}/*", part(stage)),
        };
        let whole = seen.api.zip(stage).zip(told);
        let head = whole.map(|((api, stage), method)| {
            write_request_arn(&mut head, &api.api(), stage, method, "");
            head
        });
        Along { head, template, pattern }
    }
}
