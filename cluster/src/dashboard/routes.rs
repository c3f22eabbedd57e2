//! The paths of the dashboard, what each request must bring, and the headers of every response.

use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::assets;
use super::origin;
use super::places::Places;
use super::refusal::{Answer, Refusal};
use super::sampler::{Hub, Serving};
use super::stream;
use super::table::Wish;

/// The headers of every response, those of the library's dashboard. The policy lets the page load and
/// ask its own origin, and nothing else: no other host, no inline script or style, no frame, no form,
/// no text as markup.
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

/// What the requests share. Dropped with the last router.
pub(super) struct Shown {
    hub: Arc<Hub>,
    origins: Vec<String>,
    /// The places of open pages.
    places: Arc<Places>,
}

impl Shown {
    pub(super) fn new(hub: Arc<Hub>, origins: Vec<String>, most: usize) -> Self {
        Self {
            places: Places::new(most, hub.seconds()),
            hub,
            origins,
        }
    }

    fn may_read(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        origin::may_read(headers, uri, &self.origins)
    }
}

/// The router, without that of the sessions.
pub(super) fn router<S: Clone + Send + Sync + 'static>(shown: Shown) -> Router<S> {
    let mut router = Router::new()
        .route("/", get(page))
        .route("/api/overview", get(overview))
        .route("/api/events", get(events))
        .route("/api/shards", get(shards))
        // axum takes a mounted router's path without a slash at its end only.
        .route("/sessions/", get(sessions))
        .fallback(|| async { Refusal::not_found() });
    for asset in assets::ALL {
        router = router.route(asset.path, get(move || async move { asset }));
    }
    router
        // Of the routes above, so it comes after them.
        .method_not_allowed_fallback(|| async { Refusal::wrong_method() })
        .layer(map_response(secure))
        .with_state(Arc::new(shown))
}

async fn secure(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The page at the mount path. Its links are relative, so it must not be shown at a path without a
/// slash at its end: there they would lead to the folder above.
async fn page(OriginalUri(uri): OriginalUri) -> Response {
    if uri.path().ends_with('/') {
        return assets::PAGE.into_response();
    }
    let folder = uri.path().rsplit('/').next().unwrap_or_default();
    redirect(&format!("./{folder}{}", assets::PAGE.path))
}

/// The page of the sessions.
async fn sessions() -> Response {
    redirect("./index.html")
}

fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Err(_) => Refusal::not_found().into_response(),
    }
}

type Shared = State<Arc<Shown>>;

async fn overview(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Answer, Refusal> {
    shown.may_read(&headers, &uri)?;
    served(&shown)?;
    Ok(Answer(shown.hub.overview()))
}

async fn events(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    shown.may_read(&headers, &uri)?;
    served(&shown)?;
    let Some(place) = shown.places.take() else {
        return Err(Refusal::busy("as many pages are open as may be"));
    };
    let serving = shown.hub.serving();
    Ok(stream::respond(shown.hub.join(), serving, place))
}

fn served(shown: &Shown) -> Result<(), Refusal> {
    match *shown.hub.serving().borrow() {
        Serving::Open => Ok(()),
        Serving::Closed => Err(Refusal::busy("the dashboard is being closed")),
        Serving::Over => Err(Refusal::left()),
    }
}

async fn shards(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    shown.may_read(&headers, &uri)?;
    let wish = Wish::parse(&query.unwrap_or_default())?;
    served(&shown)?;
    Ok(Answer(wish.grant(&shown.hub.look())))
}
