//! What the request is about: its canonical path, and the ARN that policies know it by.

use tollgate_policy::write_request_arn;
use tollgate_sigv4::{CanonicalPath, PathRule, RequestTarget};

use crate::refusal::Refusal;
use crate::route::{Place, Routed};
use crate::verify::Verified;

/// A request of which it is known what it is about. Only [`locate`] makes one.
#[derive(Debug)]
pub struct Located<'g, B> {
    pub(crate) verified: Verified<'g, B>,
    /// The path without its stage: what is authorized, and what is forwarded.
    pub(crate) path: CanonicalPath,
    pub(crate) resource: String,
}

/// Makes the path canonical, or refuses it; then makes the request's ARN.
///
/// # Errors
/// The path could be read in more than one way, and its route does not say how.
pub fn locate<B>(verified: Verified<'_, B>) -> Result<Located<'_, B>, Refusal> {
    let Routed { framed, place, .. } = &verified.routed;
    let path = path_of(place)?;
    let mut resource = String::with_capacity(128);
    let method = framed.head().method.as_str();
    write_request_arn(&mut resource, &place.api.api(), &place.stage, method, path.as_str());
    Ok(Located { verified, path, resource })
}

/// The route was found with every exception there is; here only its own count.
fn path_of(place: &Place<'_>) -> Result<CanonicalPath, Refusal> {
    let path = place.path.clone()?;
    let is_plain = || memchr::memchr2(b'%', b';', path.as_str().as_bytes()).is_none();
    if place.rules.path == PathRule::MOST_LENIENT || is_plain() {
        return Ok(path);
    }
    // What is canonical stays as it is when it is made canonical again.
    Ok(place.rules.path.accept(&RequestTarget::origin(path.as_str().as_bytes()))?)
}
