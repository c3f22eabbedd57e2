//! What the wrapper around a user's actor keeps of an end: the cause, and the drops of the error
//! and of the actor's own value.

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::error::StartError;
use session_supervisor::{Backoff, ChildSpec, Exit, Options, Restart, names};
use tokio::sync::mpsc;

use crate::rows::ways::{reason, with_parent};
use crate::support::{asked, died, supervisor};

/// Fails with the text it is told, as an error or as a panic.
struct Failing;

#[derive(Debug)]
enum Fail {
    Err(String),
    Panic(String),
    Bomb,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Fail {}

#[ractor::actor(message = Fail, state = (), arguments = ())]
impl Failing {
    async fn handle(
        &self,
        _myself: ActorRef<Fail>,
        fail: Fail,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match fail {
            Fail::Err(text) => Err(text.into()),
            Fail::Panic(text) => panic!("{text}"),
            Fail::Bomb => Err(Box::new(Bomb)),
        }
    }
}

/// An error that panics in its drop.
#[derive(Debug)]
struct Bomb;

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the error panics in its drop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_told_the_whole_cause_however_the_release_and_the_event_race() {
    const CRASHES: usize = 2_000;
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let spec = ChildSpec::new(move |start| {
        if let Some(exit) = start.last_exit {
            tell.send(exit).ok();
        }
        (Failing, ())
    })
    .without_restart_limit()
    .backoff(Backoff::none());
    for n in 0..CRASHES {
        let found = sessions.ensure_session("a", spec.clone()).await.unwrap();
        let text = format!("crash {n}");
        let fail = if n % 2 == 0 {
            Fail::Err(text.clone())
        } else {
            Fail::Panic(text.clone())
        };
        found.into_inner().cast(fail).unwrap();
        let Some(Exit::Failed { cause }) = told.recv().await else {
            panic!("crash {n} was told as something else");
        };
        assert_eq!(cause.to_string(), text);
    }
    sessions.stop().await.unwrap();
}

/// An actor whose own value panics when it is dropped.
struct Shell;

impl Drop for Shell {
    fn drop(&mut self) {
        panic!("the actor panics in its drop");
    }
}

#[ractor::actor(message = (), state = (), arguments = ())]
impl Shell {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("told to fail".into())
    }
}

#[tokio::test]
async fn an_actor_whose_own_value_panics_in_its_drop_is_restarted_and_stopped() {
    let sessions = supervisor(Options::new()).await;
    let spec = ChildSpec::new(|_| (Shell, ())).without_restart_limit();
    for n in 1..=10 {
        let found = sessions.ensure_session("a", spec.clone()).await.unwrap();
        let session = found.into_inner();
        if n % 2 == 0 {
            session.kill();
        } else {
            session.cast(()).unwrap();
        }
        died(&session.get_cell()).await;
        let back = sessions.ensure_session("a", spec.clone()).await.unwrap();
        assert_ne!(back.into_inner().get_id(), session.get_id());
    }
    assert_eq!(sessions.stop_session("a").await.unwrap(), Exit::Shutdown);
    let failing = ChildSpec::from_fn(|_| async {
        let shell = Shell;
        std::future::pending::<()>().await;
        Ok(session_supervisor::Launch::Actor(shell, ()))
    });
    let started = asked(sessions.start_session("b", failing)).await;
    assert_eq!(sessions.stop_session("b").await.unwrap(), Exit::NotRunning);
    assert!(started.await.unwrap().is_err());
    sessions.stop().await.unwrap();
}

/// The part of the next test that runs in a process of its own.
#[tokio::test]
async fn errors_that_are_bombs_in_the_port_of_an_ending_root() {
    let Ok(end) = std::env::var("ERROR_BOMBS") else {
        return;
    };
    let (sessions, parent) = with_parent(Options::new()).await;
    let mut all = Vec::new();
    for id in ["a", "b", "c"] {
        let spec = ChildSpec::new(|_| (Failing, ())).restart(Restart::Temporary);
        all.push(sessions.start_session(id, spec).await.unwrap());
    }
    for session in &all {
        session.cast(Fail::Bomb).unwrap();
    }
    match &*end {
        "stop" => sessions.get_cell().stop(None),
        _ => sessions.get_cell().kill(),
    }
    reason(&parent).await;
    for session in &all {
        died(&session.get_cell()).await;
    }
    println!("survived");
}

#[test]
fn two_errors_that_panic_in_their_drop_do_not_end_the_process_with_the_root() {
    for end in ["stop", "kill"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("wrapper::errors_that_are_bombs_in_the_port_of_an_ending_root")
            .env("ERROR_BOMBS", end)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("survived"),
            "{end}: {output:?}"
        );
    }
}

/// A value that panics when it is dropped.
struct Rude;

impl Drop for Rude {
    fn drop(&mut self) {
        panic!("rude");
    }
}

/// All that there is of it panics in its drop: the actor, its arguments, and what its start holds.
struct AllRude(Rude);

#[ractor::actor(message = (), state = Rude, arguments = Rude)]
impl AllRude {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        rude: Rude,
    ) -> Result<Rude, ActorProcessingErr> {
        std::future::pending::<()>().await;
        Ok(rude)
    }
}

/// The part of the next test that runs in a process of its own.
#[tokio::test(start_paused = true)]
async fn launches_of_which_all_is_rude() {
    if std::env::var("ALL_RUDE").is_err() {
        return;
    }
    let sessions = supervisor(Options::new()).await;
    let rude = || ChildSpec::new(|_| (AllRude(Rude), Rude));
    let late = rude().start_timeout(std::time::Duration::from_secs(1));
    let late = sessions.start_session("a", late).await;
    assert!(matches!(late, Err(StartError::TimedOut)), "{late:?}");
    let name = names::session(sessions.name(), "b");
    let (holder, _) = ractor::Actor::spawn(Some(name), Failing, ()).await.unwrap();
    let refused = sessions.start_session("b", rude()).await;
    assert!(
        matches!(refused, Err(StartError::NameTaken { .. })),
        "{refused:?}"
    );
    holder.stop(None);
    died(&holder.get_cell()).await;
    let started = asked(sessions.start_session("c", rude())).await;
    sessions.stop_session("c").await.unwrap();
    assert!(started.await.unwrap().is_err());
    sessions.stop().await.unwrap();
    println!("survived");
}

#[test]
fn a_launch_of_which_more_than_one_value_panics_in_its_drop_does_not_end_the_process() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("wrapper::launches_of_which_all_is_rude")
        .env("ALL_RUDE", "yes")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("survived"),
        "{output:?}"
    );
}
