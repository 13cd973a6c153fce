//! Answers that are kept: of `GET` alone, for as long as their own headers say, else as long as the
//! route says.
//!
//! A request is decided before it is looked up, so what is kept never answers a request that is not
//! allowed. What is kept has been scrubbed. RFC 9111 is `http-cache-semantics`'s: what may be kept
//! at all, `Vary`, ages; the cache counts as a shared one, so what is `private` is not kept.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;

use crate::authorize::Authorized;
use crate::body::{AnswerBody, BodyError, whole};
use crate::strip::{Stripped, in_one_line};

/// All answers that are kept.
pub(crate) struct Kept(Cache<String, Arc<Entry>>);

/// An answer.
struct Entry {
    policy: CachePolicy,
    /// When the route's time is over.
    until: Timestamp,
    head: Response<()>,
    body: Bytes,
}

/// What of a route's answers is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keeping {
    pub(crate) ttl_s: u32,
    pub(crate) entry_bytes_max: usize,
    pub(crate) is_shared: bool,
    pub(crate) parameters: Option<Vec<String>>,
    pub(crate) headers: Vec<HeaderName>,
    /// Names the route, and what its answers depend on beside the request.
    pub(crate) scope: String,
}

/// The longest that anything is kept: API Gateway's limit, too.
pub(crate) const TTL_S_MAX: u32 = 3600;
pub(crate) const TTL_S: u32 = 300;
pub(crate) const ENTRY_BYTES_MAX: u64 = 1024 * 1024;

impl Kept {
    /// Keeps answers of this many bytes together.
    pub(crate) fn new(bytes_max: u64) -> Kept {
        let weigh = |key: &String, entry: &Arc<Entry>| {
            let headers = entry.head.headers().iter();
            let headers: usize =
                headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
            u32::try_from(key.len() + headers + entry.body.len() + 512).unwrap_or(u32::MAX)
        };
        let longest = Duration::from_secs(u64::from(TTL_S_MAX));
        Kept(Cache::builder().max_capacity(bytes_max).weigher(weigh).time_to_live(longest).build())
    }

    /// The answer to a request, if one is kept and still fresh.
    pub(crate) fn find(
        &self,
        question: &Question,
        now: Timestamp,
        wish: Wish,
    ) -> Option<Response<AnswerBody>> {
        if wish == Wish::Fresh {
            return None;
        }
        let entry = self.0.get(&question.key)?;
        if entry.until <= now {
            return None;
        }
        match entry.policy.before_request(&question.asked, SystemTime::from(now)) {
            BeforeRequest::Stale { .. } => None,
            BeforeRequest::Fresh(parts) => {
                let mut response = Response::new(whole(entry.body.clone()));
                *response.status_mut() = entry.head.status();
                *response.headers_mut() = entry.head.headers().clone();
                // The rest of what the library says is one line of each header, and the present as
                // the date, in a form that HTTP does not have.
                if let Some(age) = parts.headers.get(header::AGE) {
                    response.headers_mut().insert(header::AGE, age.clone());
                }
                if wish == Wish::FreshButMayNot {
                    response.headers_mut().insert(header::WARNING, IGNORED);
                }
                Some(response)
            }
        }
    }

    /// The answer as it is, to be kept once its last byte has passed, if it may be kept.
    pub(crate) fn keep(
        &self,
        question: Box<Question>,
        response: Response<AnswerBody>,
        keeping: &Keeping,
        now: Timestamp,
    ) -> Response<AnswerBody> {
        let Some((policy, until)) = kept_until(&question, &response, keeping, now) else {
            return response;
        };
        let (parts, body) = response.into_parts();
        let mut head = Response::new(());
        *head.status_mut() = parts.status;
        *head.headers_mut() = parts.headers.clone();
        let entry = Entry { policy, until, head, body: Bytes::new() };
        let collecting = Collecting {
            body,
            seen: BytesMut::new(),
            bytes_max: keeping.entry_bytes_max,
            end: Some((self.0.clone(), question.key, entry)),
        };
        Response::from_parts(parts, collecting.boxed_unsync())
    }
}

/// API Gateway's words to a caller that may not have what is kept renewed.
const IGNORED: HeaderValue = HeaderValue::from_static(
    "199 Cache-control headers were ignored because the caller was unauthorized.",
);

/// Who looks an answer up, and whether one that is kept will do.
pub(crate) struct Lookup {
    /// What all sessions of a role have in common.
    pub(crate) principal: String,
    pub(crate) wish: Wish,
}

/// What a caller's `Cache-Control` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Any,
    /// An answer of the upstream's, which the policies let it have.
    Fresh,
    FreshButMayNot,
}

impl Lookup {
    pub(crate) fn of<B>(authorized: &Authorized<'_, B>) -> Lookup {
        let wish = match asks_for_fresh(&authorized.framed().head().headers) {
            false => Wish::Any,
            true if authorized.may(INVALIDATE) => Wish::Fresh,
            true => Wish::FreshButMayNot,
        };
        Lookup { principal: authorized.principal_scope().to_owned(), wish }
    }
}

/// What a caller must be allowed to do in order to have an answer renewed.
const INVALIDATE: &str = "execute-api:InvalidateCache";

/// A request, as far as a kept answer depends on it.
pub(crate) struct Question {
    key: String,
    asked: Request<()>,
}

