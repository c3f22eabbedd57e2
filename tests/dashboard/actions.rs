//! Who may act: each rule, by requests that break it and nothing else.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use session_supervisor::{
    ActionRequest, ChildSpec, Dashboard, Exit, OnRestartLimit, Options, SessionState,
    SessionSupervisor, dashboard,
};
use tokio::sync::Notify;

use crate::http::{Chat, Response, Server, escaped, supervisor};

const ACTIONS: [&str; 4] = ["stop", "restart", "resume", "discard"];
const TOKEN: &str = "x-session-supervisor-token";

async fn started(supervisor: &SessionSupervisor, id: &str) {
    let spec = ChildSpec::new(|_| (Chat, ()));
    supervisor.start_session(id, spec).await.expect("it starts");
}

async fn incarnation(supervisor: &SessionSupervisor, id: &str) -> Option<u64> {
    let info = supervisor.session_info(id).await.expect("it is up");
    info.map(|info| info.incarnation)
}

async fn served(supervisor: &SessionSupervisor, check: impl Check) -> Server {
    let shown = Dashboard::new(supervisor).allow_actions(check).router();
    Server::start(Router::new().nest("/s", shown)).await
}

trait Check: Fn(&ActionRequest) -> bool + Send + Sync + 'static {}
impl<F: Fn(&ActionRequest) -> bool + Send + Sync + 'static> Check for F {}

async fn token(server: &Server) -> String {
    let overview = server.data("/s/api/overview").await;
    assert_eq!(overview["actions"], true);
    overview["token"].as_str().expect("a token").to_owned()
}

/// A request as the page makes it.
async fn act(server: &Server, action: &str, id: &str) -> Response {
    let (origin, token) = (server.origin(), token(server).await);
    let headers = [("origin", origin.as_str()), (TOKEN, token.as_str())];
    let form = format!("action={action}&id={}", escaped(id));
    server
        .request("POST", "/s/api/action", &headers, &form)
        .await
}

