//! The paths of the dashboard, what each request must bring, and the headers of every response.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::actions::{ActionRequest, Permission};
use super::assets;
use super::hub::{Hub, Serving, frame};
use super::json::Object;
use super::origin::{self, Token};
use super::page;
use super::parameters::{LONGEST, Parameters};
use super::places::Places;
use super::refusal::{Answer, Refusal};
use super::stream;
use super::table::Wish;

/// How many requests look at the table or at a session at a time. The others wait.
const LOOKS: usize = 4;

/// What the requests share. Dropped with the last router.
pub(super) struct Shown {
    pub(super) hub: Arc<Hub>,
    pub(super) permission: Option<Permission>,
    pub(super) origins: Vec<String>,
    pub(super) token: Token,
    /// The places of open pages.
    pub(super) places: Arc<Places>,
    looks: Semaphore,
    /// The task that waits for the end of the streams.
    closing: Option<AbortHandle>,
}

impl Shown {
    pub(super) fn new(
        hub: Arc<Hub>,
        permission: Option<Permission>,
        origins: Vec<String>,
        most: usize,
        closing: Option<AbortHandle>,
    ) -> Self {
        Self {
            places: Places::new(most, hub.seconds()),
            hub,
            permission,
            origins,
            token: Token::random(),
            looks: Semaphore::new(LOOKS),
            closing,
        }
    }

    fn may_read(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        origin::may_read(headers, uri, &self.origins)
    }

    fn overview(&self) -> String {
        self.hub.overview(|whole: &mut Object<'_>| {
            whole.field("actions", &self.permission.is_some());
            if self.permission.is_some() {
                whole.field("token", self.token.as_str());
            }
        })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(closing) = &self.closing {
            closing.abort();
        }
    }
}

/// The router.
pub(super) fn router<S: Clone + Send + Sync + 'static>(shown: Shown) -> Router<S> {
    let mut router = Router::new()
        .route("/", get(index))
        .route("/api/overview", get(overview))
        .route("/api/events", get(events))
        .route("/api/sessions", get(sessions))
        .route("/api/session", get(session))
        .route("/api/action", post(action))
        .fallback(|| async { Refusal::nothing_here() });
    for asset in assets::ALL {
        router = router.route(asset.path(), get(move || async move { asset }));
    }
    router
        // Of the routes above, so it comes after them.
        .method_not_allowed_fallback(|| async { Refusal::wrong_method() })
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(map_response(page::secure))
        .with_state(Arc::new(shown))
}

async fn index(OriginalUri(uri): OriginalUri) -> Response {
    page::index(&uri, assets::PAGE)
}

type Shared = State<Arc<Shown>>;

async fn overview(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Answer, Refusal> {
    shown.may_read(&headers, &uri)?;
    served(&shown)?;
    Ok(Answer(shown.overview()))
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
    // Subscribed before the overview is taken, so nothing is missed in between.
    let (frames, serving) = (shown.hub.frames(), shown.hub.serving());
    let first = frame("overview", &shown.overview());
    let page = stream::Page::new(first, frames, serving);
    Ok(stream::respond(page, place))
}

fn served(shown: &Shown) -> Result<(), Refusal> {
    match *shown.hub.serving().borrow() {
        Serving::Open => Ok(()),
        Serving::Closed => Err(Refusal::busy("the dashboard is being closed")),
        Serving::Over => Err(Refusal::down()),
    }
}

async fn sessions(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    shown.may_read(&headers, &uri)?;
    let wish = Wish::parse(Parameters::parse(&query.unwrap_or_default())?)?;
    let _turn = shown.looks.acquire().await;
    let table = wish.grant(&shown.hub.source).await?;
    Ok(Answer::of(&table))
}

async fn session(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    shown.may_read(&headers, &uri)?;
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let id = parameters.need("id")?;
    parameters.end()?;
    let _turn = shown.looks.acquire().await;
    Ok(Answer::of(&shown.hub.source.detail(&id).await?))
}

async fn action(
    State(shown): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let Some(permission) = &shown.permission else {
        let message = "this dashboard only shows";
        return Err(Refusal::forbidden("read_only", message));
    };
    origin::may_act(&headers, &uri, &shown.origins)?;
    shown.token.check(&headers)?;
    let request = ActionRequest::parse(headers, &form(body)?)?;
    let outcome = permission.act(request, &shown.hub.source).await?;
    Ok((outcome.status(), Answer::of(&outcome)).into_response())
}

fn form(body: Result<Bytes, BytesRejection>) -> Result<String, Refusal> {
    let body = body.map_err(|_| Refusal::bad(format!("a form has at most {LONGEST} bytes")))?;
    String::from_utf8(body.into()).map_err(|_| Refusal::bad("the form is not UTF-8"))
}
