//! The paths of the dashboard, and what each request must bring.

use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use session_supervisor::dashboard::page::{self, Answer, Places, Refusal};

use super::assets;
use super::sampler::{Hub, Serving};
use super::stream::Page;
use super::table::Wish;

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
        page::may_read(headers, uri, &self.origins)
    }
}

/// The router, without that of the sessions.
pub(super) fn router<S: Clone + Send + Sync + 'static>(shown: Shown) -> Router<S> {
    let mut router = Router::new()
        .route("/", get(index))
        .route("/api/overview", get(overview))
        .route("/api/events", get(events))
        .route("/api/shards", get(shards))
        // axum takes a mounted router's path without a slash at its end only.
        .route("/sessions/", get(sessions))
        .fallback(|| async { Refusal::nothing_here() });
    for asset in assets::ALL {
        router = router.route(asset.path(), get(move || async move { asset }));
    }
    router
        // Of the routes above, so it comes after them.
        .method_not_allowed_fallback(|| async { Refusal::wrong_method() })
        .layer(map_response(page::secure))
        .with_state(Arc::new(shown))
}

async fn index(OriginalUri(uri): OriginalUri) -> Response {
    page::index(&uri, assets::PAGE)
}

/// The page of the sessions.
async fn sessions() -> Response {
    page::redirect("./index.html")
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
    let page = Page::new(shown.hub.join(), shown.hub.serving());
    Ok(page::respond(page, place))
}

fn served(shown: &Shown) -> Result<(), Refusal> {
    match *shown.hub.serving().borrow() {
        Serving::Open => Ok(()),
        Serving::Closed => Err(Refusal::busy("the dashboard is being closed")),
        Serving::Over => {
            let message = "the node has left the cluster";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Refusal::new(status, "node_left", message))
        }
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
