//! The JSON of the feature `serde`. `docs/json.md` shows each value, and each is compared with it.
//!
//! A text in that file is the name of what it shows, in a heading, and below it the JSON.

use std::fmt::{self, Write};
use std::path::Path;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use serde::Serialize;
use session_supervisor::error::{ErrorKind, StopError};
use session_supervisor::{
    Broadcast, ChildKind, ChildSpec, ChildState, Drain, DrainOutcome, DrainProgress, EndCause,
    Exit, Options, PageMark, SessionId, SessionState, SessionSupervisor, ShutdownReport, Signal,
    Supervisor, TreeKind, TreePlace, TreeSpec, TreeState, Unseen,
};

/// What the documentation shows.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, name: &'static str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap();
        self.0.push((name, with_one_actor(&text)));
    }
}

/// The id of an actor is another in each run.
fn with_one_actor(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(match line.split_once("\"actor\": \"") {
            Some((margin, rest)) => {
                let (id, end) = rest.split_once('"').unwrap();
                let (node, number) = id.split_once('.').unwrap();
                assert_eq!(node, "0", "{line}");
                number.parse::<u64>().unwrap();
                format!("{margin}\"actor\": \"0.7\"{end}")
            }
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// Fails with its first message.
struct Chat;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Chat {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        _message: (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("out of paper".into())
    }
}

fn chat() -> ChildSpec<Chat> {
    ChildSpec::new(|_| (Chat, ()))
}

/// What a supervisor of sessions tells: one that runs, and one that is parked.
async fn of_sessions(shown: &mut Shown) {
    let options = Options::new()
        .name("chats")
        .session_restart_limit(0, Duration::from_secs(5))
        .without_park_trial()
        .quota(|id| Some(id.split_once('/')?.0.to_owned()), 5);
    let sessions = SessionSupervisor::start(options).await.unwrap();
    let alice = chat().label("Alice").claim("project", "/home/alice");
    let alice = sessions.start_session("acme/alice", alice).await.unwrap();
    sessions.start_session("bob", chat()).await.unwrap();
    alice.cast(()).unwrap();
    alice.get_cell().wait(None).await.unwrap();
    let page = sessions.list_page(None, 1).await.unwrap();
    let parked = sessions.session_info("acme/alice").await.unwrap().unwrap();
    assert_eq!(parked.state, SessionState::Parked);
    shown.add("SessionId", &parked.id);
    shown.add(
        "SessionInfo",
        &[sessions.session_info("bob").await.unwrap().unwrap(), parked],
    );
    shown.add("SessionPage", &page);
    shown.add("Counts", &sessions.count_sessions().await.unwrap());
    shown.add("GroupCount", &sessions.groups().await.unwrap()[0]);
    shown.add("Tree", &sessions.tree().await.unwrap());
    let mut stopped = sessions.stop_where(|info| info.id == "bob").await.unwrap();
    stopped.push(stopped[0].clone());
    stopped[1].id = "eve".parse().unwrap();
    stopped[1].end = Err(StopError::Stuck);
    shown.add("Stopped", &stopped);
    let mut sent = Broadcast::default();
    (sent.sent, sent.refused) = (7, 1);
    shown.add("Broadcast", &sent);
    let mut report = sessions
        .drain(Drain::within(Duration::from_secs(9)))
        .await
        .unwrap();
    report.sessions[0].took = Duration::from_millis(1_500);
    report.summary.took = Duration::from_millis(1_500);
    shown.add("DrainReport", &report);
}

/// What a static supervisor tells.
async fn of_children(shown: &mut Shown) {
    let tree = TreeSpec::one_for_one()
        .name("app")
        .child("listener", chat().label("port 80"))
        .child_on_demand("printer", chat());
    let app = Supervisor::start(tree).await.unwrap();
    shown.add("ChildInfo", &app.which_children().await.unwrap());
    app.stop().await.unwrap();
}

/// What is made of parts.
fn of_parts(shown: &mut Shown) {
    let mut report = ShutdownReport::default();
    (report.stopped, report.failed, report.killed) = (95, 1, 2);
    (report.stuck, report.not_running) = (0, 3);
    report.took = Duration::from_millis(1_500);
    shown.add("ShutdownReport", &report);
    let mut progress = DrainProgress::default();
    (
        progress.sessions,
        progress.waiting,
        progress.ending,
        progress.ended,
    ) = (10, 5, 3, 2);
    shown.add("DrainProgress", &progress);
    let cause = std::sync::Arc::new("out of paper".into());
    shown.add(
        "Exit",
        &[
            Exit::Normal { reason: None },
            Exit::Normal {
                reason: Some("done".to_owned()),
            },
            Exit::Shutdown,
            Exit::Killed,
            Exit::Failed { cause },
            Exit::NotRunning,
        ],
    );
    shown.add(
        "EndCause",
        &[
            EndCause::Signal(Signal::Interrupt),
            EndCause::Signal(Signal::Terminate),
            EndCause::Signal(Signal::Hangup),
            EndCause::Stopped,
            EndCause::Escalated,
            EndCause::Killed,
            EndCause::Interrupted,
            EndCause::Overdue,
        ],
    );
    shown.add(
        "SessionState",
        &[
            SessionState::Starting,
            SessionState::Running,
            SessionState::Restarting,
            SessionState::Stopping,
            SessionState::Parked,
            SessionState::Stuck,
        ],
    );
    shown.add(
        "ChildState",
        &[
            ChildState::Starting,
            ChildState::Running,
            ChildState::Restarting,
            ChildState::Stopping,
            ChildState::NotRunning,
            ChildState::Stuck,
        ],
    );
    shown.add("ChildKind", &[ChildKind::Worker, ChildKind::Supervisor]);
    shown.add(
        "DrainOutcome",
        &[
            DrainOutcome::Stopped,
            DrainOutcome::Failed,
            DrainOutcome::Killed,
            DrainOutcome::Stuck,
            DrainOutcome::NotRunning,
        ],
    );
    shown.add(
        "TreePlace",
        &[TreePlace::Top, TreePlace::Session, TreePlace::Child],
    );
    shown.add(
        "TreeKind",
        &[
            TreeKind::Actor,
            TreeKind::Supervisor,
            TreeKind::SessionSupervisor,
        ],
    );
    shown.add(
        "TreeState",
        &[
            TreeState::Starting,
            TreeState::Running,
            TreeState::Restarting,
            TreeState::Stopping,
            TreeState::NotRunning,
            TreeState::Parked,
            TreeState::Stuck,
        ],
    );
    shown.add(
        "Unseen",
        &[Unseen::Ended, Unseen::NoAnswer, Unseen::LeftOut],
    );
    shown.add(
        "ErrorKind",
        &[
            ErrorKind::InvalidInput,
            ErrorKind::NotFound,
            ErrorKind::AlreadyExists,
            ErrorKind::WrongMessageType,
            ErrorKind::NameTaken,
            ErrorKind::ClaimTaken,
            ErrorKind::Ignored,
            ErrorKind::Failed,
            ErrorKind::TimedOut,
            ErrorKind::Parked,
            ErrorKind::LimitReached,
            ErrorKind::Rejected,
            ErrorKind::Busy,
            ErrorKind::Stopped,
            ErrorKind::Stuck,
            ErrorKind::Unanswered,
            ErrorKind::Superseded,
            ErrorKind::Draining,
            ErrorKind::SupervisorDown,
        ],
    );
}

/// How an application ended.
async fn of_an_application(shown: &mut Shown) {
    let application = session_supervisor::Application::new(Options::new().name("rooms"));
    let mut ended = application
        .name("program")
        .start()
        .await
        .unwrap()
        .stop()
        .await;
    if let Some(report) = &mut ended.report {
        report.took = Duration::from_millis(1_500);
    }
    shown.add("Ended", &ended);
}

/// The part of the page that is written by hand, and the rest.
fn page() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    match page.find("\n## ") {
        Some(at) => {
            let (rules, values) = page.split_at(at + 1);
            (rules.to_owned(), values.to_owned())
        }
        None => (page, String::new()),
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_is_as_the_documentation_shows_it() {
    let mut shown = Shown::default();
    of_sessions(&mut shown).await;
    of_children(&mut shown).await;
    of_an_application(&mut shown).await;
    of_parts(&mut shown);
    shown.0.sort_by_key(|(name, _)| *name);
    let mut values = String::new();
    for (at, (name, json)) in shown.0.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        writeln!(values, "{gap}## `{name}`\n\n```json\n{json}\n```").unwrap();
    }
    let (rules, documented) = page();
    if std::env::var("JSON").as_deref() == Ok("write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
        std::fs::write(path, format!("{rules}{values}")).unwrap();
        return;
    }
    assert_eq!(documented, values, "JSON=write writes it anew");
}

#[test]
fn an_id_is_checked_as_a_text_is() {
    let long = "x".repeat(513);
    for id in ["alice", "acme/ä b", "", "a\nb", &long] {
        let json = serde_json::to_string(id).unwrap();
        match (
            serde_json::from_str::<SessionId>(&json),
            id.parse::<SessionId>(),
        ) {
            (Ok(read), Ok(parsed)) => {
                assert_eq!(read, parsed);
                assert_eq!(serde_json::to_string(&read).unwrap(), json);
            }
            (Err(error), Err(rule)) => {
                assert!(error.to_string().starts_with(&rule.to_string()), "{error}");
            }
            (read, parsed) => panic!("{read:?} is not {parsed:?}"),
        }
    }
    let error = serde_json::from_str::<SessionId>("7").unwrap_err();
    assert!(error.to_string().contains("a session id"), "{error}");
}

#[tokio::test]
async fn the_mark_of_a_page_leads_to_the_next_one_when_it_comes_back() {
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .unwrap();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, chat()).await.unwrap();
    }
    let first = sessions.list_page(None, 2).await.unwrap();
    let json = serde_json::to_string(&first.next).unwrap();
    let mark: Option<PageMark> = serde_json::from_str(&json).unwrap();
    let second = sessions.list_page(mark, 2).await.unwrap();
    assert_eq!(second.sessions.len(), 1);
    assert_eq!(second.sessions[0].id, "c");
    // Any number may come back, and a bad id is an error.
    let odd: PageMark = serde_json::from_str("{\"id\":\"z\",\"position\":77}").unwrap();
    assert!(
        sessions
            .list_page(Some(odd), 2)
            .await
            .unwrap()
            .sessions
            .is_empty()
    );
    assert!(serde_json::from_str::<PageMark>("{\"id\":\"\",\"position\":1}").is_err());
    sessions.stop().await.unwrap();
}

/// The message of an error is the user's code.
#[test]
fn an_error_whose_message_panics_is_shown_all_the_same() {
    #[derive(Debug)]
    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in its message")
        }
    }

    impl std::error::Error for Panics {}

    let cause: ActorProcessingErr = Box::new(Panics);
    let exit = Exit::Failed {
        cause: std::sync::Arc::new(cause),
    };
    assert_eq!(
        serde_json::to_string(&exit).unwrap(),
        "{\"kind\":\"failed\",\"cause\":\"an error whose message panicked\"}"
    );
}
