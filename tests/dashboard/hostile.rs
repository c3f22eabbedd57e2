//! Sessions whose errors panic or block, in their text or in their drop: the dashboard shows them,
//! and its requests are answered.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, mpsc};

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Dashboard, Launch, dashboard};

use crate::http::{Chat, Server, supervisor};

/// An error whose text and drop panic.
#[derive(Debug)]
struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in the text of an error");
    }
}

impl Error for Panics {}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in the drop of an error");
    }
}

struct Fails;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Fails {
    async fn handle(&self, _: ActorRef<()>, _: (), _: &mut ()) -> Result<(), ActorProcessingErr> {
        Err(Box::new(Panics))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_whose_text_and_drop_panic_are_shown() {
    let supervisor = supervisor().await;
    let spec = ChildSpec::new(|_| (Fails, ())).without_restart_limit();
    supervisor.start_session("bad", spec).await.unwrap();
    let server = Server::start(dashboard(&supervisor)).await;
    let mut events = server.events("/api/events").await.unwrap();
    for _ in 0..5 {
        let session = supervisor.await_session::<()>("bad").await.unwrap();
        session.cast(()).unwrap();
        session.get_cell().wait(None).await.unwrap();
        supervisor.await_session::<()>("bad").await.unwrap();
        let session = server.data("/api/session?id=bad").await;
        assert_eq!(session["session"]["last_exit"], "failed");
        let told = session["exits"].as_array().unwrap().last().unwrap()["text"].to_string();
        assert!(told.contains("its error panicked"), "{told}");
        let table = server.data("/api/sessions").await;
        assert_eq!(table["sessions"][0]["last_exit"], "failed");
    }
    // They are counted, and the feed tells of them.
    let mut failures = 0;
    while failures < 5 {
        let changes = events.until("changes").await;
        let changes = changes["changes"].as_array().unwrap().clone();
        failures += changes.iter().filter(|one| one["failure"] == true).count();
    }
    assert_eq!(
        server.data("/api/overview").await["worst"][0]["failures"],
        5
    );
    supervisor.stop().await.unwrap();
}

/// An error whose drop blocks until a sender is gone.
struct Blocks(Arc<Mutex<mpsc::Receiver<()>>>);

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocks")
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its drop blocks")
    }
}

impl Error for Blocks {}

impl Drop for Blocks {
    fn drop(&mut self) {
        let blocked = self.0.lock();
        drop(blocked.map(|blocked| blocked.recv()));
    }
}

/// The error of the restart that a page asked for is in the answer, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_whose_drop_blocks_holds_up_no_request() {
    let supervisor = supervisor().await;
    let (go_on, blocked) = mpsc::channel();
    let blocked = Arc::new(Mutex::new(blocked));
    let spec = ChildSpec::from_fn_with(blocked, |blocked, start| async move {
        match start.incarnation {
            1 => Ok(Launch::Actor(Chat, ())),
            _ => Err(Box::new(Blocks(blocked)) as ActorProcessingErr),
        }
    });
    supervisor.start_session("bad", spec).await.unwrap();
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true);
    let server = Server::start(shown.router()).await;
    let overview = server.data("/api/overview").await;
    let token = overview["token"].as_str().unwrap();
    let origin = server.origin();
    let headers = [
        ("origin", origin.as_str()),
        ("x-session-supervisor-token", token),
    ];
    for _ in 0..3 {
        let form = "action=restart&id=bad";
        let response = server.request("POST", "/api/action", &headers, form).await;
        assert_eq!((response.status, &*response.error()), (409, "failed"));
        assert_eq!(server.get("/api/session?id=bad").await.status, 200);
        assert_eq!(server.get("/api/sessions").await.status, 200);
    }
    drop(go_on);
    supervisor.stop().await.unwrap();
}
