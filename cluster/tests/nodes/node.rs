//! The node: it reads commands, one a line, each with a tag, and answers each with one line.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor_cluster::error::RequestError;
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor};

use crate::room::{Around, Count, kinds};
use crate::shared_store::Client;

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the test sets {name}"))
}

pub(crate) fn say(tag: &str, answer: &str) {
    let mut out = std::io::stdout().lock();
    // The test may have gone.
    drop(writeln!(out, "{tag} {}", answer.replace('\n', " | ")));
    drop(out.flush());
}

pub(crate) fn run(name: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match std::env::var("FIGURES_OF_TEST") {
        Ok(store) => runtime.block_on(crate::figures::node::run(name, &store)),
        Err(_) => runtime.block_on(node(name)),
    }
}

async fn node(name: &str) {
    let store = variable("STORE_OF_TEST");
    let around = Around {
        node: name.to_owned(),
        recorder: Arc::new(Mutex::new(Client::connect(&store))),
    };
    let lease: u64 = variable("LEASE_OF_TEST").parse().expect("seconds");
    let shards: u32 = variable("SHARDS_OF_TEST").parse().expect("a number");
    let options = ClusterOptions::new("test", name, "a cookie")
        .etcd(variable("ETCD_OF_TEST").split(','))
        .lease(Duration::from_secs(lease))
        .shards(shards)
        .request_timeout(Duration::from_secs(3))
        .listen(variable("LISTEN_OF_TEST").parse().expect("an address"))
        .advertise(variable("ADVERTISE_OF_TEST"));
    let joined = ClusterSupervisor::join(options, kinds(around), Client::connect(&store)).await;
    let cluster = match joined {
        Ok(cluster) => cluster,
        Err(error) => return say("joined", &format!("error {}", chain(&error))),
    };
    say("joined", "ok");
    let command = |line: String| {
        let cluster = cluster.clone();
        async move { command(&cluster, &line.split(' ').collect::<Vec<_>>()).await }
    };
    obey(command).await;
}

/// Carries out what the test asks, each in a task of its own, until the test has gone.
pub(crate) async fn obey<F>(command: impl Fn(String) -> F)
where
    F: Future<Output = Result<String, RequestError>> + Send + 'static,
{
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let (tag, line) = line.split_once(' ').expect("a tag");
        let (tag, done) = (tag.to_owned(), command(line.to_owned()));
        tokio::spawn(async move {
            let answer = match done.await {
                Ok(answer) => answer,
                Err(error) => format!("error {:?} {}", error.outcome(), chain(&error)),
            };
            say(&tag, &answer);
        });
    }
}

async fn command(cluster: &ClusterSupervisor, words: &[&str]) -> Result<String, RequestError> {
    let second = Duration::from_secs(1);
    Ok(match *words {
        ["start", id] => cluster
            .start_session(id, "room", &())
            .await?
            .epoch
            .to_string(),
        ["ensure", id] => cluster
            .ensure_session(id, "room", &())
            .await?
            .epoch
            .to_string(),
        ["count", id] => {
            let address = cluster.session_ref::<Count>(id);
            address.call(&(), 3 * second).await?.to_string()
        }
        ["cast", id] => {
            cluster.session_ref::<Count>(id).cast(&()).await?;
            "ok".to_owned()
        }
        ["find", id] => match cluster.find(id).await? {
            Some(found) => format!("{} {}", found.state, found.epoch),
            None => "none".to_owned(),
        },
        ["stop", id] => cluster.stop_session(id).await?,
        // So many of `prefix`, started by 64 callers at once.
        ["starts", prefix, count] => {
            let count: usize = count.parse().expect("a number");
            let started = many(count, move |n| format!("{prefix}{n}"), cluster).await;
            started.to_string()
        }
        ["running"] => {
            let counts = cluster.sessions().count_sessions().await;
            counts.map_or(0, |counts| counts.active).to_string()
        }
        ["list", count] => {
            let mut ids = Vec::new();
            let mut after = None;
            loop {
                let page = cluster
                    .list(after.as_deref(), count.parse().expect("a number"))
                    .await;
                ids.extend(
                    page.sessions
                        .into_iter()
                        .map(|(node, row)| format!("{}@{node}", row.id)),
                );
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            ids.join(" ")
        }
        ["owned"] => {
            let status = cluster.status();
            format!(
                "{} {} {}",
                status.owned_here, status.moving_here, status.unowned
            )
        }
        ["stage"] => format!("{:?}", cluster.status().stage),
        ["status"] => cluster.status().to_string(),
        ["leave"] => {
            cluster.leave().await;
            "ok".to_owned()
        }
        _ => panic!("no command: {words:?}"),
    })
}

async fn many(count: usize, id: impl Fn(usize) -> String, cluster: &ClusterSupervisor) -> usize {
    let places = Arc::new(tokio::sync::Semaphore::new(64));
    let mut starts = tokio::task::JoinSet::new();
    for n in 0..count {
        let (cluster, id, places) = (cluster.clone(), id(n), Arc::clone(&places));
        starts.spawn(async move {
            let _place = places.acquire().await;
            cluster.start_session(&id, "room", &()).await.is_ok()
        });
    }
    let mut started = 0;
    while let Some(done) = starts.join_next().await {
        started += usize::from(done.unwrap_or(false));
    }
    started
}

fn chain(error: &dyn std::error::Error) -> String {
    let levels = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = levels.map(ToString::to_string).collect();
    texts.join(": ")
}
