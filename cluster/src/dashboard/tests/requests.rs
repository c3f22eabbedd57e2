//! What is answered to whom, and that it is what the documentation says.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};

use super::fake::{Fake, name, owner, router, seen, shown};
use super::http::{Events, data, get, request};
use crate::engine::Hold;
use crate::fault::Fault;

const PATHS: [&str; 3] = ["/api/overview", "/api/events", "/api/shards"];

/// A page of another site whose name leads here is of the same origin for its browser.
#[tokio::test]
async fn a_name_that_others_point_here_gets_no_data() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    let app = router(&fake).await;
    for path in PATHS {
        for headers in [
            vec![("host", "evil.example"), ("sec-fetch-site", "same-origin")],
            vec![("host", "localhost"), ("sec-fetch-site", "cross-site")],
            vec![("host", "localhost"), ("sec-fetch-site", "same-site")],
            vec![("host", "localhost"), ("host", "localhost")],
        ] {
            let answer = request(&app, "GET", path, &headers).await;
            let told = (answer.status, answer.error());
            assert_eq!(told, (403, "wrong_origin".to_owned()), "{path} {headers:?}");
            assert!(!answer.body.contains("127.0.0.1"));
        }
    }
    for host in ["localhost:1", "127.0.0.1", "[::1]:80", "ops"] {
        let answer = request(&app, "GET", "/api/overview", &[("host", host)]).await;
        assert_eq!(answer.status, 200, "{host}");
    }
    // The program names one, for both pages.
    let (page, _sessions) = shown(&fake).await;
    let app: Router = page.origin("https://ops.example.com/").router();
    for path in ["/api/overview", "/sessions/api/overview"] {
        let asked = async |host: &str| request(&app, "GET", path, &[("host", host)]).await.status;
        assert_eq!(asked("ops.example.com").await, 200, "{path}");
        assert_eq!(asked("ops.example.com.evil.example").await, 403, "{path}");
    }
}

/// An address can be any text that has no space in it, and an error any text of a peer.
#[tokio::test(start_paused = true)]
async fn what_others_chose_cannot_become_markup() {
    let bad = "</script><img/src=x/onerror=alert(1)>&\u{2028}";
    let fake = Fake::new(seen(8, &["a", "b"]));
    fake.change(|seen| {
        let node = seen.status.nodes.get_mut(&name("b")).expect("a node");
        node.address = format!("{bad}:80");
        seen.status.peers[0].last_error = Some(format!("{bad}\r\nset-cookie: x").into());
        seen.status
            .faults
            .push(Fault::NotJoined { why: bad.into() });
    });
    let app = router(&fake).await;
    let mut events = Events::open(&app, "/api/events").await.expect("a place");
    let overview = events.until("overview").await;
    assert_eq!(overview["nodes"][1]["address"], format!("{bad}:80"));
    let answer = get(&app, "/api/overview").await;
    assert_eq!(answer.header("content-type"), "application/json");
    for special in ['<', '>', '&', '\u{2028}', '\n', '\r'] {
        assert!(!answer.body.contains(special), "{special:?}");
    }
    let error = answer.json()["nodes"][1]["last_error"].clone();
    assert_eq!(error, format!("{bad}\r\nset-cookie: x"));
    let text = format!("not joined again: {bad}");
    let fault = json!({ "kind": "not_joined", "text": text });
    assert_eq!(overview["here"]["faults"], json!([fault]));
    // In a sentence too.
    fake.change(|seen| {
        let node = seen.status.nodes[&name("b")].clone();
        seen.status.nodes.insert(name("c"), node);
    });
    let news = events.until("changes").await;
    let text = news["changes"][0]["text"].as_str().expect("a sentence");
    assert!(text.contains(bad), "{text}");
}

