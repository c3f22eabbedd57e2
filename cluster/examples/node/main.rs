//! A chat on several nodes: the README of this crate says how to run three of them, kill one, and see
//! its rooms on the others.
//!
//! It reads commands from its standard input, one a line: `open ROOM`, `say ROOM TEXT`, `read ROOM`,
//! `close ROOM`, `where ROOM`, `list`, `status`, `stats`, `watch` (what happens to the cluster from now on),
//! `drain SECONDS`, `leave`. Built with the feature `dashboard`, `--dashboard 127.0.0.1:8080` shows the
//! cluster in the browser.
//!
//! With `--tls-cert`, `--tls-key` and `--tls-ca`, files in PEM, the nodes speak TLS with each other. With
//! `--etcd-user` a node logs in to etcd, with the password from the environment variable `ETCD_PASSWORD`.
//! Built with the feature `etcd-tls`, it speaks TLS with etcd: `--etcd-ca` names the authorities, and
//! `--etcd-cert` and `--etcd-key` a certificate for an etcd that demands one of its clients.

mod flags;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::{Deserialize, Serialize};
use session_supervisor::{ChildSpec, StartContext};
use session_supervisor_cluster::{
    ClusterSupervisor, Drain, EventKind, Kinds, Remote, Seat, StartedHow, Subscription,
};
use session_supervisor_store::{Checkpoint, MemoryStore};
use tokio::io::{AsyncBufReadExt, BufReader};

use flags::Flags;

/// A room: its lines are saved, so that they are there on the next node.
struct Room;

enum RoomMessage {
    Say(String),
    /// Without a port nobody waits for the lines.
    Read(Option<RpcReplyPort<Vec<String>>>),
}

impl ractor::Message for RoomMessage {}

/// What can be asked of a room from another node.
#[derive(Serialize, Deserialize)]
enum RoomRequest {
    Say(String),
    Read,
}

impl Remote for RoomMessage {
    const PROTOCOL: &'static str = "room/1";
    type Request = RoomRequest;
    type Reply = Vec<String>;

    fn of(request: RoomRequest, reply: Option<RpcReplyPort<Vec<String>>>) -> Self {
        match (request, reply) {
            (RoomRequest::Say(text), _) => Self::Say(text),
            (RoomRequest::Read, reply) => Self::Read(reply),
        }
    }
}

struct State {
    lines: Vec<String>,
    saved: Checkpoint<Vec<String>>,
}

#[ractor::actor(message = RoomMessage, state = State, arguments = (StartContext, Seat))]
impl Room {
    async fn pre_start(
        &self,
        _: ActorRef<RoomMessage>,
        (start, seat): (StartContext, Seat),
    ) -> Result<State, ActorProcessingErr> {
        let (saved, lines) = seat.remembered().checkpoint(&start).await?;
        let lines = lines.unwrap_or_default();
        Ok(State { lines, saved })
    }

