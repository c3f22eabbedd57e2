//! Why a request is not answered as it wished, as a status and a JSON object.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::json::{ToJson, object};
use crate::error::SupervisorDown;

/// A request that is refused, or cannot be answered.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    /// The stable name.
    error: &'static str,
    /// The sentence for people.
    message: String,
}

impl Refusal {
    /// One with this status, this stable name, and this sentence for people.
    #[must_use]
    pub fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            error,
            message,
        }
    }

    /// A value that breaks a rule.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn forbidden(error: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The path leads nowhere.
    #[must_use]
    pub fn nothing_here() -> Self {
        Self::not_found("there is nothing at this path")
    }

    /// The path has another method.
    #[must_use]
    pub fn wrong_method() -> Self {
        let message = "this path does not know the method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    /// As many as may be are under way.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    pub(super) fn down() -> Self {
        let message = "the supervisor has ended";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "supervisor_down", message)
    }
}

impl From<SupervisorDown> for Refusal {
    fn from(SupervisorDown: SupervisorDown) -> Self {
        Self::down()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = String::new();
        object(&mut body)
            .field("error", self.error)
            .field("message", &self.message)
            .end();
        let mut response = (self.status, Answer(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// JSON as the body of a response.
#[derive(Debug)]
pub struct Answer(pub String);

impl Answer {
    pub(super) fn of(value: &impl ToJson) -> Self {
        Self(value.to_json())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