#[tokio::test]
async fn the_data_of_a_small_cluster() {
    let fake = Fake::new(seen(4, &["a", "b"]));
    fake.change(|seen| {
        let shard = |at| seen.shards.get(at).expect("a shard");
        let (first, second) = (shard(0), shard(1));
        seen.status.owners.remove(&first);
        seen.status.owners.insert(second, owner("z", 99));
        seen.holds[1] = Hold::Elsewhere;
    });
    let app = router(&fake).await;
    let overview = data(&app, "/api/overview").await;
    let here = json!({
        "node": "a", "stage": "joined", "standing": "serving", "lease": 10.0, "lease_age": 1.25,
        "serves_for": 5.416, "owned": overview["here"]["owned"], "moving": 0, "faults": [],
        "more_faults": 0,
    });
    assert_eq!(overview["here"], here);
    assert_eq!(overview["planner"], "a");
    let (of_a, of_b) = (&overview["nodes"][0], &overview["nodes"][1]);
    assert_eq!(of_a["incarnation"], u64::MAX.to_string());
    assert_eq!(
        (&of_a["connection"], &of_a["planner"]),
        (&json!("here"), &json!(true))
    );
    assert_eq!(
        (&of_a["sessions"], &of_a["lease_age"]),
        (&json!(7), &json!(1.25))
    );
    let expected = json!({
        "name": "b", "address": "127.0.0.1:4001", "incarnation": (u64::MAX - 1).to_string(),
        "weight": 100, "leaving": false, "planner": false, "shards": of_b["shards"],
        "planned": of_b["planned"], "sessions": null, "lease_age": null, "connection": "up",
        "heard_ago": 0.7, "in_flight": 0, "waiting": 0, "last_error": null,
    });
    assert_eq!(*of_b, expected);
    let grid = &overview["shards"];
    assert_eq!(grid["count"], 4);
    assert_eq!(
        (&grid["unowned"], &grid["moving"]),
        (&json!([0]), &json!([1]))
    );
    assert_eq!(
        (&overview["unowned"], &overview["moving"]),
        (&json!(1), &json!(1))
    );
    let names = grid["names"].as_array().expect("names");
    let name_of = |column: &str, shard: usize| {
        let place = grid[column][shard].as_u64();
        place.map(|place| names[usize::try_from(place).expect("small")].clone())
    };
    assert_eq!(name_of("owner", 0), None);
    assert_eq!(name_of("owner", 1), Some(json!("z")));
    assert_eq!(grid["epoch"], json!([null, 99, 12, 13]));
    let table = data(&app, "/api/shards?state=moving").await;
    let row = json!({
        "shard": 1, "owner": "z", "incarnation": "1", "epoch": 99,
        "planned": name_of("planned", 1), "state": "moving", "here": null,
    });
    assert_eq!(table["shards"], json!([row]));
    assert_eq!(
        (&table["matching"], &table["next"]),
        (&json!(1), &Value::Null)
    );
}

/// Shards that cannot be read for many causes.
#[tokio::test]
async fn as_many_faults_as_are_of_use_are_told_and_the_others_are_counted() {
    let fake = Fake::new(seen(4, &["a", "b"]));
    let cause = |number: u32| Fault::Unread {
        shards: Vec::new(),
        why: number.to_string().into(),
    };
    fake.change(|seen| seen.status.faults = (0..25).map(cause).collect());
    let overview = data(&router(&fake).await, "/api/overview").await;
    let here = &overview["here"];
    let told = here["faults"].as_array().expect("a list");
    assert_eq!((told.len(), &here["more_faults"]), (20, &json!(5)));
    let last = json!({ "kind": "unread", "text": "no shard cannot be read, tried again: 19" });
    assert_eq!(told[19], last);
}

/// The names of all fields of a value.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                fields(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn every_field_and_every_name_is_documented() {
    let fake = Fake::new(seen(8, &["a", "b"]));
    fake.change(|seen| {
        let shard = seen.shards.get(1).expect("a shard");
        seen.status.owners.insert(shard, owner("z", 99));
        seen.status.faults.push(Fault::NotJoined { why: "".into() });
    });
    let app = router(&fake).await;
    let mut events = Events::open(&app, "/api/events").await.expect("a place");
    let mut found = BTreeSet::new();
    fields(&events.until("overview").await, &mut found);
    fake.change(|seen| seen.status.owners.clear());
    fields(&events.until("changes").await, &mut found);
    fields(&events.until("tick").await, &mut found);
    fields(&data(&app, "/api/shards").await, &mut found);
    fields(&get(&app, "/api/shards?limit=0").await.json(), &mut found);
    assert!(found.len() > 40, "{found:?}");
    let docs = include_str!("../../dashboard.rs");
    for name in found {
        let written = [format!("`{name}`"), format!("\"{name}\"")];
        assert!(written.iter().any(|name| docs.contains(name)), "{name}");
    }
    drop(events);
    tokio::time::sleep(Duration::from_secs(1)).await;
}
