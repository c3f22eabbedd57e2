//! A chat on several nodes: the README of this crate says how to run three of them, kill one, and see
//! its rooms on the others.
//!
//! It reads commands from its standard input, one a line: `open ROOM`, `say ROOM TEXT`, `read ROOM`,
//! `close ROOM`, `where ROOM`, `list`, `status`, `stats`, `watch` (what happens to the cluster from now on),
//! `drain SECONDS`, `leave`. Built with the feature `dashboard`, `--dashboard 127.0.0.1:8080` shows the
//! cluster in the browser.
//!
//! With `--tls-cert`, `--tls-key` and `--tls-ca`, files in PEM, the nodes speak TLS with each other.

use std::error::Error;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::{Deserialize, Serialize};
use session_supervisor::{ChildSpec, StartContext};
use session_supervisor_cluster::{
    ClusterOptions, ClusterSupervisor, Drain, Kinds, Remote, Seat, Subscription, Tls,
};
use session_supervisor_store::{Checkpoint, MemoryStore};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A room: its lines are saved, so that they are there on the next node.
struct Room;

enum RoomMessage {
    Say(String),
    Read(RpcReplyPort<Vec<String>>),
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
            (RoomRequest::Read, Some(reply)) => Self::Read(reply),
            // Nobody waits for the lines.
            (RoomRequest::Read, None) => Self::Say(String::new()),
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
            RoomMessage::Read(reply) => drop(reply.send(state.lines.clone())),
        }
        Ok(())
    }
}

fn flag(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

const USAGE: &str = "usage: node --name NAME [--cookie TEXT] [--etcd URL] [--postgres URL] \
    [--listen ADDRESS] [--dashboard ADDRESS] [--tls-cert FILE --tls-key FILE --tls-ca FILE]";

/// All three of the flags, or none of them.
fn tls() -> Result<Option<Tls>, Box<dyn Error>> {
    let files = [flag("--tls-cert"), flag("--tls-key"), flag("--tls-ca")];
    let [Some(certificate), Some(key), Some(authority)] = files else {
        return match files {
            [None, None, None] => Ok(None),
            _ => Err("--tls-cert, --tls-key and --tls-ca belong together".into()),
        };
    };
    let read = |file: String| match std::fs::read(&file) {
        Ok(text) => Ok(text),
        Err(error) => Err(format!("{file}: {error}")),
    };
    let tls = Tls::from_pem(read(certificate)?, read(key)?, read(authority)?)?;
    Ok(Some(tls))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = flag("--name").ok_or(USAGE)?;
    let cookie = flag("--cookie").unwrap_or_else(|| "not a secret".to_owned());
    let mut options = ClusterOptions::new("rooms", &name, cookie);
    if let Some(etcd) = flag("--etcd") {
        options = options.etcd([etcd]);
    }
    if let Some(address) = flag("--listen") {
        options = options.listen(address.parse()?);
    }
    if let Some(tls) = tls()? {
        options = options.tls(tls);
    }
    let kinds = Kinds::new().kind("room", |(): (), seat: Seat| {
        ChildSpec::new(move |start| (Room, (start, seat.clone())))
    });
    let cluster = match flag("--postgres") {
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
    if let Some(address) = flag("--dashboard") {
        show(&cluster, &address).await?;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim() == "leave" {
            break;
        }
        match command(&cluster, &line).await {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("error: {error}"),
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

async fn command(cluster: &ClusterSupervisor, line: &str) -> Result<String, Box<dyn Error>> {
    let mut words = line.splitn(3, ' ');
    let (word, room) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let text = words.next().unwrap_or_default();
    let address = cluster.session_ref::<RoomMessage>(room);
    Ok(match word {
        "open" => format!("{:?}", cluster.ensure_session(room, "room", &()).await?),
        "say" => {
            address.cast(&RoomRequest::Say(text.to_owned())).await?;
            "said".to_owned()
        }
        "read" => {
            let lines = address.call(&RoomRequest::Read, Duration::from_secs(5));
            format!("{:?}", lines.await?)
        }
        "close" => cluster.stop_session(room).await?,
        "where" => match cluster.find(room).await? {
            Some(found) => format!("{} in epoch {}", found.state, found.epoch),
            None => "no such room".to_owned(),
        },
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
            }
            drain.await?.summary.to_string()
        }
        _ => "open, say, read, close, where, list, status, stats, watch, drain or leave".to_owned(),
    })
}

async fn watch(mut feed: Subscription) {
    while let Some(event) = feed.next().await {
        match event {
            Ok(event) => println!("* {event}"),
            Err(lagged) => println!("* {lagged}"),
        }
    }
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
