//! Coding agents that outlive the process: one session for each project, a tree of a history, which is
//! durable, and an agent that may fail.
//!
//! It reads commands from standard input, one a line. Kill it in any way, and start it again: all
//! agents are there, with all that was said.
//!
//! ```sh
//! printf 'open a /tmp\nask a what is it?\nsaid a\n' |
//!     cargo run -p session-supervisor-store --example agents -- agents.db
//! printf 'list\nsaid a\nclose a\n' |
//!     cargo run -p session-supervisor-store --example agents -- agents.db
//! ```

use ractor::{ActorProcessingErr as Failure, ActorRef, RpcReplyPort, call};
use serde::{Deserialize, Serialize};
use session_supervisor::error::StartError as NotStarted;
use session_supervisor::{Application, ChildSpec, Options, StartContext, Supervisor, TreeSpec};
use session_supervisor_store::error::StartError;
use session_supervisor_store::{
    Checkpoint, DurableApplication, DurableSupervisor, Kinds, Remembered, SqliteStore,
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str = "open ID PATH, ask ID QUESTION, said ID, close ID, list";

/// What is remembered of a session beside its history.
#[derive(Clone, Serialize, Deserialize)]
struct Project {
    path: String,
}

/// Holds what was said, in this process and in those before it.
struct History;

enum HistoryMsg {
    /// The answer comes when it is on the disk.
    Say(Vec<String>, RpcReplyPort<Result<(), String>>),
    Said(RpcReplyPort<Vec<String>>),
}

#[ractor::actor(
    message = HistoryMsg,
    state = (Vec<String>, Checkpoint<Vec<String>>),
    arguments = (Remembered, StartContext)
)]
impl History {
    async fn pre_start(
        &self,
        _: ActorRef<HistoryMsg>,
        (remembered, start): (Remembered, StartContext),
    ) -> Result<(Vec<String>, Checkpoint<Vec<String>>), Failure> {
        let (checkpoint, lines) = remembered.checkpoint(&start).await?;
        Ok((lines.unwrap_or_default(), checkpoint))
    }

    async fn handle(
        &self,
        _: ActorRef<HistoryMsg>,
        message: HistoryMsg,
        (lines, checkpoint): &mut (Vec<String>, Checkpoint<Vec<String>>),
    ) -> Result<(), Failure> {
        match message {
            HistoryMsg::Say(more, reply) => {
                lines.extend(more);
                let saved = checkpoint.save_durably(lines).await;
                drop(reply.send(saved.map_err(|error| error.to_string())));
            }
            HistoryMsg::Said(reply) => drop(reply.send(lines.clone())),
        }
        Ok(())
    }
}

/// A question, and where the answer goes.
struct Ask(String, RpcReplyPort<String>);

/// Answers questions about a project. A hard one is its end, and it is started again.
struct Agent(String, StartContext);

#[ractor::actor(message = Ask, state = (), arguments = ())]
impl Agent {
    async fn handle(&self, _: ActorRef<Ask>, ask: Ask, (): &mut ()) -> Result<(), Failure> {
        let (Self(path, start), Ask(question, reply)) = (self, ask);
        let tree = start.tree.as_ref().ok_or("it is in a tree")?;
        let history = tree.find_child_as::<HistoryMsg>("history")?;
        call!(history, HistoryMsg::Say, vec![format!("you: {question}")])??;
        if question.contains("hard") {
            return Err("that was too hard".into());
        }
        let answer = format!("{} files", std::fs::read_dir(path)?.count());
        call!(history, HistoryMsg::Say, vec![format!("agent: {answer}")])??;
        drop(reply.send(answer));
        Ok(())
    }
}

/// The session of a project.
fn session(project: Project, remembered: Remembered) -> ChildSpec<Supervisor> {
    let path = project.path.clone();
    let tree = ChildSpec::tree(move |_| {
        let (remembered, path) = (remembered.clone(), path.clone());
        let history = ChildSpec::new(move |start| (History, (remembered.clone(), start)));
        let agent = ChildSpec::new(move |start| (Agent(path.clone(), start), ()));
        TreeSpec::one_for_one()
            .child("history", history)
            .child("agent", agent)
    });
    tree.claim("project", project.path)
}

/// Carries out a command. Answers what is to be printed.
async fn obey(agents: &DurableSupervisor, line: &str) -> Result<String, Failure> {
    let sessions = agents.sessions();
    match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
        ["open", id, path] => {
            let path = std::fs::canonicalize(path)?.display().to_string();
            match agents.start_session(id, "project", &Project { path }).await {
                Ok(_) => Ok(format!("{id} is open")),
                Err(StartError::Session(NotStarted::ClaimTaken { holder, .. })) => {
                    Ok(format!("{holder} has it open"))
                }
                Err(error) => Err(error.into()),
            }
        }
        ["ask", id, question] => {
            let agent = sessions.find_child_as(id, "agent")?;
            let answer = call!(agent, Ask, question.to_owned());
            Ok(answer.map_err(|_| "the agent has no answer")?)
        }
        ["said", id] => {
            let history = sessions.find_child_as(id, "history")?;
            Ok(call!(history, HistoryMsg::Said)?.join("\n"))
        }
        ["close", id] => Ok(format!(
            "{id} is closed: {}",
            agents.stop_session(id).await?
        )),
        ["list"] => {
            let list = sessions.list_sessions().await?.into_iter();
            let mut lines: Vec<_> = list
                .map(|info| format!("{}: {}", info.id, info.claims[0].value()))
                .collect();
            lines.sort();
            Ok(format!("{} open\n{}", lines.len(), lines.join("\n"))
                .trim_end()
                .to_owned())
        }
        _ => Err(HELP.into()),
    }
}

/// An error with its sources, as a person reads it.
fn whole(error: impl std::error::Error + 'static) -> Failure {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.into()
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "agents.db".to_owned());
    let running = Application::new(Options::new().name("agents"))
        .durable(
            move || SqliteStore::open(&file),
            Kinds::new().kind("project", session),
        )
        .start()
        .await
        .map_err(whole)?;
    let root = running.supervisor().clone();
    let agents = DurableSupervisor::where_is("agents").ok_or("it has just been started")?;
    tokio::spawn(async move {
        if let Some(report) = agents.restored().await {
            for bad in report.failed.iter().chain(&report.set_aside) {
                println!("{} is not back: {}", bad.id, bad.why);
            }
            println!("{} are back", report.restored);
        }
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match obey(&agents, &line).await {
                Ok(answer) => println!("{answer}"),
                Err(error) => println!("error: {error}"),
            }
        }
        root.stop().await
    });
    running.wait().await.exit()
}
