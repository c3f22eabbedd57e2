//! The page and its files at any mount path, and the headers of every response.

use axum::Router;
use session_supervisor::{Dashboard, dashboard};

use crate::http::{Server, supervisor};

const FILES: [&str; 9] = [
    "index.html",
    "dashboard.css",
    "dashboard.js",
    "dom.js",
    "icon.svg",
    "live.js",
    "plots.js",
    "session.js",
    "table.js",
];

#[tokio::test]
async fn it_is_there_at_any_mount_path() {
    let supervisor = supervisor().await;
    let app = Router::new()
        .nest("/sessions", dashboard(&supervisor))
        .nest("/a/b/c", dashboard(&supervisor))
        .nest("/of/{tenant}/x;y:z", dashboard(&supervisor))
        .nest_service("/service", dashboard::<()>(&supervisor))
        .fallback_service(dashboard::<()>(&supervisor));
    let server = Server::start(app).await;
    for mount in ["/sessions", "/a/b/c", "/of/them/x;y:z", "/service", ""] {
        let mut page = server.get(if mount.is_empty() { "/" } else { mount }).await;
        if !mount.is_empty() {
            // Without a slash at the end its links would lead elsewhere.
            assert_eq!(page.status, 307, "{page:?}");
            let last = mount.rsplit('/').next().unwrap();
            assert_eq!(page.headers["location"], format!("./{last}/index.html"));
            page = server.get(&format!("{mount}/index.html")).await;
        }
        assert_eq!(page.status, 200);
        assert!(page.body.starts_with("<!doctype html>"));
        for file in FILES {
            let response = server.get(&format!("{mount}/{file}")).await;
            assert_eq!(response.status, 200, "{mount}/{file}");
            assert!(!response.body.is_empty(), "{mount}/{file}");
        }
        let overview = server.data(&format!("{mount}/api/overview")).await;
        assert_eq!(overview["supervisor"], supervisor.name());
        assert_eq!(
            server.get(&format!("{mount}/nothing")).await.error(),
            "not_found"
        );
    }
    assert_eq!(server.get("/service/").await.status, 200);
    supervisor.stop().await.unwrap();
}

/// What the browser is told with each response, an error too.
#[tokio::test]
async fn every_response_has_the_policy() {
    let supervisor = supervisor().await;
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true).router();
    let server = Server::start(Router::new().nest("/s", shown)).await;
    let files = FILES.map(|file| format!("/s/{file}"));
    let others = [
        "/s",
        "/s/api/overview",
        "/s/api/sessions",
        "/s/none",
        "/s/api/sessions?limit=0",
    ];
    let mut responses = Vec::new();
    for path in files.iter().map(String::as_str).chain(others) {
        responses.push(server.get(path).await);
        responses.push(server.request("HEAD", path, &[], "").await);
        responses.push(server.request("POST", path, &[], "x").await);
    }
    responses.push(server.request("POST", "/s/api/action", &[], "").await);
    for response in responses {
        let policy = &response.headers["content-security-policy"];
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(
                policy.split("; ").any(|one| one == rule),
                "{rule} in {policy}"
            );
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert_eq!(response.headers["x-frame-options"], "DENY");
        assert_eq!(response.headers["referrer-policy"], "same-origin");
        let allowed = response.headers.keys();
        assert!(
            allowed
                .clone()
                .all(|name| !name.starts_with("access-control"))
        );
    }
    supervisor.stop().await.unwrap();
}

/// The policy would refuse it; and nothing of the page's may need it.
#[tokio::test]
async fn the_files_have_no_inline_code_and_name_no_other_host() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    for file in FILES {
        let text = server.get(&format!("/{file}")).await.body;
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for wrong in [
            "http:",
            "https:",
            "//cdn",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "style=",
            "<style",
            "javascript:",
            "setAttribute(\"style",
            "cssText",
        ] {
            assert!(!text.contains(wrong), "{file} has {wrong}");
        }
        if file == "index.html" {
            assert_eq!(text.matches("<script").count(), 1);
            assert!(text.contains("<script type=\"module\" src=\"dashboard.js\"></script>"));
            for attribute in ["src=\"/", "href=\"/", " onclick", " onload", " onerror"] {
                assert!(!text.contains(attribute), "{attribute}");
            }
        }
    }
    supervisor.stop().await.unwrap();
}

/// It may be made where no runtime is: its task runs on the supervisor's.
#[test]
fn a_router_is_made_outside_of_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let supervisor = runtime.block_on(supervisor());
    let app: Router = dashboard(&supervisor);
    runtime.block_on(async {
        let server = Server::start(app).await;
        assert_eq!(server.data("/api/overview").await["actions"], false);
        supervisor.stop().await.unwrap();
    });
}
