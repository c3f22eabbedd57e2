//! Requests that no page of the dashboard makes: each has an answer, and nothing is left of it.

use axum::Router;
use session_supervisor::{ChildSpec, Dashboard, SessionSupervisor, dashboard};

use crate::http::{Chat, Server, escaped, supervisor};

const PATHS: [&str; 7] = [
    "/",
    "/index.html",
    "/api/overview",
    "/api/events",
    "/api/sessions",
    "/api/session?id=a",
    "/api/action",
];

async fn with_session(id: &str) -> SessionSupervisor {
    let supervisor = supervisor().await;
    let spec = ChildSpec::new(|_| (Chat, ()));
    supervisor.start_session(id, spec).await.unwrap();
    supervisor
}

/// A page of another site whose name leads here is of the same origin for its browser.
#[tokio::test]
async fn a_name_that_others_point_here_gets_no_data() {
    let supervisor = with_session("alice").await;
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true);
    let server = Server::start(shown.router()).await;
    let overview = server.data("/api/overview").await;
    let token = overview["token"].as_str().unwrap();
    let ask = async |host: &str, request: &str, more: &str| {
        let head = format!("{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}");
        server.raw(&head).await
    };
    for path in [
        "/api/overview",
        "/api/events",
        "/api/sessions",
        "/api/session?id=alice",
    ] {
        let get = format!("GET {path}");
        let same = "sec-fetch-site: same-origin\r\n\r\n";
        let response = ask("evil.example", &get, same).await;
        assert_eq!(
            (response.status, &*response.error()),
            (403, "wrong_origin"),
            "{path}"
        );
        assert!(!response.body.contains("alice"));
    }
    let form = "action=stop&id=alice";
    let act = format!(
        "origin: http://evil.example:80\r\nx-session-supervisor-token: {token}\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    );
    let response = ask("evil.example:80", "POST /api/action", &act).await;
    assert_eq!((response.status, &*response.error()), (403, "wrong_origin"));
    assert!(supervisor.is_running("alice"));
    // A name of this machine or of its network is nobody else's.
    let response = ask("localhost:1", "GET /api/overview", "\r\n").await;
    assert_eq!(response.status, 200);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn each_method_has_an_answer_and_only_one_acts() {
    let supervisor = with_session("a").await;
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true);
    let server = Server::start(shown.max_pages(1).router()).await;
    for path in PATHS {
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let form = if method == "HEAD" {
                ""
            } else {
                "action=stop&id=a"
            };
            let response = server.request(method, path, &[], form).await;
            let expected = match (method, path) {
                ("HEAD", "/api/action") => 405,
                ("HEAD", _) => 200,
                _ => 405,
            };
            assert_eq!(response.status, expected, "{method} {path}");
            assert!(response.headers.contains_key("content-security-policy"));
            assert!(!response.headers.contains_key("access-control-allow-origin"));
            if method == "HEAD" {
                assert_eq!(response.body, "");
            }
        }
    }
    for path in &PATHS[..6] {
        let response = server.request("POST", path, &[], "action=stop&id=a").await;
        assert_eq!(response.status, 405, "{path}");
    }
    assert_eq!(server.get("/api/action").await.status, 405);
    // A place that a HEAD took is free again.
    let mut events = server.events("/api/events").await.unwrap();
    events.until("tick").await;
    assert!(supervisor.is_running("a"));
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn ids_of_all_kinds_are_found_and_told_as_they_are() {
    let supervisor = supervisor().await;
    let long = "\u{1f600}".repeat(128);
    let ids = [
        "</script><script>alert(1)</script>",
        "\"'`<!--&amp;${x}\\",
        "\u{202e}evil\u{2066}\u{200f}",
        "%2e%2e%2f?#;=+ ",
        "__proto__",
        "constructor",
        "\u{2028}\u{2029}\u{feff}",
        &long,
    ];
    for id in ids {
        let spec = ChildSpec::new(|_| (Chat, ())).label(id.chars().take(20).collect::<String>());
        supervisor.start_session(id, spec).await.unwrap();
    }
    let server = Server::start(dashboard(&supervisor)).await;
    let mut events = server.events("/api/events").await.unwrap();
    events.until("overview").await;
    for id in ids {
        let path = format!("/api/session?id={}", escaped(id));
        let response = server.get(&path).await;
        assert_eq!(response.status, 200, "{id:?}");
        assert_eq!(response.headers["content-type"], "application/json");
        assert_eq!(response.json()["session"]["id"], id);
        supervisor.stop_session(id).await.unwrap();
    }
    let mut gone = Vec::new();
    while gone.len() < ids.len() {
        let changes = events.until("changes").await;
        for change in changes["changes"].as_array().unwrap() {
            if change["event"] == "gone" || change["kind"] == "gone" {
                gone.push(change["id"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(gone, ids);
    // What can be no id is none.
    let longer = "x".repeat(513);
    for id in ["a\u{7f}", "a\r\nset-cookie: x", "\u{0}", "\u{85}", &longer] {
        let path = format!("/api/session?id={}", escaped(id));
        let response = server.get(&path).await;
        assert!([400, 404].contains(&response.status), "{id:?}");
        assert!(!response.headers.contains_key("set-cookie"));
        assert!(response.body.len() < 300, "{}", response.body.len());
    }
    supervisor.stop().await.unwrap();
}

/// The link to the page leads to it where the path of the mount is escaped, and with a slash too many.
#[tokio::test]
async fn a_mount_path_with_escapes_leads_to_the_page() {
    let supervisor = supervisor().await;
    let app = Router::new()
        .nest("/of/{tenant}", dashboard(&supervisor))
        .route("/", axum::routing::get(|| async { "home" }));
    let server = Server::start(app).await;
    for (mount, folder) in [
        ("/of/a%20b", "a%20b"),
        ("/of/%2f%2fevil.example", "%2f%2fevil.example"),
        ("/of/%0d%0aset-cookie:x", "%0d%0aset-cookie:x"),
        ("/of/a:b", "a:b"),
    ] {
        let response = server.get(mount).await;
        assert_eq!(response.status, 307, "{mount}");
        assert_eq!(
            response.headers["location"],
            format!("./{folder}/index.html")
        );
        assert!(!response.headers.contains_key("set-cookie"));
        let page = server.get(&format!("/of/{folder}/index.html")).await;
        assert_eq!(page.status, 200, "{mount}");
        let with_slash = server.get(&format!("{mount}/")).await;
        assert!(
            [200, 404].contains(&with_slash.status),
            "{mount}: {}",
            with_slash.status
        );
        let overview = server.get(&format!("{mount}/api/overview")).await;
        assert_eq!(overview.status, 200, "{mount}");
    }
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_others_are_served() {
    let supervisor = with_session("a").await;
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true);
    let server = Server::start(shown.router()).await;
    let large = "x".repeat(300_000);
    let origin = server.origin();
    let overview = server.data("/api/overview").await;
    let token = overview["token"].as_str().unwrap();
    let right = [("origin", &*origin), ("x-session-supervisor-token", token)];
    let form = format!("action=stop&id=a&x={large}");
    let response = server.request("POST", "/api/action", &right, &form).await;
    assert!((400..500).contains(&response.status), "{}", response.status);
    let headers = [("x-large", &*large), ("origin", &large)];
    for headers in [&headers[..1], &headers[1..]] {
        let response = server.request("GET", "/api/overview", headers, "").await;
        assert!([200, 431].contains(&response.status), "{}", response.status);
    }
    let bad = [("origin", "\u{e4}"), right[1]];
    let response = server
        .request("POST", "/api/action", &bad, "action=stop&id=a")
        .await;
    assert_eq!((response.status, &*response.error()), (403, "wrong_origin"));
    assert!(supervisor.is_running("a"));
    assert_eq!(server.get("/api/overview").await.status, 200);
    supervisor.stop().await.unwrap();
}
