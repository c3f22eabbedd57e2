//! Why a request is not answered as it wished, as a status and a JSON object.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::json;

/// A request that is refused, or cannot be answered.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    #[serde(skip)]
    status: StatusCode,
    /// The stable name.
    error: &'static str,
    /// The sentence for people.
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            error,
            message,
        }
    }

    /// A value that breaks a rule.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn wrong_origin(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "wrong_origin", message)
    }

    pub(super) fn not_found() -> Self {
        let message = "there is nothing at this path";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn wrong_method() -> Self {
        let message = "this path does not know the method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    /// As many as may be are served.
    pub(super) fn busy(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    pub(super) fn left() -> Self {
        let message = "the node has left the cluster";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "node_left", message)
    }

    pub(super) fn broken(message: &'static str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Answer::of(&self)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// JSON as the body of a response.
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn of<T: Serialize>(value: &T) -> Self {
        Self(json(value))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
