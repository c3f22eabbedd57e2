//! The stream of events: what comes, for how many, and what is left when it ends.
//!
//! Time is paused where a test waits for what comes each second.

use std::time::Duration;

use axum::Router;
use ractor::concurrency::JoinHandle;
use session_supervisor::{
    ChildSpec, Dashboard, Launch, Options, SessionSupervisor, StartContext, dashboard,
};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::http::{Chat, Server, supervisor};

async fn start(supervisor: &SessionSupervisor, id: &str) -> ractor::ActorRef<String> {
    let spec = ChildSpec::new(|_| (Chat, ()));
    supervisor.start_session(id, spec).await.expect("it starts")
}

#[tokio::test(start_paused = true)]
async fn it_begins_with_an_overview_and_ticks_each_second() {
    let supervisor = supervisor().await;
    start(&supervisor, "alice").await;
    let server = Server::start(dashboard(&supervisor)).await;
    let mut events = server.events("/api/events").await.unwrap();
    let (name, overview) = events.next().await.unwrap();
    assert_eq!(name, "overview");
    assert_eq!(overview["supervisor"], supervisor.name());
    let mut last = 0.0;
    for _ in 0..5 {
        let tick = events.until("tick").await;
        assert_eq!(tick["sessions"]["running"], 1);
        assert_eq!(tick["sessions"]["known"], 1);
        let now = tick["now"].as_f64().unwrap();
        assert!(now >= last + 1.0, "{now} after {last}");
        last = now;
    }
    start(&supervisor, "bob").await;
    let tick = events.until("tick").await;
    assert_eq!(tick["sessions"]["running"], 2);
    // What a page sees that is opened later.
    let overview = server.data("/api/overview").await;
    let history = &overview["history"];
    let count = history["at"].as_array().unwrap().len();
    assert!(count >= 6, "{history}");
    for column in history.as_object().unwrap().values() {
        assert_eq!(column.as_array().unwrap().len(), count, "{history}");
    }
    assert_eq!(history["running"][count - 1], 2);
    supervisor.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn fifteen_minutes_are_kept_and_no_more() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    tokio::time::sleep(Duration::from_secs(1_200)).await;
    let overview = server.data("/api/overview").await;
    let at = overview["history"]["at"].as_array().unwrap().clone();
    let (first, last) = (
        at[0].as_f64().unwrap(),
        at.last().unwrap().as_f64().unwrap(),
    );
    assert!(last >= 1_190.0 && last - first <= 900.0, "{first} {last}");
    assert!(at.len() > 600 && at.len() <= 901, "{}", at.len());
    supervisor.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_pages_than_allowed_and_a_place_is_free_when_one_goes() {
    let supervisor = supervisor().await;
    let shown = Dashboard::new(&supervisor).max_pages(2);
    let server = Server::start(shown.router()).await;
    let first = server.events("/api/events").await.unwrap();
    let mut second = server.events("/api/events").await.unwrap();
    let Err(refused) = server.events("/api/events").await else {
        panic!("a third one");
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "5");
    // The data are there all the same, and the others go on.
    assert_eq!(server.get("/api/overview").await.status, 200);
    second.until("tick").await;
    drop(first);
    // The server finds out with what it sends next.
    while server.events("/api/events").await.is_err() {
        second.until("tick").await;
    }
    second.until("tick").await;
    supervisor.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_supervisor_is_told_and_ends_the_stream() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    let mut events = server.events("/api/events").await.unwrap();
    events.until("tick").await;
    supervisor.stop().await.unwrap();
    events.until("ended").await;
    assert!(events.next().await.is_none());
    for path in ["overview", "sessions", "session?id=a"] {
        let response = server.get(&format!("/api/{path}")).await;
        assert_eq!(
            (response.status, &*response.error()),
            (503, "supervisor_down"),
            "{path}"
        );
    }
    assert_eq!(
        server.events("/api/events").await.err().unwrap().status,
        503
    );
    assert_eq!(server.get("/").await.status, 200);
}

/// Else a page that is open would keep a server from its end.
#[tokio::test(start_paused = true)]
async fn a_graceful_shutdown_is_not_held_up_by_open_pages() {
    let supervisor = supervisor().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel::<()>();
    let shown = Dashboard::new(&supervisor).close_on(async { drop(ended.await) });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap(),
    };
    let app: Router = shown.router();
    let served = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let served: JoinHandle<_> = tokio::spawn(async move { served.await });
    let mut events = server.events("/api/events").await.unwrap();
    events.until("tick").await;
    drop(stop);
    drop(end);
    served.await.unwrap().unwrap();
    while events.next().await.is_some() {}
    supervisor.stop().await.unwrap();
}

/// No task, no place, and no supervisor is kept by what is gone.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_router_that_is_dropped() {
    let supervisor = supervisor().await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..10 {
        let shown = Dashboard::new(&supervisor).close_on(std::future::pending());
        let app: Router = shown.router();
        drop(app);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(tasks(), before);
    supervisor.stop().await.unwrap();
}

/// Both are shown, whatever the supervisors have in common.
#[tokio::test(start_paused = true)]
async fn two_dashboards_show_two_supervisors() {
    let one = supervisor().await;
    let other = SessionSupervisor::start(Options::new().unique_name())
        .await
        .unwrap();
    start(&one, "alice").await;
    let app = Router::new()
        .nest("/one", dashboard(&one))
        .nest("/other", dashboard(&other));
    let server = Server::start(app).await;
    let mut events = server.events("/one/api/events").await.unwrap();
    assert_eq!(events.until("tick").await["sessions"]["running"], 1);
    let mut events = server.events("/other/api/events").await.unwrap();
    assert_eq!(events.until("tick").await["sessions"]["running"], 0);
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

/// A restart that times out is told twice and counted once.
#[tokio::test(start_paused = true)]
async fn restarts_that_time_out_are_among_the_failures() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    let mut events = server.events("/api/events").await.unwrap();
    let hangs = ChildSpec::from_fn(|start: StartContext| async move {
        if start.incarnation > 1 {
            std::future::pending::<()>().await;
        }
        Ok(Launch::Actor(Chat, ()))
    });
    let hangs = hangs.start_timeout(Duration::from_millis(10));
    supervisor.start_session("hangs", hangs).await.unwrap();
    supervisor.restart_session("hangs").await.unwrap_err();
    let mut told = Vec::new();
    while !told.iter().any(|(event, _)| event == "restart_failed") {
        let changes = events.until("changes").await;
        for one in changes["changes"].as_array().unwrap() {
            let event = one["event"].as_str().unwrap().to_owned();
            told.push((event, one["failure"] == true));
        }
    }
    told.retain(|(event, _)| event == "start_timed_out" || event == "restart_failed");
    let expected = [("start_timed_out", true), ("restart_failed", false)];
    let first: Vec<_> = told
        .iter()
        .map(|(event, fails)| (&**event, *fails))
        .take(2)
        .collect();
    assert_eq!(first, expected, "{told:?}");
    let overview = server.data("/api/overview").await;
    assert_eq!(overview["worst"][0]["id"], "hangs");
    supervisor.stop().await.unwrap();
}
