//! The node: it reads commands, one a line, each with a tag, and answers each with one line.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor_cluster::clock::{Clock, Offset};
use session_supervisor_cluster::engine::{Candidate, Shards, plan};
use session_supervisor_cluster::error::RequestError;
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Drain, NodeName, Status};

use crate::chain::chain;
use crate::room::{Around, Count, kinds};
use crate::shared_store::Client;
use crate::watched::Watched;

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
    if std::env::var_os("LOG_OF_TEST").is_some() {
        let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
        log.with_ansi(false).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One may be lost to a session that never ends.
        .worker_threads(3)
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
    let or = |key: &str, usual: &str| std::env::var(key).unwrap_or_else(|_| usual.to_owned());
    let of = or("CLUSTER_OF_TEST", "test");
    let mut options = ClusterOptions::new(of, name, or("COOKIE_OF_TEST", "a cookie"))
        .prefix("/session-supervisor/test")
        .etcd(variable("ETCD_OF_TEST").split(','))
        .lease(Duration::from_secs(lease))
        .shards(shards)
        .request_timeout(Duration::from_secs(3))
        .listen(variable("LISTEN_OF_TEST").parse().expect("an address"))
        .advertise(variable("ADVERTISE_OF_TEST"));
    if let Ok(certificate) = std::env::var("TLS_OF_TEST") {
        options = options.tls(crate::links::tls(&certificate));
    }
    let (clock, offset) = Clock::movable();
    let (kinds, store) = (kinds(around), Client::connect(&store));
    let joined = ClusterSupervisor::join_by(options, kinds, store, clock).await;
    let cluster = match joined {
        Ok(cluster) => cluster,
        Err(error) => return say("joined", &format!("error {}", chain(&error))),
    };
    let watched = Watched::follow(&cluster);
    say("joined", "ok");
    let command = |line: String| {
        let (cluster, watched, offset) = (cluster.clone(), watched.clone(), offset.clone());
        async move {
            let words: Vec<_> = line.split(' ').collect();
            match watched.command(&words) {
                Some(answer) => Ok(answer),
                None => command(&cluster, &offset, &words).await,
            }
        }
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

async fn command(
    cluster: &ClusterSupervisor,
    clock: &Offset,
    words: &[&str],
) -> Result<String, RequestError> {
    let second = Duration::from_secs(1);
    Ok(match *words {
        ["start", id] => cluster
            .start_session(id, "room", &())
            .await?
            .epoch
            .to_string(),
        ["stone", id] => {
            let started = cluster.start_session(id, "stone", &()).await?;
            started.epoch.to_string()
        }
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
        // As many as asked for, named by `prefix`, started by 64 callers at once.
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
        ["stats"] => {
            let stats = cluster.stats();
            format!("{stats:?}")
        }
        // Seconds, and shards at a time.
        ["drain", seconds, at_most] => {
            let seconds: f64 = seconds.parse().expect("a number");
            let drain = Drain::within(Duration::from_secs_f64(seconds));
            let mut drain = cluster.drain(drain.at_most(at_most.parse().expect("a number")));
            let mut last = None;
            while let Some(progress) = drain.progress().await {
                last = Some(progress);
            }
            match drain.await {
                Ok(report) => {
                    let last = last.expect("some progress");
                    let sum = last.waiting + last.ending + last.releasing + last.ended;
                    assert_eq!(last.shards, sum);
                    let summary = report.summary;
                    format!(
                        "{} {} {} {} {}",
                        report.shards.len(),
                        summary.handed_over,
                        summary.lost,
                        summary.stuck,
                        summary.killed
                    )
                }
                Err(error) => format!("error {error}"),
            }
        }
        ["settled", ref names @ ..] => settled(&cluster.status(), names),
        ["stage"] => format!("{:?}", cluster.status().stage),
        ["status"] => cluster.status().to_string(),
        // The clock of its authority, and no other.
        ["forward", seconds] => {
            clock.forward(second * seconds.parse().expect("seconds"));
            "ok".to_owned()
        }
        ["back", seconds] => {
            clock.back(second * seconds.parse().expect("seconds"));
            "ok".to_owned()
        }
        ["leave"] => {
            cluster.leave().await;
            "ok".to_owned()
        }
        _ => panic!("no command: {words:?}"),
    })
}

/// Whether a node sees these nodes and no others, with each shard where the plan for them has it, and has
/// nothing more to do about its own.
fn settled(status: &Status, names: &[&str]) -> String {
    let known: Vec<_> = status.nodes.keys().map(NodeName::as_str).collect();
    if known != names {
        return format!("it knows {known:?}");
    }
    let shards = variable("SHARDS_OF_TEST").parse().expect("a number");
    let shards = Shards::new(shards).expect("a number of shards");
    let candidates = status.nodes.iter().map(|(name, node)| Candidate {
        name: name.clone(),
        weight: node.weight,
        leaving: node.leaving,
    });
    let plan = plan(shards, &candidates.collect::<Vec<_>>());
    let owner = |shard| status.owners.get(&shard).map(|owner| &owner.node);
    let away = shards
        .all()
        .filter(|shard| owner(*shard) != plan.owner(*shard));
    let away = away.count();
    let (owned, moving) = (status.owned_here, status.moving_here);
    let share = plan.share(&status.node);
    if away == 0 && moving == 0 && usize::try_from(owned) == Ok(share) {
        return "settled".to_owned();
    }
    format!("{away} shards are elsewhere; it owns {owned} of {share}, and moves {moving}")
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
