//! Chat rooms over WebSocket: `cargo run --example chat -- 127.0.0.1:8080`, and then several times
//! `websocat ws://127.0.0.1:8080/rooms/tea`, or any other client. With `--features dashboard`, the
//! page `http://127.0.0.1:8080/sessions` shows the rooms.
//!
//! A room is a session under its name. Its first guest starts it, and it ends when nobody has been
//! there for a minute, or for as many milliseconds as the second argument says. What a guest says
//! goes to all. `/crash` crashes the room: its guests are back at once, and its last lines are kept.
//!
//! At Ctrl-C, SIGTERM or SIGHUP the server stops first. Then the rooms handle what they have taken,
//! and the guests get that and a close frame (1001). The exit status is 0. What has not ended after
//! 25 s is killed, and a second Ctrl-C ends all at once with status 130.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::{Router, response::Response, routing::any};
use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    Application, Checkpoint, ChildSpec, Launch, Options, SessionSupervisor, Shutdown, StopSignal,
};
use tokio::net::TcpListener;
use tokio::sync::{RwLock, mpsc};
use tokio::time::timeout;

const ROOMS: &str = "rooms";
/// How many lines a room keeps.
const KEPT: usize = 100;
/// How long a room or a guest may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// Numbered from 1.
type Line = (u64, Utf8Bytes);
type Guest = mpsc::Sender<Line>;
type Done = Result<(), ActorProcessingErr>;

enum Msg {
    /// A guest comes, who has got the lines up to this number.
    Join(Guest, u64),
    Say(Utf8Bytes),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Msg {}

struct Room;

struct Open {
    name: String,
    lines: Arc<VecDeque<Line>>,
    saved: Checkpoint<VecDeque<Line>>,
    guests: Vec<Guest>,
}

#[ractor::actor(message = Msg, state = Open, arguments = Open)]
impl Room {
    async fn pre_start(&self, _: ActorRef<Msg>, open: Open) -> Result<Open, ActorProcessingErr> {
        Ok(open)
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, open: &mut Open) -> Done {
        match message {
            Msg::Join(guest, seen) => {
                let greeting = (seen > 0).then(|| (seen, "* you are back".into()));
                let missed = open.lines.iter().filter(|(number, _)| *number > seen);
                let mut told = greeting.into_iter().chain(missed.cloned());
                if told.all(|line| guest.try_send(line).is_ok()) {
                    open.guests.push(guest);
                }
            }
            Msg::Say(text) if text.as_str() == "/crash" => return Err("a guest said so".into()),
            Msg::Say(text) => {
                let lines = Arc::make_mut(&mut open.lines);
                let number = lines.back().map_or(1, |(last, _)| last + 1);
                lines.push_back((number, text.clone()));
                lines.drain(..lines.len().saturating_sub(KEPT));
                open.saved.save(Arc::clone(&open.lines))?;
                // Who does not read is put out, comes back, and gets what was missed.
                let got = |guest: &Guest| guest.try_send((number, text.clone())).is_ok();
                open.guests.retain(got);
            }
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, open: &mut Open) -> Done {
        println!("room {} is closed", open.name);
        Ok(())
    }
}

fn room(idle: Duration) -> ChildSpec<Room> {
    let spec = ChildSpec::from_fn(async |start| {
        let saved = start.checkpoint();
        let open = Open {
            name: start.key().to_owned(),
            lines: saved.get()?.unwrap_or_default(),
            saved,
            guests: Vec::new(),
        };
        Ok(Launch::Actor(Room, open))
    });
    spec.idle_timeout(idle).shutdown(Shutdown::Drain(GRACE))
}

/// What all guests share: how long a room may be idle, and a lock that each holds while present.
#[derive(Clone)]
struct House(Duration, Arc<RwLock<()>>);

async fn enter(
    State(House(idle, present)): State<House>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let present = present.read_owned().await;
    upgrade.on_upgrade(async move |mut socket| {
        if let Err(error) = talk(&mut socket, &name, idle).await {
            println!("a guest has to leave room {name}: {error}");
        }
        let (code, reason) = (close_code::AWAY, "the room is closed".into());
        let goodbye = async {
            let close = Message::Close(Some(CloseFrame { code, reason }));
            socket.send(close).await.ok();
            while let Some(Ok(_)) = socket.recv().await {}
        };
        timeout(GRACE, goodbye).await.ok();
        drop(present);
    })
}

/// A guest in a room, over all its incarnations.
async fn talk(socket: &mut WebSocket, name: &str, idle: Duration) -> Done {
    let rooms = SessionSupervisor::where_is(ROOMS).ok_or("there are no rooms")?;
    let room = rooms.session_ref(name)?.or_start(room(idle));
    let mut seen = 0;
    loop {
        let (guest, mut lines) = mpsc::channel(2 * KEPT);
        room.cast(Msg::Join(guest, seen)).await?;
        // As long as it is held the room is not idle. Refused: the room has just ended.
        let Ok(_lease) = rooms.lease(name).await else {
            continue;
        };
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some((number, text)) = line else { break };
                    socket.send(Message::Text(text)).await?;
                    seen = number;
                }
                said = socket.recv() => match said {
                    // If it is refused, the room ends, and so does `lines`.
                    Some(Ok(Message::Text(text))) => drop(room.cast(Msg::Say(text)).await),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Ok(()),
                },
            }
        }
    }
}

async fn serve(listener: Arc<std::net::TcpListener>, house: House, stop: StopSignal) -> Done {
    let app = Router::new().route("/rooms/{name}", any(enter).with_state(house));
    #[cfg(feature = "dashboard")]
    let app = {
        let rooms = SessionSupervisor::where_is(ROOMS).ok_or("there are no rooms")?;
        let page = session_supervisor::Dashboard::new(&rooms).close_on(stop.requested());
        app.nest("/sessions", page.router())
    };
    let server = axum::serve(TcpListener::from_std(listener.try_clone()?)?, app);
    Ok(server.with_graceful_shutdown(stop.requested()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let idle = arguments.next().map_or(Ok(60_000), |idle| idle.parse())?;
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let (listener, present) = (Arc::new(listener), Arc::default());
    let house = House(Duration::from_millis(idle), Arc::clone(&present));
    let server = ChildSpec::task(move |_, stop| serve(listener.clone(), house.clone(), stop));
    let guests = ChildSpec::task_with(present, |present, _, stop| async move {
        stop.requested().await;
        drop(present.write().await);
        Ok(())
    });
    // Stopped in reverse order: the server, the rooms, and then the guests are waited for.
    Application::new(Options::new().name(ROOMS))
        .child_before("guests", guests)
        .child("server", server)
        .run()
        .await?
        .exit()
}
