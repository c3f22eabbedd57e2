//! The node whose work is measured. It answers in nanoseconds: how long one of many took, or when
//! something was so, by the clock of the machine, which all processes share.

use std::time::Duration;

use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Status, clock};
use session_supervisor_store::{MemoryStore, SessionStore};

use super::session::kinds;
use super::work::{self, Answered, parsed};
use crate::node::{obey, say, variable};

/// A store of each node's own.
pub(super) const OWN_STORE: &str = "own";

/// Between two looks of one that waits until something is so.
const PAUSE: Duration = Duration::from_millis(5);

/// How long nothing may change in etcd until all counts as settled.
const QUIET: Duration = Duration::from_millis(500);

pub(crate) async fn run(name: &str, of: &str) {
    let lease = variable("LEASE_OF_TEST").parse().expect("seconds");
    let options = ClusterOptions::new("figures", name, "a cookie")
        .etcd(variable("ETCD_OF_TEST").split(','))
        .lease(Duration::from_secs(lease));
    let joined = ClusterSupervisor::join(options, kinds(), store(of)).await;
    let cluster = match joined {
        Ok(cluster) => cluster,
        Err(error) => return say("joined", &format!("error {error:?}")),
    };
    say("joined", "ok");
    let command = |line: String| {
        let cluster = cluster.clone();
        async move { command(&cluster, &line).await }
    };
    obey(command).await;
}

fn store(of: &str) -> Box<dyn SessionStore> {
    #[cfg(feature = "postgres")]
    if of != OWN_STORE {
        use session_supervisor_cluster::{PostgresOptions, PostgresStore};
        let options: PostgresOptions = of.parse().expect("a URL");
        return Box::new(PostgresStore::open(options).expect("a server"));
    }
    assert_eq!(of, OWN_STORE);
    Box::new(MemoryStore::new())
}

async fn command(cluster: &ClusterSupervisor, line: &str) -> Answered {
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["start", owner, kind, prefix, count, at_once] => {
            let ids = work::ids(cluster, owner, prefix, parsed(count));
            work::start(cluster, kind, ids, parsed(at_once)).await
        }
        ["start-and-stop", owner, count, at_once] => {
            work::start_and_stop(cluster, owner, parsed(count), parsed(at_once)).await
        }
        ["start-plain", count, at_once] => work::plain(parsed(count), parsed(at_once)).await,
        ["call", owner, count, at_once] => {
            work::call(cluster, owner, parsed(count), parsed(at_once)).await
        }
        ["call-actor", count, at_once] => {
            work::call_actor(cluster, parsed(count), parsed(at_once)).await
        }
        ["running"] => {
            let counts = cluster.sessions().count_sessions().await;
            Ok(counts.map_or(0, |counts| counts.active).to_string())
        }
        ["settled"] => Ok(settled(cluster).await),
        // When this node knows that another one is gone.
        ["gone", node] => {
            let gone = |status: &Status| !status.nodes.keys().any(|name| name.as_str() == node);
            Ok(when(cluster, gone).await)
        }
        // When it knows that others own its shards.
        ["owned-without", node] => {
            let owned = |status: &Status| is_settled(status) && !owns(status, node);
            Ok(when(cluster, owned).await)
        }
        ["bytes"] => Ok(resident().to_string()),
        _ => panic!("no command: {line}"),
    }
}

/// Waits until nothing moves any more. A plan is carried out in steps, between which nothing does.
async fn settled(cluster: &ClusterSupervisor) -> String {
    let mut revision = 0;
    loop {
        let at = when(cluster, is_settled).await;
        if cluster.status().revision == revision {
            return at;
        }
        revision = cluster.status().revision;
        tokio::time::sleep(QUIET).await;
    }
}

/// Every node has some, and none is on its way.
fn is_settled(status: &Status) -> bool {
    let all_have = status.nodes.values().all(|node| node.shards > 0);
    all_have && status.unowned == 0 && status.moving_here == 0 && status.owned_here > 0
}

fn owns(status: &Status, node: &str) -> bool {
    status.owners.values().any(|by| by.node.as_str() == node)
}

/// Waits until it is so, and answers when that was.
async fn when(cluster: &ClusterSupervisor, is_so: impl Fn(&Status) -> bool) -> String {
    while !is_so(&cluster.status()) {
        tokio::time::sleep(PAUSE).await;
    }
    clock::now().since_boot().as_nanos().to_string()
}

/// The memory of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1_024 * parsed(kibibytes.expect("a size"))
}