#[tokio::test]
async fn without_permission_of_the_program_nothing_can_be_done() {
    let supervisor = supervisor().await;
    started(&supervisor, "alice").await;
    let server = Server::start(Router::new().nest("/s", dashboard(&supervisor))).await;
    let overview = server.data("/s/api/overview").await;
    assert_eq!(overview["actions"], false);
    assert!(overview.get("token").is_none());
    let origin = server.origin();
    for action in ACTIONS {
        for token in ["", "0", &"0".repeat(32)] {
            let headers = [("origin", origin.as_str()), (TOKEN, token)];
            let form = format!("action={action}&id=alice");
            let response = server
                .request("POST", "/s/api/action", &headers, &form)
                .await;
            assert_eq!((response.status, &*response.error()), (403, "read_only"));
        }
    }
    assert_eq!(incarnation(&supervisor, "alice").await, Some(1));
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn each_rule_alone_keeps_a_request_out() {
    let supervisor = supervisor().await;
    started(&supervisor, "alice").await;
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let server = served(&supervisor, move |_: &ActionRequest| {
        *count.lock().unwrap() += 1;
        true
    })
    .await;
    let (origin, token) = (server.origin(), token(&server).await);
    let right = [("origin", origin.as_str()), (TOKEN, token.as_str())];
    let other = "http://evil.example";
    let wrong_token = "f".repeat(32);
    let form = "action=stop&id=alice";
    for (headers, error) in [
        (vec![], "wrong_origin"),
        (vec![right[1]], "wrong_origin"),
        (vec![("origin", other), right[1]], "wrong_origin"),
        (vec![("origin", "null"), right[1]], "wrong_origin"),
        (vec![right[0], ("origin", other), right[1]], "wrong_origin"),
        (
            vec![right[0], right[1], ("sec-fetch-site", "cross-site")],
            "wrong_origin",
        ),
        (
            vec![right[0], right[1], ("sec-fetch-site", "same-site")],
            "wrong_origin",
        ),
        (
            vec![right[0], right[1], ("host", "evil.example")],
            "wrong_origin",
        ),
        (vec![right[0]], "wrong_token"),
        (vec![right[0], (TOKEN, "")], "wrong_token"),
        (vec![right[0], (TOKEN, &wrong_token)], "wrong_token"),
        (vec![right[0], (TOKEN, &token[1..])], "wrong_token"),
    ] {
        let response = server
            .request("POST", "/s/api/action", &headers, form)
            .await;
        assert_eq!(
            (response.status, &*response.error()),
            (403, error),
            "{headers:?}"
        );
    }
    let long = format!("action=stop&id=alice&more={}", "x".repeat(9_000));
    for bad in [
        "",
        "action=stop",
        "id=alice",
        "action=kill&id=alice",
        "action=stop&id=",
        "action=stop&id=a%00b",
        "action=stop&id=alice&id=alice",
        "action=stop&id=alice&more=1",
        "action=stop&id=%ff",
        "{\"action\":\"stop\",\"id\":\"alice\"}",
        &long,
    ] {
        let response = server.request("POST", "/s/api/action", &right, bad).await;
        assert_eq!(
            (response.status, &*response.error()),
            (400, "bad_request"),
            "{bad}"
        );
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let path = format!("/s/api/action?{form}");
        let response = server.request(method, &path, &right, form).await;
        assert_eq!(response.status, 405, "{method}");
        if method != "HEAD" {
            assert_eq!(&*response.error(), "method_not_allowed", "{method}");
        }
    }
    assert_eq!(
        *asked.lock().unwrap(),
        0,
        "the check sees only what keeps the other rules"
    );
    assert_eq!(incarnation(&supervisor, "alice").await, Some(1));
    let response = server.request("POST", "/s/api/action", &right, form).await;
    assert_eq!(response.json()["outcome"], "done");
    assert_eq!(incarnation(&supervisor, "alice").await, None);
    assert_eq!(*asked.lock().unwrap(), 1);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn an_origin_that_the_program_named_may_act_too() {
    let supervisor = supervisor().await;
    started(&supervisor, "alice").await;
    let shown = Dashboard::new(&supervisor)
        .allow_actions(|_| true)
        .origin("https://ops.example.com");
    let server = Server::start(Router::new().nest("/s", shown.router())).await;
    let token = token(&server).await;
    for (origin, status) in [
        ("http://ops.example.com", 403),
        ("https://ops.example.com.evil.example", 403),
        ("https://ops.example.com", 200),
    ] {
        let headers = [("origin", origin), (TOKEN, token.as_str())];
        let form = "action=restart&id=alice";
        let response = server
            .request("POST", "/s/api/action", &headers, form)
            .await;
        assert_eq!(response.status, status, "{origin}");
    }
    assert_eq!(incarnation(&supervisor, "alice").await, Some(2));
    supervisor.stop().await.unwrap();
}

/// It sees the headers, the action and the id, and decides.
#[tokio::test]
async fn the_check_decides_by_the_request() {
    let supervisor = supervisor().await;
    for id in ["alice", "bob"] {
        started(&supervisor, id).await;
    }
    let server = served(&supervisor, |request: &ActionRequest| {
        let shown = format!("{request:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let user = request.headers.get("x-user").map(|user| user.as_bytes());
        user == Some(b"secret") && request.action.as_str() == "restart" && request.id == "alice"
    })
    .await;
    let (origin, token) = (server.origin(), token(&server).await);
    for (user, form, status) in [
        ("nobody", "action=restart&id=alice", 403),
        ("secret", "action=stop&id=alice", 403),
        ("secret", "action=restart&id=bob", 403),
        ("secret", "action=restart&id=alice", 200),
    ] {
        let headers = [
            ("origin", origin.as_str()),
            (TOKEN, token.as_str()),
            ("x-user", user),
        ];
        let response = server
            .request("POST", "/s/api/action", &headers, form)
            .await;
        assert_eq!(response.status, status, "{user} {form}");
    }
    assert_eq!(incarnation(&supervisor, "alice").await, Some(2));
    assert_eq!(incarnation(&supervisor, "bob").await, Some(1));
    supervisor.stop().await.unwrap();
}

struct PanicsInItsDrop;

impl Drop for PanicsInItsDrop {
    fn drop(&mut self) {
        panic!("in the drop of a check");
    }
}

/// The promise of `allow_actions`: if it panics, the answer is a refusal.
#[tokio::test]
async fn a_check_that_panics_refuses() {
    let supervisor = supervisor().await;
    started(&supervisor, "alice").await;
    let value = PanicsInItsDrop;
    let server = served(&supervisor, move |_: &ActionRequest| {
        let _value = &value;
        std::panic::panic_any(PanicsInItsDrop);
    })
    .await;
    for action in ACTIONS {
        let response = act(&server, action, "alice").await;
        assert_eq!((response.status, &*response.error()), (403, "refused"));
    }
    assert_eq!(incarnation(&supervisor, "alice").await, Some(1));
    assert_eq!(server.get("/s/api/sessions").await.status, 200);
    supervisor.stop().await.unwrap();
}

/// If it takes longer than five seconds the answer is a refusal, and what it says later is of no use.
#[tokio::test(start_paused = true)]
async fn a_check_that_blocks_refuses_and_holds_up_nobody() {
    const MANY: usize = 64;
    let supervisor = supervisor().await;
    started(&supervisor, "alice").await;
    let (begun, all_begun) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    let (go_on, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let (count, notify) = (Arc::clone(&begun), Arc::clone(&all_begun));
    let server = served(&supervisor, move |_: &ActionRequest| {
        let mut begun = count.lock().unwrap();
        *begun += 1;
        if *begun == MANY {
            notify.notify_one();
        }
        drop(begun);
        // Until the sender is gone.
        blocked.lock().unwrap().recv().is_err()
    })
    .await;
    let asking: Vec<_> = (0..MANY)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { act(&server, "stop", "alice").await })
        })
        .collect();
    all_begun.notified().await;
    // No more threads than that, and others are served.
    assert_eq!(act(&server, "stop", "alice").await.error(), "busy");
    assert_eq!(server.get("/s/api/sessions").await.status, 200);
    tokio::time::advance(Duration::from_secs(6)).await;
    for asked in asking {
        assert_eq!(asked.await.unwrap().error(), "refused");
    }
    drop(go_on);
    assert_eq!(incarnation(&supervisor, "alice").await, Some(1));
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_is_stopped_and_restarted() {
    let supervisor = supervisor().await;
    let server = served(&supervisor, |_: &ActionRequest| true).await;
    started(&supervisor, "alice").await;
    assert_eq!(
        act(&server, "restart", "alice").await.json()["outcome"],
        "done"
    );
    assert_eq!(incarnation(&supervisor, "alice").await, Some(2));
    // It runs: there is nothing to resume or to discard.
    for action in ["resume", "discard"] {
        let response = act(&server, action, "alice").await;
        assert_eq!((response.status, &*response.error()), (409, "not_parked"));
    }
    assert_eq!(incarnation(&supervisor, "alice").await, Some(2));
    assert_eq!(
        act(&server, "stop", "alice").await.json()["outcome"],
        "done"
    );
    for action in ACTIONS {
        let response = act(&server, action, "alice").await;
        assert_eq!((response.status, &*response.error()), (404, "not_found"));
    }
    supervisor.stop().await.unwrap();
    let response = act_blind(&server).await;
    assert_eq!(
        response.status, 403,
        "the token of a dashboard that is over is not told"
    );
}

/// A request with a token that was guessed.
async fn act_blind(server: &Server) -> Response {
    let origin = server.origin();
    let headers = [("origin", origin.as_str()), (TOKEN, "guessed")];
    server
        .request("POST", "/s/api/action", &headers, "action=stop&id=alice")
        .await
}

#[tokio::test(start_paused = true)]
async fn a_parked_session_is_resumed_and_discarded() {
    let options = Options::new()
        .unique_name()
        .session_restart_limit(0, Duration::from_secs(1))
        .on_restart_limit(OnRestartLimit::Park)
        .without_park_trial();
    let supervisor = SessionSupervisor::start(options).await.unwrap();
    let server = served(&supervisor, |_: &ActionRequest| true).await;
    started(&supervisor, "alice").await;
    let park = async || {
        let session = supervisor.find_session_as::<String>("alice").unwrap();
        session.cast("boom".to_owned()).unwrap();
        session.get_cell().wait(None).await.unwrap();
        // A start that waits for the id finds out what became of it.
        let spec = ChildSpec::new(|_| (Chat, ()));
        assert!(supervisor.start_session("alice", spec).await.is_err());
        let info = supervisor.session_info("alice").await.unwrap().unwrap();
        assert_eq!(info.state, SessionState::Parked);
        assert!(
            info.last_exit
                .is_some_and(|exit| matches!(exit, Exit::Failed { .. }))
        );
    };
    park().await;
    assert_eq!(
        act(&server, "resume", "alice").await.json()["outcome"],
        "done"
    );
    assert!(supervisor.is_running("alice"));
    park().await;
    assert_eq!(
        act(&server, "discard", "alice").await.json()["outcome"],
        "done"
    );
    assert_eq!(incarnation(&supervisor, "alice").await, None);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn ids_with_strange_characters_are_acted_on_as_they_are() {
    let supervisor = supervisor().await;
    let server = served(&supervisor, |_: &ActionRequest| true).await;
    for id in crate::tables::STRANGE {
        started(&supervisor, id).await;
        assert_eq!(act(&server, "restart", id).await.status, 200, "{id}");
        assert_eq!(incarnation(&supervisor, id).await, Some(2), "{id}");
        assert_eq!(act(&server, "stop", id).await.status, 200, "{id}");
        assert_eq!(incarnation(&supervisor, id).await, None, "{id}");
    }
    supervisor.stop().await.unwrap();
}
