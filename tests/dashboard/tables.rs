//! The table and a session's data: what is asked for, in which order, at what cost.

use std::collections::BTreeSet;

use serde_json::Value;
use session_supervisor::{ChildSpec, SessionSupervisor, Supervisor, TreeSpec, dashboard};

use crate::http::{Chat, Server, escaped, supervisor};

/// Ids that are markup, paths, escapes, or not of ASCII.
pub(crate) const STRANGE: [&str; 16] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "..",
    ".",
    "/",
    "//",
    "a/b?c=d&e=f#g",
    "100%",
    "%2e%2e%2f",
    "a+b c",
    "é€😀",
    "\u{202e}gnp.exe",
    "\u{2028}\u{2029}",
    "`${1+1}`{{7*7}}",
    "\\\"'\\",
];

/// Sessions of which a table has many.
const MANY: usize = if cfg!(debug_assertions) {
    20_000
} else {
    100_000
};

/// How many sessions a request looks at.
const LOOK: u64 = 10_000;

async fn start(supervisor: &SessionSupervisor, id: &str, label: Option<&str>) {
    let spec = ChildSpec::new(|_| (Chat, ()));
    let spec = match label {
        Some(label) => spec.label(label),
        None => spec,
    };
    supervisor.start_session(id, spec).await.expect("it starts");
}

