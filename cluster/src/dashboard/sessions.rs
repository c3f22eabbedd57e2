//! The dashboard of the sessions of this node, which is the library's, with a link back to that of the
//! cluster.

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use session_supervisor::Dashboard;
use session_supervisor::dashboard::page::Refusal;

/// Behind this of the library's page the link stands. If it is not there the page has no link, and is
/// the same else.
const BEFORE: &str = "</h1>";

/// The page is always at `sessions/index.html` below the mount path.
const LINK: &str = "\n  <p><a id=\"cluster\" href=\"../index.html\">All nodes</a></p>";

/// A page that is larger is left as it is.
const LARGEST: u64 = 256 * 1_024;

pub(super) fn router<S: Clone + Send + Sync + 'static>(sessions: Dashboard) -> Router<S> {
    sessions.router().layer(map_response(with_link))
}

async fn with_link(response: Response) -> Response {
    let size = response.body().size_hint().exact();
    if !is_page(response.headers()) || size.is_none_or(|size| size > LARGEST) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let most = usize::try_from(LARGEST).unwrap_or(usize::MAX);
    let Ok(page) = to_bytes(body, most).await else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Refusal::new(status, "broken", "the page cannot be read").into_response();
    };
    let linked = std::str::from_utf8(&page).ok().and_then(link);
    let body = match linked {
        Some(linked) => {
            // The size is another one.
            parts.headers.remove(header::CONTENT_LENGTH);
            Body::from(linked)
        }
        None => Body::from(page),
    };
    Response::from_parts(parts, body)
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn link(page: &str) -> Option<String> {
    let (above, below) = page.split_once(BEFORE)?;
    Some(format!("{above}{BEFORE}{LINK}{below}"))
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn a_page_without_a_heading_stays_as_it_is() {
        assert_eq!(link("<p>a</p>"), None);
        let linked = link("<h1>a</h1><h1>b</h1>").unwrap();
        assert!(linked.starts_with("<h1>a</h1>\n  <p><a "), "{linked}");
        assert!(linked.ends_with("</p><h1>b</h1>"), "{linked}");
    }
}
