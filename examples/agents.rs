//! Coding agents: at most ten sessions, one for each project. A session is a tree of a state, a
//! manager and, on demand, an agent. What was said about a project is there when it is opened again.
//!
//! It reads commands from standard input, one a line, and stops all sessions at its end or at
//! Ctrl-C. The session `here`, of the current directory, is there from the start.
//!
//! ```sh
//! printf 'ask here what is it?\nopen a /tmp\nopen b /tmp/\nlist\nclose a\nclosed\nopen b /tmp\n' |
//!     cargo run --example agents
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ractor::{ActorProcessingErr as Failure, ActorRef, RpcReplyPort, call};
use session_supervisor::error::{RestartChildError, StartError};
use session_supervisor::{
    Application, ChildSpec, Options, Restart, SessionSupervisor, StartContext, Supervisor, TreeSpec,
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str = "open ID PATH, ask ID QUESTION, said ID, close ID, list, closed";

/// What was said, line by line.
type Talk = Vec<String>;

/// The talks of the projects that were closed. A larger program has a database for them.
#[derive(Clone, Debug, Default)]
struct Closed(Arc<Mutex<BTreeMap<String, Talk>>>);

impl Closed {
    fn talks(&self) -> MutexGuard<'_, BTreeMap<String, Talk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds what is said about a project, whatever becomes of the agent.
struct State(String, Closed);

enum StateMsg {
    Say(String),
    Said(RpcReplyPort<Talk>),
}

#[cfg(feature = "cluster")]
impl ractor::Message for StateMsg {}

#[ractor::actor(message = StateMsg, state = Talk, arguments = ())]
impl State {
    async fn pre_start(&self, _: ActorRef<StateMsg>, (): ()) -> Result<Talk, Failure> {
        Ok(self.1.talks().remove(&self.0).unwrap_or_default())
    }

    async fn handle(
        &self,
        _: ActorRef<StateMsg>,
        message: StateMsg,
        talk: &mut Talk,
    ) -> Result<(), Failure> {
        match message {
            StateMsg::Say(line) => talk.push(line),
            StateMsg::Said(reply) => drop(reply.send(talk.clone())),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<StateMsg>, talk: &mut Talk) -> Result<(), Failure> {
        let project = self.0.clone();
        self.1.talks().insert(project, std::mem::take(talk));
        Ok(())
    }
}

/// A question, and where the answer goes.
struct Ask(String, RpcReplyPort<String>);

#[cfg(feature = "cluster")]
impl ractor::Message for Ask {}

/// Takes the questions, and has an agent started for them.
struct Manager(StartContext);

#[ractor::actor(message = Ask, state = (), arguments = ())]
impl Manager {
    async fn handle(&self, _: ActorRef<Ask>, ask: Ask, (): &mut ()) -> Result<(), Failure> {
        let tree = self.0.tree.as_ref().ok_or("it is in a tree")?;
        let agent: ActorRef<Ask> = match tree.restart_child("agent").await {
            Ok(agent) | Err(RestartChildError::Running { cell: agent }) => agent.into(),
            Err(error) => return Err(error.into()),
        };
        let Ask(question, reply) = ask;
        match call!(agent, Ask, question) {
            Ok(answer) => drop(reply.send(answer)),
            // It has failed, and still runs for a moment: the next question is not for it.
            Err(_) => drop(agent.wait(None).await),
        }
        Ok(())
    }
}

/// Answers questions about a project. A hard one is its end, and the next one goes to another.
struct Agent(String, StartContext);

#[ractor::actor(message = Ask, state = (), arguments = ())]
impl Agent {
    async fn handle(&self, _: ActorRef<Ask>, ask: Ask, (): &mut ()) -> Result<(), Failure> {
        let (Self(project, start), Ask(question, reply)) = (self, ask);
        let tree = start.tree.as_ref().ok_or("it is in a tree")?;
        let state = tree.find_child_as::<StateMsg>("state")?;
        state.cast(StateMsg::Say(format!("you: {question}")))?;
        if question.contains("hard") {
            return Err("that was too hard".into());
        }
        let answer = format!("{} files", std::fs::read_dir(project)?.count());
        state.cast(StateMsg::Say(format!("agent: {answer}")))?;
        drop(reply.send(answer));
        Ok(())
    }
}

/// The session of a project.
fn session(project: &str, closed: &Closed) -> ChildSpec<Supervisor> {
    let (path, closed) = (project.to_owned(), closed.clone());
    let tree = ChildSpec::tree(move |_| {
        let (path, state) = (path.clone(), (path.clone(), closed.clone()));
        let state = ChildSpec::new(move |_| (State(state.0.clone(), state.1.clone()), ()));
        let agent = ChildSpec::new(move |start| (Agent(path.clone(), start), ()));
        TreeSpec::one_for_one()
            .child("state", state)
            .child("manager", ChildSpec::new(|start| (Manager(start), ())))
            .child_on_demand("agent", agent.restart(Restart::Temporary))
    });
    tree.claim("project", project)
}

/// Carries out a command. Answers what is to be printed.
async fn obey(
    sessions: &SessionSupervisor,
    closed: &Closed,
    line: &str,
) -> Result<String, Failure> {
    match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
        ["open", id, path] => {
            let path = std::fs::canonicalize(path)?.display().to_string();
            match sessions.start_session(id, session(&path, closed)).await {
                Ok(_) => Ok(format!("{id} is open")),
                Err(StartError::ClaimTaken { holder, .. }) => Ok(format!("{holder} has it open")),
                Err(error) => Err(error.into()),
            }
        }
        ["ask", id, question] => {
            let manager = sessions.find_child_as(id, "manager")?;
            let answer = call!(manager, Ask, question.to_owned());
            Ok(answer.map_err(|_| "the agent has no answer")?)
        }
        ["said", id] => {
            let state = sessions.find_child_as(id, "state")?;
            Ok(call!(state, StateMsg::Said)?.join("\n"))
        }
        ["close", id] => Ok(format!(
            "{id} is closed: {}",
            sessions.stop_session(id).await?
        )),
        ["list"] => {
            let list = sessions.list_sessions().await?.into_iter();
            let lines = list.map(|info| format!("{}: {}", info.id, info.claims[0].value()));
            Ok(lines.collect::<Vec<_>>().join("\n"))
        }
        ["closed"] => Ok(closed
            .talks()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")),
        _ => Err(HELP.into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let closed = Closed::default();
    let here = std::env::current_dir()?
        .canonicalize()?
        .display()
        .to_string();
    let running = Application::new(Options::new().name("agents").max_sessions(10))
        .session("here", session(&here, &closed))
        .start()
        .await?;
    let root = running.supervisor().clone();
    let sessions = running.sessions().ok_or("it has just been started")?;
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match obey(&sessions, &closed, &line).await {
                Ok(answer) => println!("{answer}"),
                Err(error) => println!("error: {error}"),
            }
        }
        root.stop().await
    });
    running.wait().await.exit()
}