fn ids(table: &Value) -> Vec<&str> {
    let rows = table["sessions"].as_array().expect("rows");
    rows.iter()
        .map(|row| row["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn strange_ids_and_labels_come_as_they_are() {
    let supervisor = supervisor().await;
    for id in STRANGE {
        start(&supervisor, id, Some(id)).await;
    }
    let server = Server::start(dashboard(&supervisor)).await;
    let response = server.get("/api/sessions").await;
    assert_eq!(ids(&response.json()), STRANGE);
    assert!(
        !response.body.contains(['<', '>', '&', '\u{2028}']),
        "{}",
        response.body
    );
    for id in STRANGE {
        let session = server
            .data(&format!("/api/session?id={}", escaped(id)))
            .await;
        assert_eq!(session["session"]["id"], id);
        assert_eq!(session["session"]["label"], id);
        let found = server
            .data(&format!("/api/sessions?find={}", escaped(id)))
            .await;
        assert_eq!(found["exact"]["id"], id);
        assert!(ids(&found).contains(&id), "{id}");
    }
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn parameters_that_break_a_rule_are_refused_by_name() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    let long = format!("find={}", "x".repeat(513));
    let longer = format!("find={}", "x".repeat(9_000));
    let many: Vec<_> = (0..100).map(|n| format!("p{n}=1")).collect();
    let many = many.join("&");
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=%31%30%30%30", "limit"),
        ("sort=age", "sort"),
        ("order=up", "order"),
        ("order=desc", "order"),
        ("state=running,dead", "state"),
        ("after=7", "after"),
        ("after=x:a", "after"),
        ("after=7:a%00b", "after"),
        ("sort=restarts&beyond_id=a&beyond=many", "beyond"),
        ("sort=restarts&beyond=7", "beyond"),
        ("beyond_id=a", "beyond"),
        ("sort=id&beyond_id=", "beyond_id"),
        ("unknown=1", "unknown"),
        ("find=a&find=b", "find"),
        ("find=%zz", "parameter"),
        ("find=%ff", "parameter"),
        (&long, "find"),
        (&longer, "parameters"),
        (&many, "parameters"),
    ] {
        let response = server.get(&format!("/api/sessions?{query}")).await;
        let shown = &query[..query.len().min(60)];
        if query == "sort=id&beyond_id=" {
            // An empty value is none.
            assert_eq!(response.status, 200);
            continue;
        }
        assert_eq!(
            (response.status, &*response.error()),
            (400, "bad_request"),
            "{shown}"
        );
        let message = response.json()["message"].to_string();
        assert!(
            message.contains(named) && message.len() < 200,
            "{shown}: {message}"
        );
    }
    for (query, status) in [
        ("", 400),
        ("id=", 400),
        ("id=alice", 404),
        ("id=a%00b", 404),
    ] {
        let response = server.get(&format!("/api/session?{query}")).await;
        assert_eq!(response.status, status, "{query}");
    }
    // Longer than a server takes at all.
    let huge = format!("/api/sessions?find={}", "x".repeat(1_000_000));
    assert!((400..500).contains(&server.get(&huge).await.status));
    assert_eq!(server.get("/api/sessions").await.status, 200);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn other_sites_get_no_data() {
    let supervisor = supervisor().await;
    let server = Server::start(dashboard(&supervisor)).await;
    for path in [
        "/api/overview",
        "/api/events",
        "/api/sessions",
        "/api/session?id=a",
    ] {
        for site in ["cross-site", "same-site"] {
            let headers = [("sec-fetch-site", site)];
            let response = server.request("GET", path, &headers, "").await;
            assert_eq!(
                (response.status, &*response.error()),
                (403, "wrong_origin"),
                "{path}"
            );
        }
    }
    // A link on another site may lead to the page.
    let headers = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(server.request("GET", "/", &headers, "").await.status, 200);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn it_is_filtered_sorted_and_paged_by_the_server() {
    let supervisor = supervisor().await;
    for (id, label) in [
        ("delta", Some("Tea")),
        ("alpha", None),
        ("charlie", Some("coffee")),
        ("bravo", Some("tea")),
    ] {
        start(&supervisor, id, label).await;
    }
    for (id, times) in [("charlie", 2), ("alpha", 1)] {
        for _ in 0..times {
            supervisor.restart_session(id).await.unwrap();
        }
    }
    let server = Server::start(dashboard(&supervisor)).await;
    for (query, wanted) in [
        ("", &["delta", "alpha", "charlie", "bravo"][..]),
        ("sort=id", &["alpha", "bravo", "charlie", "delta"]),
        (
            "sort=id&order=desc",
            &["delta", "charlie", "bravo", "alpha"],
        ),
        ("sort=id&limit=2", &["alpha", "bravo"]),
        ("sort=id&beyond_id=bravo", &["charlie", "delta"]),
        ("sort=id&order=desc&beyond_id=bravo", &["alpha"]),
        (
            "sort=incarnation&order=desc",
            &["charlie", "alpha", "delta", "bravo"],
        ),
        (
            "sort=incarnation&beyond_id=bravo&beyond=1",
            &["delta", "alpha", "charlie"],
        ),
        ("sort=label", &["alpha", "delta", "charlie", "bravo"]),
        ("sort=label&beyond_id=charlie&beyond=coffee", &["bravo"]),
        ("sort=state&limit=1", &["alpha"]),
        (
            "sort=state&beyond_id=alpha&beyond=running",
            &["bravo", "charlie", "delta"],
        ),
        ("find=TEA", &["delta", "bravo"]),
        ("find=l&sort=id", &["alpha", "charlie", "delta"]),
        ("find=none", &[]),
        ("state=running&find=ta", &["delta"]),
        ("state=parked,stuck", &[]),
        ("find=tea&limit=1", &["delta"]),
    ] {
        let table = server.data(&format!("/api/sessions?{query}")).await;
        assert_eq!(ids(&table), wanted, "{query}");
    }
    let first = server.data("/api/sessions?find=tea&limit=1").await;
    let after = escaped(first["next"].as_str().unwrap());
    let second = server
        .data(&format!("/api/sessions?find=tea&limit=1&after={after}"))
        .await;
    assert_eq!(ids(&second), ["bravo"]);
    assert_eq!(second["next"], Value::Null);
    supervisor.stop().await.unwrap();
}

/// All pages, one after the other, of what a query asks for; and how many requests that took.
async fn walk(server: &Server, query: &str) -> (Vec<Value>, usize) {
    let mut rows = Vec::new();
    let (mut after, mut requests) = (String::new(), 0);
    loop {
        let table = server
            .data(&format!("/api/sessions?{query}&after={}", escaped(&after)))
            .await;
        requests += 1;
        let looked = table["looked_at"].as_u64().unwrap();
        assert!(looked <= LOOK, "{looked} of {query}");
        rows.extend(table["sessions"].as_array().unwrap().iter().cloned());
        match table["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return (rows, requests),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_very_many_costs_a_bounded_look_for_each_request() {
    let supervisor = supervisor().await;
    let spec = ChildSpec::new(|_| (Chat, ()));
    for n in 0..MANY {
        // The order of ids is not that of the starts.
        let id = format!("{:06}", (n * 7_919) % MANY);
        supervisor.start_session(&id, spec.clone()).await.unwrap();
    }
    start(&supervisor, "the last one", Some("rare")).await;
    let server = Server::start(dashboard(&supervisor)).await;
    let all = MANY + 1;
    // The first page looks at no more than it shows.
    let first = server.data("/api/sessions?limit=100").await;
    assert_eq!(
        (ids(&first).len(), first["looked_at"].as_u64()),
        (100, Some(100))
    );
    let (rows, requests) = walk(&server, "limit=500").await;
    let distinct: BTreeSet<_> = rows.iter().map(|row| row["id"].to_string()).collect();
    assert_eq!((rows.len(), distinct.len()), (all, all));
    assert_eq!(requests, all.div_ceil(500));
    // A rare one is found, by a walk in bounded steps, and at once by its whole id.
    let (rows, requests) = walk(&server, "find=RARE").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(requests, all.div_ceil(10_000));
    let exact = server.data("/api/sessions?find=the+last+one").await;
    assert_eq!(exact["exact"]["label"], "rare");
    // The best of each step, merged, are the best of all.
    let (mut rows, requests) = walk(&server, "sort=id&order=desc&limit=3").await;
    assert_eq!(requests, all.div_ceil(10_000));
    assert!(rows.len() <= 3 * requests);
    rows.sort_by_key(|row| std::cmp::Reverse(row["id"].to_string()));
    let best: Vec<_> = rows
        .iter()
        .take(2)
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(best, ["the last one", &format!("{:06}", MANY - 1)]);
    // Behind a page that was forged there is still no more than a look.
    let forged = escaped("18446744073709551615:nobody");
    let table = server.data(&format!("/api/sessions?after={forged}")).await;
    assert_eq!((ids(&table).len(), &table["next"]), (0, &Value::Null));
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_a_tree_shows_its_children() {
    let supervisor = supervisor().await;
    let child = || ChildSpec::new(|_| (Chat, ()));
    let tree = ChildSpec::tree(move |_| {
        let inner = TreeSpec::one_for_one().child("leaf", child().label("<b>"));
        TreeSpec::one_for_one()
            .child("plain", child())
            .child("inner", Supervisor::child_spec(inner))
    });
    supervisor.start_session("tree", tree).await.unwrap();
    let server = Server::start(dashboard(&supervisor)).await;
    let session = server.data("/api/session?id=tree").await;
    let children = session["children"].as_array().expect("children");
    assert_eq!(children[0]["name"], "plain");
    assert_eq!(children[0]["state"], "running");
    assert_eq!(children[1]["name"], "inner");
    assert_eq!(children[1]["children"][0]["name"], "leaf");
    assert_eq!(children[1]["children"][0]["label"], "<b>");
    supervisor.stop().await.unwrap();
}
