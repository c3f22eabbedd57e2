//! One client: it sends commands, gets an answer to each and the news of its session. It is not
//! trusted: whatever it sends gets one line, and a client that does not read is disconnected.

mod looking;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{ActorCell, ActorRef, Message};
use session_supervisor::error::{
    DeleteChildError, EnsureError, StartChildError, StartError, TerminateChildError,
};
use session_supervisor::{Ensured, SessionSupervisor, Supervisor};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};

use crate::agent::{self, AgentMsg};
use crate::causes::in_full;
use crate::help::{self, is_word};
use crate::lines::{self, Line};
use crate::recorder::RecorderMsg;
use crate::responder::ResponderMsg;
use crate::rooms::{Number, Outbox, Rooms};
use crate::session::{self, Role, Rules, Whereabouts};
use looking::Watch;

/// How many lines may wait for a client who is slow to read.
const OUTBOX: usize = 1_024;

/// How often a child is looked up anew that ends while it is asked.
const TRIES: usize = 3;
/// How long a child that is being restarted is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What all clients share.
#[derive(Clone, Debug)]
pub(crate) struct House {
    /// The application's.
    pub(crate) root: Supervisor,
    pub(crate) rules: Rules,
    pub(crate) rooms: Rooms,
    /// Becomes true when the server has stopped.
    pub(crate) closing: watch::Receiver<bool>,
}

impl House {
    /// Looked up anew each time, since it may have been restarted.
    fn sessions(&self) -> Result<SessionSupervisor, String> {
        SessionSupervisor::where_is(SessionSupervisor::NAME)
            .ok_or_else(|| "the session supervisor is down".to_owned())
    }
}

/// Whether the client stays.
enum Next {
    Stay,
    Leave,
}

#[derive(Debug)]
struct Client {
    house: House,
    number: Number,
    outbox: Outbox,
    /// The session the client is in.
    joined: Option<String>,
    /// Whether it is told what happens to all sessions.
    watch: Option<Watch>,
}

