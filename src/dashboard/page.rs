//! What every page has: the headers of its responses, where it lies below the mount path, and the parts that
//! the page of the crate in `cluster/` shares.

use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

pub use super::assets::{Asset, DOM, LIVE};
pub use super::origin::may_read;
pub use super::places::{Place, Places, Seconds};
pub use super::refusal::{Answer, Refusal};
pub use super::stream::{Frames, respond};

/// The headers of every response. The policy lets the page load and ask its own origin, and nothing
/// else: no other host, no inline script or style, no frame, no form, no text as markup.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Adds the headers to a response.
pub async fn secure(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The page at the mount path. Its links are relative, so it must not be shown at a path without a
/// slash at its end: there they would lead to the folder above.
#[must_use]
pub fn index(uri: &Uri, page: Asset) -> Response {
    if uri.path().ends_with('/') {
        return page.into_response();
    }
    let folder = uri.path().rsplit('/').next().unwrap_or_default();
    redirect(&format!("./{folder}{}", page.path()))
}

/// Leads to another path.
#[must_use]
pub fn redirect(to: &str) -> Response {
    match HeaderValue::from_bytes(to.as_bytes()) {
        Ok(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Err(_) => Refusal::nothing_here().into_response(),
    }
}
