//! One client: reads commands, answers each, and is sent what happens in his session.
//!
//! Absent on purpose: trust. Whatever he sends gets one clear line back, and whatever he does not read
//! costs him his connection, nobody else a thing.

use std::fmt::Display;
use std::sync::Arc;

use ractor::ActorRef;
use ractor::rpc::CallResult;
use session_supervisor::{Ensured, SessionInfo, SessionSupervisor};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};

use crate::chat::{self, ChatMsg, Whereabouts};
use crate::lines::{self, Line};
use crate::rooms::{Number, Outbox, Rooms};

/// So many lines may wait for a client who is slow to read.
const OUTBOX: usize = 1_024;

/// A session that ends while it is asked is looked up anew, which waits for its restart; so often.
const TRIES: usize = 3;

const HELP: &str = "\
open ID    start the session ID, or join it
say TEXT   say something to all who are in your session
history    what was said in it since it last started
crash      make its actor panic
stop ID    end a session, or discard a parked one
list       all sessions
info ID    one session
quit       leave; the session lives on
help       this";

/// What all clients share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: SessionSupervisor,
    pub(crate) rooms: Rooms,
    /// Becomes true when the server has stopped.
    pub(crate) closing: watch::Receiver<bool>,
}

/// Whether the client stays.
enum Next {
    Stay,
    Leave,
}

#[derive(Debug)]
struct Client {
    shared: Shared,
    number: Number,
    outbox: Outbox,
    /// The session he is in.
    joined: Option<String>,
}

/// Serves a client until he leaves, vanishes, does not read, or the server stops.
pub(crate) async fn serve<R, W>(shared: Shared, number: Number, mut reader: R, writer: W)
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (lines, queue) = mpsc::channel(OUTBOX);
    let full = Arc::new(Notify::new());
    let mut writing = tokio::spawn(write(queue, writer));
    let mut closing = shared.closing.clone();
    let mut client = Client {
        shared,
        number,
        outbox: Outbox {
            lines,
            full: Arc::clone(&full),
        },
        joined: None,
    };
    let reads = tokio::select! {
        () = client.converse(&mut reader) => true,
        () = full.notified() => false,
        _ = &mut writing => false,
        _ = closing.wait_for(|closing| *closing) => {
            // If his outbox is full he does not read it anyway.
            client.outbox.lines.try_send("* the server has stopped".into()).ok();
            true
        }
    };
    if let Some(id) = client.joined.take() {
        client.shared.rooms.leave(&id, number);
    }
    // The last sender goes, so the writing ends when all is written.
    drop(client);
    if reads && !writing.is_finished() {
        let patience = std::time::Duration::from_secs(2);
        if tokio::time::timeout(patience, &mut writing).await.is_ok() {
            return;
        }
    }
    writing.abort();
}

async fn write<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Arc<str>>,
    mut writer: W,
) -> std::io::Result<()> {
    while let Some(line) = queue.recv().await {
        writer.write_all(line.as_bytes()).await?;
        writer.write_all(b"\n").await?;
        if queue.is_empty() {
            writer.flush().await?;
        }
    }
    writer.shutdown().await
}

impl Client {
    /// Answers his commands until he leaves or vanishes.
    async fn converse<R: AsyncBufRead + Unpin>(&mut self, reader: &mut R) {
        loop {
            let next = match lines::next(reader).await {
                Ok(Some(Line::Text(line))) => self.obey(line.trim()).await,
                Ok(Some(Line::TooLong)) => {
                    let rule = format!("a line may be {} bytes long", lines::LONGEST);
                    self.refuse(rule).await
                }
                Ok(Some(Line::NotUtf8)) => self.refuse("the line is not UTF-8").await,
                Ok(None) | Err(_) => Next::Leave,
            };
            if let Next::Leave = next {
                return;
            }
        }
    }

    async fn obey(&mut self, line: &str) -> Next {
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match (command, rest) {
            ("", _) => Next::Stay,
            ("open", id) if is_word(id) => self.open(id).await,
            ("say", text) if !text.is_empty() => self.say(text).await,
            ("history", "") => self.history().await,
            ("crash", "") => self.crash().await,
            ("stop", id) if is_word(id) => self.stop(id).await,
            ("list", "") => self.list().await,
            ("info", id) if is_word(id) => self.info(id).await,
            ("help", "") => self.tell(HELP).await,
            ("quit", "") => {
                self.tell("ok: goodbye").await;
                Next::Leave
            }
            ("open" | "stop" | "info", _) => {
                self.refuse(format!("{command} takes one id, a single word"))
                    .await
            }
            ("say", _) => self.refuse("say takes a text").await,
            ("history" | "crash" | "list" | "help" | "quit", _) => {
                self.refuse(format!("{command} takes nothing")).await
            }
            _ => {
                let start: String = command.chars().take(40).collect();
                self.refuse(format!("unknown command {start:?}; try help"))
                    .await
            }
        }
    }