impl Question {
    /// `None` for a request whose answer is never kept: another method, a part of something, or one
    /// with a body, which an upstream may heed and the key does not hold.
    pub(crate) fn of(
        stripped: &Stripped,
        keeping: &Keeping,
        principal: &str,
    ) -> Option<Box<Question>> {
        let is_whole = !stripped.headers.contains_key(header::RANGE) && stripped.upgrade.is_none();
        if stripped.method != Method::GET || !is_whole || !stripped.payload.is_empty() {
            return None;
        }
        let query = keeping.chosen(stripped.query.as_deref().unwrap_or_default());
        let path = stripped.path.as_str();
        let mut asked = Request::new(());
        *asked.uri_mut() = format!("{path}?{query}").parse().ok()?;
        *asked.headers_mut() = in_one_line_each(&stripped.headers);
        // Whether a caller may ask for an answer that is fresher is decided elsewhere.
        asked.headers_mut().remove(header::CACHE_CONTROL);
        asked.headers_mut().remove(header::PRAGMA);
        let mut key = String::with_capacity(256);
        let principal = if keeping.is_shared { "" } else { principal };
        for part in [keeping.scope.as_str(), principal, path, query.as_str()] {
            push(&mut key, part);
        }
        for name in &keeping.headers {
            for value in stripped.headers.get_all(name) {
                push(&mut key, name.as_str());
                push(&mut key, &String::from_utf8_lossy(value.as_bytes()));
            }
        }
        Some(Box::new(Question { key, asked }))
    }
}

/// Each header with all of its values in one line: of several lines, the library compares the first.
fn in_one_line_each(headers: &HeaderMap) -> HeaderMap {
    if headers.len() == headers.keys_len() {
        return headers.clone();
    }
    let line = |name: &HeaderName| Some((name.clone(), in_one_line(headers, name, b", ")?));
    headers.keys().filter_map(line).collect()
}

/// Parts of a key are told apart by their lengths, so that no part can pass for two.
fn push(key: &mut String, part: &str) {
    key.push_str(&part.len().to_string());
    key.push(':');
    key.push_str(part);
}

impl Keeping {
    /// The parameters that are part of the key, as they stand. Some servers read `;` as `&`, so one
    /// may stand behind another.
    fn chosen(&self, query: &str) -> String {
        let Some(chosen) = &self.parameters else { return query.to_owned() };
        let is_chosen_alone = |piece: &str| {
            let name = piece.split('=').next().unwrap_or_default().replace('+', " ");
            let name = percent_encoding::percent_decode_str(&name).decode_utf8_lossy();
            chosen.iter().any(|it| *it == name)
        };
        let is_chosen = |piece: &&str| piece.split(';').any(is_chosen_alone);
        let kept: Vec<&str> = query.split('&').filter(is_chosen).collect();
        kept.join("&")
    }
}

/// How RFC 9111 sees an answer, and when the route's time for it is over. `None` if it is not kept.
fn kept_until(
    question: &Question,
    response: &Response<AnswerBody>,
    keeping: &Keeping,
    now: Timestamp,
) -> Option<(CachePolicy, Timestamp)> {
    let headers = response.headers();
    let is_text = |name: &HeaderName| headers.get_all(name).iter().all(|it| it.to_str().is_ok());
    // What cannot be read may forbid it.
    let is_read = [header::CACHE_CONTROL, header::VARY].iter().all(is_text);
    let sets_cookie = headers.contains_key(header::SET_COOKIE);
    if response.status() != StatusCode::OK || sets_cookie || !is_read {
        return None;
    }
    let mut head = Response::new(());
    *head.headers_mut() = headers.clone();
    let mut longest_s = TTL_S_MAX;
    if !says_how_long(headers) {
        longest_s = keeping.ttl_s;
        let value = HeaderValue::from_str(&format!("max-age={longest_s}")).ok()?;
        head.headers_mut().append(header::CACHE_CONTROL, value);
    }
    let options = CacheOptions { shared: true, ..CacheOptions::default() };
    let policy = CachePolicy::new_options(&question.asked, &head, SystemTime::from(now), options);
    let is_kept = policy.is_storable() && !policy.is_stale(SystemTime::from(now));
    is_kept.then(|| (policy, now + SignedDuration::from_secs(i64::from(longest_s))))
}

/// Whether an answer's headers give a lifetime, or forbid one.
fn says_how_long(headers: &HeaderMap) -> bool {
    let says =
        |word: String| ["max-age", "s-maxage", "no-"].iter().any(|start| word.starts_with(start));
    cache_control(headers).any(says) || headers.contains_key(header::EXPIRES)
}

/// The directives of `Cache-Control`, in lower case.
fn cache_control(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter();
    let words = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(|word| word.trim().to_ascii_lowercase())
}

/// Whether a caller asks for an answer that is not kept.
fn asks_for_fresh(headers: &HeaderMap) -> bool {
    cache_control(headers).any(|word| matches!(word.as_str(), "max-age=0" | "no-cache"))
}

/// A body that is collected while it passes, and kept when it has passed whole.
struct Collecting {
    body: AnswerBody,
    seen: BytesMut,
    bytes_max: usize,
    /// What is kept at the end; nothing any more if it cannot be.
    end: Option<(Cache<String, Arc<Entry>>, String, Entry)>,
}

impl Collecting {
    fn take(&mut self, frame: &Frame<Bytes>) {
        match frame.data_ref() {
            Some(data) if self.seen.len() + data.len() <= self.bytes_max => {
                self.seen.extend_from_slice(data);
            }
            // Too large, or with trailers.
            _ => self.end = None,
        }
    }

    fn finish(&mut self) {
        let Some((cache, key, entry)) = self.end.take() else { return };
        let body = std::mem::take(&mut self.seen).freeze();
        cache.insert(key, Arc::new(Entry { body, ..entry }));
    }
}

impl Body for Collecting {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) if self.end.is_some() => self.take(frame),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.end = None,
            None => self.finish(),
        }
        if self.body.is_end_stream() {
            self.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({} answers)", self.0.entry_count())
    }
}
