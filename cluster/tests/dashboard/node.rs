//! The node: it serves its dashboard, tells the address, and reads commands, one a line, each of which it
//! answers with a line.

use std::io::Write;
use std::time::Duration;

use axum::Router;
use session_supervisor::{ChildSpec, StartContext, StopSignal};
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds, Seat, dashboard};
use session_supervisor_store::MemoryStore;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the test sets {name}"))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The test may have gone.
    drop(writeln!(out, "{line}"));
    drop(out.flush());
}

/// Sessions with a label, which do nothing.
fn kinds() -> Kinds {
    Kinds::new().without_messages("room", |label: String, _: Seat| {
        let task = |_: StartContext, stop: StopSignal| async move {
            stop.requested().await;
            Ok(())
        };
        ChildSpec::task(task).label(label)
    })
}

pub(crate) async fn run(name: &str) {
    let lease: u64 = variable("LEASE_OF_TEST").parse().expect("seconds");
    let shards: u32 = variable("SHARDS_OF_TEST").parse().expect("a number");
    let options = ClusterOptions::new("rooms", name, "a cookie")
        .etcd([variable("ETCD_OF_TEST")])
        .lease(Duration::from_secs(lease))
        .shards(shards);
    let joined = ClusterSupervisor::join(options, kinds(), MemoryStore::new()).await;
    let cluster = joined.expect("it joins");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app: Router = Router::new().nest("/cluster", dashboard(&cluster));
    tokio::spawn(async move { axum::serve(listener, app).await });
    say(&format!("http://{address}"));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_once(' ') {
            Some(("start", id)) => {
                let label = format!("the room {id}");
                let started = cluster.ensure_session(id, "room", &label).await;
                say(&started.map_or_else(|error| format!("{error:?}"), |_| "ok".to_owned()));
            }
            _ => {
                cluster.leave().await;
                say("left");
            }
        }
    }
}
