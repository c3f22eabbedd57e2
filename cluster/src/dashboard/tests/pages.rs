//! The page and its files at any mount path, and the headers of every response.

use axum::Router;

use super::fake::{Fake, router, seen};
use super::http::{data, get, request};

const FILES: [&str; 9] = [
    "index.html",
    "dashboard.css",
    "dashboard.js",
    "dom.js",
    "grid.js",
    "icon.svg",
    "live.js",
    "nodes.js",
    "shards.js",
];

#[tokio::test]
async fn it_is_there_at_any_mount_path_with_the_sessions_below_it() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app: Router = Router::new()
        .nest("/cluster", router(&fake).await)
        .nest("/a/b/c", router(&fake).await)
        .nest("/of/{tenant}/x;y:z", router(&fake).await)
        .nest_service("/service", router(&fake).await)
        .fallback_service(router(&fake).await);
    for mount in ["/cluster", "/a/b/c", "/of/them/x;y:z", "/service", ""] {
        let mut page = get(&app, if mount.is_empty() { "/" } else { mount }).await;
        if !mount.is_empty() {
            // Without a slash at the end its links would lead elsewhere.
            assert_eq!(page.status, 307, "{page:?}");
            let last = mount.rsplit('/').next().expect("a part");
            assert_eq!(page.header("location"), format!("./{last}/index.html"));
            page = get(&app, &format!("{mount}/index.html")).await;
        }
        assert_eq!(page.status, 200, "{mount}");
        assert!(page.body.contains("href=\"sessions/index.html\""));
        for file in FILES {
            let answer = get(&app, &format!("{mount}/{file}")).await;
            assert_eq!(answer.status, 200, "{mount}/{file}");
            assert!(!answer.body.is_empty(), "{mount}/{file}");
        }
        let overview = data(&app, &format!("{mount}/api/overview")).await;
        assert_eq!(overview["cluster"], "rooms");
        let none = get(&app, &format!("{mount}/nothing")).await;
        assert_eq!((none.status, none.error()), (404, "not_found".to_owned()));
        sessions(&app, mount).await;
    }
}

/// The page of the sessions: by a link from the page of the cluster, and with one back to it.
async fn sessions(app: &Router, mount: &str) {
    let folder = get(app, &format!("{mount}/sessions")).await;
    assert_eq!(folder.status, 307);
    assert_eq!(folder.header("location"), "./sessions/index.html");
    let folder = get(app, &format!("{mount}/sessions/")).await;
    assert_eq!(folder.status, 307);
    assert_eq!(folder.header("location"), "./index.html");
    let page = get(app, &format!("{mount}/sessions/index.html")).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.body.matches("href=\"../index.html\"").count(),
        1,
        "{}",
        page.body
    );
    assert_eq!(page.header("content-length"), page.body.len().to_string());
    let head = request(app, "HEAD", &format!("{mount}/sessions/index.html"), &[]).await;
    assert_eq!(
        head.headers.get("content-length"),
        page.headers.get("content-length")
    );
    assert_eq!(head.body, "");
    for file in ["dashboard.js", "dashboard.css", "icon.svg"] {
        let answer = get(app, &format!("{mount}/sessions/{file}")).await;
        assert_eq!(answer.status, 200, "{mount}/sessions/{file}");
        assert!(!answer.body.contains("../index.html"));
    }
    let overview = data(app, &format!("{mount}/sessions/api/overview")).await;
    assert_eq!(overview["sessions"]["running"], 0);
    let none = get(app, &format!("{mount}/sessions/nothing")).await;
    assert_eq!((none.status, none.error()), (404, "not_found".to_owned()));
}

/// What the browser is told with each response, an error too.
#[tokio::test]
async fn every_response_has_the_policy() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app: Router = Router::new().nest("/c", router(&fake).await);
    let mut paths: Vec<_> = FILES.iter().map(|file| format!("/c/{file}")).collect();
    for more in [
        "",
        "/api/overview",
        "/api/shards",
        "/api/shards?limit=0",
        "/none",
        "/sessions",
        "/sessions/",
        "/sessions/index.html",
        "/sessions/api/overview",
        "/sessions/none",
    ] {
        paths.push(format!("/c{more}"));
    }
    // The library's own page says what is as strict.
    let library = get(&app, "/c/sessions/dashboard.js").await.headers;
    for path in paths {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let answer = request(&app, method, &path, &[]).await;
            let policy = answer.header("content-security-policy");
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
                assert!(policy.split("; ").any(|one| one == rule), "{path}: {rule}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            for name in [
                "content-security-policy",
                "x-content-type-options",
                "x-frame-options",
                "referrer-policy",
                "cache-control",
                "cross-origin-opener-policy",
                "cross-origin-resource-policy",
            ] {
                assert_eq!(
                    answer.headers.get(name),
                    library.get(name),
                    "{path}: {name}"
                );
            }
            let mut names = answer.headers.keys();
            let shared = names.find(|name| name.as_str().starts_with("access-control"));
            assert_eq!(shared, None, "{path}");
        }
    }
}

/// The policy would refuse it; and nothing of the page's may need it.
#[tokio::test]
async fn the_files_have_no_inline_code_and_name_no_other_host() {
    let app = router(&Fake::new(seen(8, &["a", "b"]))).await;
    for file in FILES {
        let text = get(&app, &format!("/{file}")).await.body;
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
}

#[tokio::test]
async fn each_method_has_an_answer_and_none_changes_anything() {
    let app = router(&Fake::new(seen(8, &["a", "b"]))).await;
    for path in [
        "/",
        "/index.html",
        "/api/overview",
        "/api/events",
        "/api/shards",
    ] {
        for method in ["POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let answer = request(&app, method, path, &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.error(), "method_not_allowed", "{method} {path}");
        }
        if path != "/api/events" {
            let head = request(&app, "HEAD", path, &[]).await;
            assert_eq!((head.status, &*head.body), (200, ""), "{path}");
        }
    }
    // The dashboard of the sessions only shows unless it is told otherwise.
    let act = request(&app, "POST", "/sessions/api/action", &[]).await;
    assert_eq!((act.status, act.error()), (403, "read_only".to_owned()));
}