    async fn handle(
        &self,
        _: ActorRef<RoomMessage>,
        message: RoomMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RoomMessage::Say(text) => {
                state.lines.push(text);
                state.saved.save(&state.lines)?;
            }
            RoomMessage::Read(Some(reply)) => drop(reply.send(state.lines.clone())),
            RoomMessage::Read(None) => {}
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let flags = Flags::of_program()?;
    let name = flags.name()?;
    let options = flags.options()?;
    let kinds = Kinds::new().kind("room", |(): (), seat: Seat| {
        ChildSpec::new(move |start| (Room, (start, seat.clone())))
    });
    let cluster = match flags.get("--postgres") {
        #[cfg(feature = "postgres")]
        Some(url) => {
            let store = session_supervisor_cluster::PostgresStore::open(url.parse()?)?;
            ClusterSupervisor::join(options, kinds, store).await?
        }
        #[cfg(not(feature = "postgres"))]
        Some(_) => return Err("built without the feature `postgres`".into()),
        None => ClusterSupervisor::join(options, kinds, MemoryStore::new()).await?,
    };
    println!("{name} has joined");
    if let Some(address) = flags.get("--dashboard") {
        show(&cluster, address).await?;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim() == "leave" {
            break;
        }
        match command(&cluster, &line).await {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("error: {}", chain(&*error)),
        }
    }
    cluster.leave().await;
    println!("{name} has left");
    Ok(())
}

/// Serves the page of the cluster for as long as the program runs. All who reach the address can read it,
/// so it is best one of loopback.
#[cfg(feature = "dashboard")]
async fn show(cluster: &ClusterSupervisor, address: &str) -> Result<(), Box<dyn Error>> {
    let page = session_supervisor_cluster::dashboard::<()>(cluster);
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    println!("dashboard on http://{}/", listener.local_addr()?);
    drop(tokio::spawn(
        async move { axum::serve(listener, page).await },
    ));
    Ok(())
}

#[cfg(not(feature = "dashboard"))]
async fn show(_: &ClusterSupervisor, _: &str) -> Result<(), Box<dyn Error>> {
    Err("built without the feature `dashboard`".into())
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

/// The node that owns a room.
fn node_of(cluster: &ClusterSupervisor, room: &str) -> String {
    let owner = cluster.owner_of(room);
    owner.map_or_else(
        || "no node just now".to_owned(),
        |owner| owner.node.to_string(),
    )
}

async fn command(cluster: &ClusterSupervisor, line: &str) -> Result<String, Box<dyn Error>> {
    let mut words = line.splitn(3, ' ');
    let (word, room) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let text = words.next().unwrap_or_default();
    let address = cluster.session_ref::<RoomMessage>(room);
    Ok(match word {
        "open" => {
            let started = cluster.ensure_session(room, "room", &()).await?;
            let is = match started.how {
                StartedHow::Created => "is",
                _ => "was",
            };
            format!("{room} {is} open on {}", node_of(cluster, room))
        }
        "say" => {
            address.cast(&RoomRequest::Say(text.to_owned())).await?;
            "said".to_owned()
        }
        "read" => {
            let lines = address.call(&RoomRequest::Read, Duration::from_secs(5));
            format!("{:?}", lines.await?)
        }
        "close" => cluster.stop_session(room).await?,
        "where" => {
            let found = match cluster.find(room).await? {
                Some(found) => format!("{} in epoch {}", found.state, found.epoch),
                None => "no such room".to_owned(),
            };
            format!("on {}: {found}", node_of(cluster, room))
        }
        "list" => {
            let page = cluster.list(None, 100).await;
            let rooms = page
                .sessions
                .iter()
                .map(|(node, row)| format!("{} on {node}", row.id));
            rooms.collect::<Vec<_>>().join("\n")
        }
        "status" => cluster.status().to_string(),
        "stats" => stats(cluster),
        "watch" => {
            let feed = cluster.subscribe();
            let known = feed.snapshot().expect("it is new");
            let (nodes, unowned) = (known.nodes.len(), known.unowned());
            tokio::spawn(watch(feed));
            format!("{nodes} nodes, {unowned} shards unowned; what happens from now on is told")
        }
        "drain" => {
            let seconds = room.parse().map_err(|_| "usage: drain SECONDS")?;
            let mut drain = cluster.drain(Drain::within(Duration::from_secs(seconds)));
            while let Some(progress) = drain.progress().await {
                println!("{progress}");
                // What comes meanwhile is left out: the next one is the newest.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            drain.await?.summary.to_string()
        }
        _ => "open, say, read, close, where, list, status, stats, watch, drain or leave".to_owned(),
    })
}

/// Tells what happens. A node that joins or goes moves hundreds of shards: those are counted, and told when
/// nothing has come for a moment.
async fn watch(mut feed: Subscription) {
    let mut shards = BTreeMap::<String, usize>::new();
    loop {
        let event = tokio::time::timeout(Duration::from_millis(300), feed.next()).await;
        if let Ok(Some(Ok(event))) = &event {
            match (&event.kind, shard_event(&event.kind)) {
                (EventKind::DrainProgressed(_), _) => continue,
                (_, Some(what)) => {
                    *shards.entry(what).or_default() += 1;
                    continue;
                }
                (_, None) => {}
            }
        }
        for (what, count) in std::mem::take(&mut shards) {
            println!("* {count} shards: {what}");
        }
        match event {
            Err(_) => {}
            Ok(Some(Ok(event))) => println!("* {event}"),
            Ok(Some(Err(lagged))) => println!("* {lagged}"),
            Ok(None) => return,
        }
    }
}

fn shard_event(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::ShardClaimed { owner, .. } => format!("claimed by {}", owner.node),
        EventKind::ShardReleased { owner, .. } => format!("released by {}", owner.node),
        EventKind::ShardLost { owner, .. } => format!("lost by {}", owner.node),
        EventKind::ShardFrozen { .. } => "frozen here".to_owned(),
        EventKind::ShardRestored { sessions, .. } if sessions.failed + sessions.set_aside == 0 => {
            "restored here".to_owned()
        }
        _ => return None,
    })
}

/// The numbers that are not zero, one a line.
fn stats(cluster: &ClusterSupervisor) -> String {
    let stats = cluster.stats();
    let mut lines = vec![
        format!(
            "shards here {}, unowned {}",
            stats.shards.owned, stats.shards.unowned
        ),
        format!(
            "claims {}, hand-overs {}, losses {}",
            stats.claims, stats.hand_overs, stats.losses
        ),
    ];
    for (kind, sent) in stats.sent.iter().filter(|(_, sent)| sent.total() > 0) {
        lines.push(format!(
            "sent {kind}: {} of {} done",
            sent.done,
            sent.total()
        ));
    }
    for (kind, served) in stats.served.iter().filter(|(_, served)| served.total() > 0) {
        lines.push(format!(
            "served {kind}: {} of {} done",
            served.done,
            served.total()
        ));
    }
    for (reason, count) in stats.refused.iter().filter(|(_, count)| *count > 0) {
        lines.push(format!("refused {reason}: {count}"));
    }
    for (what, histogram) in [
        ("request", &stats.request_duration),
        ("hand-over", &stats.hand_over_duration),
        ("restore of a shard", &stats.restore_duration),
    ] {
        if let Some(mean) = histogram.mean() {
            lines.push(format!(
                "a {what} takes {mean:.1?}, the mean of {}",
                histogram.count()
            ));
        }
    }
    lines.join("\n")
}