/// Serves a client until it leaves, vanishes, does not read, or the server stops.
pub(crate) async fn serve<R, W>(house: House, number: Number, mut reader: R, writer: W)
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (lines, queue) = mpsc::channel(OUTBOX);
    let full = Arc::new(Notify::new());
    let mut writing = tokio::spawn(write(queue, writer));
    let mut closing = house.closing.clone();
    let mut client = Client {
        house,
        number,
        outbox: Outbox {
            lines,
            full: Arc::clone(&full),
        },
        joined: None,
        watch: None,
    };
    let reads = tokio::select! {
        () = client.converse(&mut reader) => true,
        () = full.notified() => false,
        _ = &mut writing => false,
        _ = closing.wait_for(|closing| *closing) => {
            // If its outbox is full the client does not read it anyway.
            client.outbox.lines.try_send("* the server has stopped".into()).ok();
            true
        }
    };
    if let Some(id) = client.joined.take() {
        client.house.rooms.leave(&id, number);
    }
    // The last sender goes, so the writing ends when all is written.
    drop(client);
    if reads && !writing.is_finished() {
        let patience = Duration::from_secs(2);
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
    /// Answers its commands until it leaves or vanishes.
    async fn converse<R: AsyncBufRead + Unpin>(&mut self, reader: &mut R) {
        loop {
            let next = match lines::next(reader).await {
                Ok(Some(Line::Text(line))) => self.obey(line.trim()).await,
                Ok(Some(Line::TooLong)) => self.refuse(lines::TOO_LONG).await,
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
        let done = match (command, rest) {
            ("", _) => return Next::Stay,
            ("open", id) if is_word(id) => return self.open(id).await,
            ("say", text) if !text.is_empty() => match self.say(text).await {
                Ok(()) => return Next::Stay,
                Err(reason) => Err(reason),
            },
            ("history", "") => self.history().await,
            ("agent", "on") => self.agent_on().await,
            ("agent", "off") => self.agent_off().await,
            ("crash", "") => self.crash(Role::Responder).await,
            ("crash", word) => match word.parse() {
                Ok(role) => self.crash(role).await,
                Err(()) => Err("crash takes recorder, responder, agent or nothing".to_owned()),
            },
            ("hang", "") => self.hang().await,
            ("stop", id) if is_word(id) => self.stop(id).await,
            ("list", "") => self.list().await,
            ("info", id) if is_word(id) => self.info(id).await,
            ("tree", "") => self.tree().await,
            ("stats", "") => self.stats().await,
            ("watch", "on") => self.watch_on().await,
            ("watch", "off") => self.watch_off(),
            ("help", "") => return self.tell(help::COMMANDS).await,
            ("quit", "") => {
                self.tell("ok: goodbye").await;
                return Next::Leave;
            }
            _ => Err(help::misuse(command)),
        };
        match done {
            Ok(answer) => self.tell(&format!("ok: {answer}")).await,
            Err(reason) => self.refuse(reason).await,
        }
    }

    async fn open(&mut self, id: &str) -> Next {
        let House { rules, rooms, .. } = &self.house;
        let sessions = match self.house.sessions() {
            Ok(sessions) => sessions,
            Err(reason) => return self.refuse(reason).await,
        };
        let spec = session::spec(rules, rooms);
        let ensured = match sessions.ensure_session(id, spec.clone()).await {
            // It shared a question about an id that had just become free (`session::look_up`).
            Err(EnsureError::Start(StartError::Ignored)) => sessions.ensure_session(id, spec).await,
            ensured => ensured,
        };
        let (made, answer) = match ensured {
            Ok(Ensured::Created(tree)) => (Some(tree), format!("ok: session {id} started")),
            Ok(Ensured::Existing(_) | Ensured::Joined(_)) => {
                (None, format!("ok: session {id} joined"))
            }
            Err(error) => return self.refuse(in_full(&error)).await,
        };
        if let Some(tree) = made {
            let follower = rooms.follower();
            let follow = session::follow(sessions, rooms.clone(), id.to_owned(), tree);
            tokio::spawn(async move {
                follow.await;
                drop(follower);
            });
        }
        let rooms = &self.house.rooms;
        if let Some(left) = self.joined.replace(id.to_owned()) {
            rooms.leave(&left, self.number);
        }
        let outbox = &self.outbox;
        let place = outbox.lines.reserve().await;
        place.map_or(Next::Leave, |place| {
            rooms.join(id, self.number, outbox.clone(), place, &answer);
            Next::Stay
        })
    }

    async fn say(&self, text: &str) -> Result<(), String> {
        for _ in 0..TRIES {
            let responder: ActorRef<ResponderMsg> = self.child(Role::Responder).await?;
            let say = |reply| ResponderMsg::Say {
                from: format!("client-{}", self.number),
                text: text.to_owned(),
                reply,
            };
            if let Ok(CallResult::Success(())) = responder.call(say, None).await {
                return Ok(());
            }
            gone(&responder).await;
        }
        Err("the responder keeps ending".to_owned())
    }

    async fn history(&self) -> Result<String, String> {
        for _ in 0..TRIES {
            let recorder = self.child(Role::Recorder).await?;
            if let Ok(CallResult::Success(history)) = recorder.call(RecorderMsg::Recall, None).await
            {
                for line in &*history {
                    self.tell(line).await;
                }
                return Ok(format!("{} lines", history.len()));
            }
            gone(&recorder).await;
        }
        Err("the recorder keeps ending".to_owned())
    }

    async fn agent_on(&self) -> Result<String, String> {
        let (_, tree) = self.session().await?;
        let spec = agent::spec(&self.house.rooms);
        match tree.start_child(Role::Agent.name(), spec).await {
            Ok(_) => Ok("the agent is on".to_owned()),
            Err(StartChildError::AlreadyStarted { .. }) => {
                Err("the agent is on already".to_owned())
            }
            Err(error) => Err(in_full(&error)),
        }
    }

    /// A child that was terminated is known until it is deleted too.
    async fn agent_off(&self) -> Result<String, String> {
        let (_, tree) = self.session().await?;
        match tree.terminate_child(Role::Agent.name()).await {
            Ok(_) => {}
            Err(TerminateChildError::NotFound) => return Err("the agent is off already".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        match tree.delete_child(Role::Agent.name()).await {
            // Not found: another client has just done the same.
            Ok(()) | Err(DeleteChildError::NotFound) => Ok("the agent is off".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn crash(&self, role: Role) -> Result<String, String> {
        let told = match role {
            Role::Recorder => self.child(role).await?.cast(RecorderMsg::Crash).is_ok(),
            Role::Responder => self.child(role).await?.cast(ResponderMsg::Crash).is_ok(),
            Role::Agent => {
                let (id, _) = self.session().await?;
                let agent = self.house.sessions()?.find_child_as(id, role.name());
                let agent = agent.map_err(|_| "the agent is off".to_owned())?;
                agent.cast(AgentMsg::Crash).is_ok()
            }
        };
        if told {
            Ok(format!("the {role} is told to crash"))
        } else {
            Err(format!("the {role} just ended by itself"))
        }
    }

    async fn hang(&self) -> Result<String, String> {
        match self.child(Role::Responder).await?.cast(ResponderMsg::Hang) {
            Ok(()) => Ok("the responder will hang when it is stopped".to_owned()),
            Err(_) => Err("the responder just ended by itself".to_owned()),
        }
    }

    async fn stop(&self, id: &str) -> Result<String, String> {
        match self.house.sessions()?.stop_session(id).await {
            Ok(exit) => Ok(format!("session {id} stopped: {exit}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The session the client is in, with its id, or why there is none.
    async fn session(&self) -> Result<(&str, Supervisor), String> {
        let Some(id) = &self.joined else {
            return Err("open a session first".to_owned());
        };
        match session::look_up(&self.house.sessions()?, id).await {
            Whereabouts::Running(tree) => Ok((id, tree)),
            Whereabouts::Parked => Err(format!(
                "session {id} is parked; `stop {id}` discards it, then `open {id}` starts it anew"
            )),
            Whereabouts::Gone => Err(format!(
                "session {id} has ended; `open {id}` starts it anew"
            )),
        }
    }

    /// A child of the session the client is in. One that is being restarted is waited for: it tells
    /// the news when it can be found.
    async fn child<M: Message>(&self, role: Role) -> Result<ActorRef<M>, String> {
        let mut news = self.house.rooms.listen();
        let find = async {
            loop {
                let (id, _) = self.session().await?;
                let found = self.house.sessions()?.find_child_as(id, role.name());
                if let Ok(child) = found {
                    return Ok(child);
                }
                // The house has the other end.
                news.changed().await.ok();
            }
        };
        match tokio::time::timeout(PATIENCE, find).await {
            Ok(found) => found,
            Err(_) => Err(format!("the {role} is still being restarted")),
        }
    }

    async fn refuse(&self, reason: impl Display) -> Next {
        self.tell(&format!("error: {reason}")).await
    }

    /// Queues a line for the client. If there is no room it has to read first: its own commands
    /// wait, and no other client does.
    async fn tell(&self, line: &str) -> Next {
        let sent = self.outbox.lines.send(line.into()).await;
        sent.map_or(Next::Leave, |()| Next::Stay)
    }
}

/// Waits for the end of a child that takes no messages any more, or it would be found again.
async fn gone(child: &ActorCell) {
    child.wait(None).await.ok();
}
