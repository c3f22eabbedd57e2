//! Routers of the dashboard: nothing is kept of one that is made, asked and dropped.

use axum::body::Body;
use axum::http::Request;
use session_supervisor::{SessionSupervisor, dashboard};

use crate::actors::{id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a dashboard that is asked and dropped", |lives| {
            asked(
                lives,
                &[
                    "/",
                    "/api/overview",
                    "/api/sessions",
                    "/api/session?id=session+0",
                ],
            )
        }),
        Row::new("a dashboard whose page is dropped", |lives| {
            asked(lives, &["/api/events"])
        }),
        Row::new("a dashboard that nobody asks", |lives| asked(lives, &[])),
    ]
}

/// A router that answers each of these once.
async fn asked(mut lives: Lives, paths: &'static [&'static str]) -> Lives {
    let sessions = supervisor().await;
    let session = sessions.start_session(&id(0), worker()).await;
    drop(session.expect("it starts"));
    while let Some(_life) = lives.next().await {
        answer(&sessions, paths).await;
    }
    lives
}

async fn answer(sessions: &SessionSupervisor, paths: &[&str]) {
    let mut router = dashboard(sessions);
    for path in paths {
        let request = Request::get(*path).header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let answer = tower_service::Service::call(&mut router, request).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        // The body of a page that follows never ends.
        drop(answer);
    }
    // The task of a dashboard ends with its router.
    drop(router);
    tokio::task::yield_now().await;
}
