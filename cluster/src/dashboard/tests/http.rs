//! Requests of a router, without a connection.

use std::future::poll_fn;
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{HeaderMap, Request, Response};
use futures_core::Stream;
use serde_json::Value;
use tower_service::Service;

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The stable name of the error.
    pub(super) fn error(&self) -> String {
        let error = self.json()["error"].as_str().map(str::to_owned);
        error.unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }
}

async fn call(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let Ok(response) = app.clone().call(request).await;
    response
}

pub(super) async fn request(
    app: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let response = call(app, method, path, headers).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.into()).expect("text"),
    }
}

pub(super) async fn get(app: &Router, path: &str) -> Answer {
    request(app, "GET", path, &[]).await
}

/// The JSON at a path.
pub(super) async fn data(app: &Router, path: &str) -> Value {
    let answer = get(app, path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// An open stream of events.
pub(super) struct Events(BodyDataStream);

impl Events {
    /// None: it was refused.
    pub(super) async fn open(app: &Router, path: &str) -> Option<Self> {
        let response = call(app, "GET", path, &[]).await;
        if response.status() != 200 {
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "5");
            return None;
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Some(Self(response.into_body().into_data_stream()))
    }

    /// The next event and its data; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<(String, Value)> {
        let next = poll_fn(|cx| Pin::new(&mut self.0).poll_next(cx)).await?;
        let event = String::from_utf8(next.expect("a frame").into()).expect("text");
        let event = event.strip_suffix("\n\n").expect("a whole event");
        let (name, data) = event.split_once('\n').expect("two lines");
        let name = name.strip_prefix("event: ").expect("a name");
        let data = data.strip_prefix("data: ").expect("data");
        assert!(!data.contains('\n'), "{data}");
        Some((name.to_owned(), serde_json::from_str(data).expect("JSON")))
    }

    /// The data of the next event of this name. The others are passed over.
    pub(super) async fn until(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().await.expect("the stream goes on");
            if event == name {
                return data;
            }
        }
    }
}