    async fn open(&mut self, id: &str) -> Next {
        let Shared {
            sessions, rooms, ..
        } = &self.shared;
        let (made, answer) = match sessions.ensure_session(id, chat::spec(rooms)).await {
            Ok(Ensured::Created(chat)) => (Some(chat), format!("ok: session {id} started")),
            Ok(Ensured::Existing(_)) => (None, format!("ok: session {id} joined")),
            Err(error) => return self.refuse(error).await,
        };
        if let Some(chat) = made {
            let follow = chat::follow(sessions.clone(), rooms.clone(), id.to_owned(), chat);
            tokio::spawn(follow);
        }
        if let Some(left) = self.joined.replace(id.to_owned()) {
            self.shared.rooms.leave(&left, self.number);
        }
        // The answer goes first, so that it stands before what is said.
        let next = self.tell(&answer).await;
        self.shared.rooms.join(id, self.number, self.outbox.clone());
        next
    }

    async fn say(&self, text: &str) -> Next {
        for _ in 0..TRIES {
            let from = format!("client-{}", self.number);
            let text = text.to_owned();
            match self.chat().await {
                Ok(chat) if chat.cast(ChatMsg::Say { from, text }).is_ok() => return Next::Stay,
                Ok(_) => {}
                Err(reason) => return self.refuse(reason).await,
            }
        }
        self.refuse("the session keeps ending").await
    }

    async fn history(&self) -> Next {
        for _ in 0..TRIES {
            let chat = match self.chat().await {
                Ok(chat) => chat,
                Err(reason) => return self.refuse(reason).await,
            };
            if let Ok(CallResult::Success(history)) = chat.call(ChatMsg::History, None).await {
                for line in &history {
                    self.tell(line).await;
                }
                return self.tell(&format!("ok: {} lines", history.len())).await;
            }
        }
        self.refuse("the session keeps ending").await
    }

    async fn crash(&self) -> Next {
        match self.chat().await {
            Ok(chat) => match chat.cast(ChatMsg::Crash) {
                Ok(()) => self.tell("ok: the session is told to crash").await,
                Err(_) => self.refuse("the session just ended by itself").await,
            },
            Err(reason) => self.refuse(reason).await,
        }
    }

    async fn stop(&self, id: &str) -> Next {
        match self.shared.sessions.stop_session(id).await {
            Ok(exit) => {
                self.tell(&format!("ok: session {id} stopped: {exit}"))
                    .await
            }
            Err(error) => self.refuse(error).await,
        }
    }

    async fn list(&self) -> Next {
        match self.shared.sessions.list_sessions().await {
            Ok(list) => {
                for info in &list {
                    let line = self.describe(info);
                    self.tell(&line).await;
                }
                self.tell(&format!("ok: {} sessions", list.len())).await
            }
            Err(error) => self.refuse(error).await,
        }
    }

    async fn info(&self, id: &str) -> Next {
        match self.shared.sessions.session_info(id).await {
            Ok(Some(info)) => {
                let line = self.describe(&info);
                self.tell(&format!("ok: {line}")).await
            }
            Ok(None) => self.refuse(format!("no session {id}")).await,
            Err(error) => self.refuse(error).await,
        }
    }

    fn describe(&self, info: &SessionInfo) -> String {
        let clients = self.shared.rooms.clients(&info.id);
        let state = format!("{:?}", info.state).to_lowercase();
        let last = match &info.last_exit {
            Some(exit) => format!(", last exit: {exit}"),
            None => String::new(),
        };
        format!(
            "{}: {state}, incarnation {}, restarts {}, clients {clients}{last}",
            info.id, info.incarnation, info.restarts
        )
    }

    /// The session he is in, or why there is none.
    async fn chat(&self) -> Result<ActorRef<ChatMsg>, String> {
        let Some(id) = &self.joined else {
            return Err("open a session first".to_owned());
        };
        match chat::look_up(&self.shared.sessions, id).await {
            Whereabouts::Running(chat) => Ok(chat),
            Whereabouts::Parked => Err(format!(
                "session {id} is parked; `stop {id}` discards it, then `open {id}` starts it anew"
            )),
            Whereabouts::Gone => Err(format!(
                "session {id} has ended; `open {id}` starts it anew"
            )),
        }
    }

    async fn refuse(&self, reason: impl Display) -> Next {
        self.tell(&format!("error: {reason}")).await
    }

    /// Queues a line for him. If there is no room he has to read first: his own commands wait, nobody
    /// else.
    async fn tell(&self, line: &str) -> Next {
        match self.outbox.lines.send(line.into()).await {
            Ok(()) => Next::Stay,
            Err(_) => Next::Leave,
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}
