//! What an application builds around the session supervisor: its own session values, its checks,
//! its default session.

use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::error::StartError;
use session_supervisor::{
    Application, ChildSpec, Exit, Launch, Options, RunningApplication, SessionSupervisor, names,
};

use super::layer::ids;
use crate::support::{Gate, Order, Probe, Step, Worker, asked, supervisor};
use crate::traces::Capture;

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A session that tries to save in its `post_stop`.
fn saving(probe: &Probe, save: fn() -> Step) -> ChildSpec<Worker> {
    let note = probe.clone();
    let script = probe.script().post_stop(move |start, _| {
        note.note(format!("saving {}", start.key()));
        save()
    });
    script.spec()
}

#[tokio::test(start_paused = true)]
async fn row_159_a_save_is_tried_before_the_end_and_never_stops_the_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let note = probe.clone();
    let hold = gate.holds();
    let script = probe.script().post_stop(move |start, myself| {
        note.note("saving");
        hold(start, myself)
    });
    sessions.start_session("a", script.spec()).await.unwrap();
    let other = sessions.start_session("b", probe.spec()).await.unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    probe.until(|tally| tally.notes == ["saving"]).await;
    assert_eq!(ractor::call!(other, Order::Echo, 3).unwrap(), 3);
    gate.open();
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    type Save = fn() -> Step;
    let cases: [(Save, &str); 4] = [
        (|| Box::pin(async { Ok(()) }), "shutdown"),
        (
            || Box::pin(async { Err("disk full".into()) }),
            "failed: disk full",
        ),
        (|| Box::pin(async { panic!("no disk") }), "failed: "),
        (|| Box::pin(pending()), "killed"),
    ];
    for (save, end) in cases {
        let probe = Probe::default();
        sessions
            .start_session("a", saving(&probe, save))
            .await
            .unwrap();
        let exit = sessions.stop_session("a").await.unwrap();
        assert!(exit.to_string().starts_with(end), "{end}: {exit}");
        assert_eq!(probe.notes(), ["saving a"]);
        assert!(sessions.session_info("a").await.unwrap().is_none());
        assert_eq!(probe.alive(), 0);
    }
    sessions.stop().await.unwrap();
}

/// What the application knows of a session that it made.
#[derive(Debug)]
struct Project {
    id: String,
    name: String,
    folder: PathBuf,
    actor: ActorRef<Order>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadFolder {
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the path is relative")]
    Relative,
    #[error("the path goes up")]
    Traversal,
    #[error("there is nothing at the path")]
    Missing,
    #[error("the path is no folder")]
    NoFolder,
    #[error("the path leads out through a link")]
    Link,
}

const LONGEST: usize = 300;

/// The folder, if a session may live in it.
fn check(folder: &Path) -> Result<PathBuf, BadFolder> {
    if folder.as_os_str().len() > LONGEST {
        return Err(BadFolder::TooLong);
    }
    if folder.is_relative() {
        return Err(BadFolder::Relative);
    }
    if folder.components().any(|part| part.as_os_str() == "..") {
        return Err(BadFolder::Traversal);
    }
    let real = fs::canonicalize(folder).map_err(|_| BadFolder::Missing)?;
    if !real.is_dir() {
        return Err(BadFolder::NoFolder);
    }
    if real != folder {
        return Err(BadFolder::Link);
    }
    Ok(real)
}

/// A session whose start function checks its folder before anything of it is made.
fn in_folder(probe: &Probe, folder: &Path) -> ChildSpec<Worker> {
    let folder = folder.to_owned();
    let script = probe.script().launch(move |_| {
        let checked = check(&folder);
        async move {
            checked?;
            Ok::<_, ActorProcessingErr>(true)
        }
    });
    script.spec()
}

/// The application's constructor. Without a name the folder's is used.
async fn create(
    sessions: &SessionSupervisor,
    probe: &Probe,
    id: &str,
    folder: &Path,
    name: Option<&str>,
) -> Result<Project, StartError> {
    let actor = sessions.start_session(id, in_folder(probe, folder)).await?;
    let of_folder = || folder.file_name().map(|name| name.to_string_lossy().into());
    Ok(Project {
        id: id.to_owned(),
        name: name
            .map(str::to_owned)
            .or_else(of_folder)
            .unwrap_or_default(),
        folder: folder.to_owned(),
        actor,
    })
}

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    fs::canonicalize(folder).unwrap()
}

#[tokio::test(start_paused = true)]
async fn row_163_the_application_gets_its_session_value_registered_and_running() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let folder = folder("row_163");
    let project = create(&sessions, &probe, "p1", &folder, Some("mine"))
        .await
        .unwrap();
    assert_eq!((&*project.id, &*project.name), ("p1", "mine"));
    assert_eq!(project.folder, folder);
    assert!(sessions.is_running(&project.id));
    let registered = ractor::registry::where_is(names::session(sessions.name(), "p1"));
    assert_eq!(registered.unwrap().get_id(), project.actor.get_id());
    assert_eq!(ractor::call!(project.actor, Order::Echo, 4).unwrap(), 4);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_164_a_name_is_the_applications_and_may_be_had_twice() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let folder = folder("row_164");
    let mut made = Vec::new();
    for (id, name) in [("p1", None), ("p2", Some("row_164")), ("p3", Some("other"))] {
        made.push(create(&sessions, &probe, id, &folder, name).await.unwrap());
    }
    let all: Vec<_> = made.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(all, ["row_164", "row_164", "other"]);
    assert_eq!(ids(&sessions).await, ["p1", "p2", "p3"]);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_165_a_bad_path_is_told_as_it_is_and_nothing_is_started() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let root = folder("row_165");
    fs::write(root.join("file"), "text").unwrap();
    fs::create_dir(root.join("inner")).unwrap();
    let mut cases = vec![
        (root.join("nowhere"), BadFolder::Missing),
        (root.join("file"), BadFolder::NoFolder),
        ("row_165".into(), BadFolder::Relative),
        (root.join("x".repeat(LONGEST)), BadFolder::TooLong),
        (root.join("inner").join(".."), BadFolder::Traversal),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root.join("inner"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("broken")).unwrap();
        cases.push((root.join("link"), BadFolder::Link));
        cases.push((root.join("broken"), BadFolder::Missing));
    }
    for (path, bad) in cases {
        let error = create(&sessions, &probe, "p", &path, None)
            .await
            .unwrap_err();
        let StartError::Failed { id, cause } = error else {
            panic!("{path:?}: {error:?}");
        };
        assert_eq!(&*id, "p");
        assert_eq!(cause.downcast_ref::<BadFolder>(), Some(&bad), "{path:?}");
        assert!(sessions.find_session("p").is_none());
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    }
    assert_eq!(probe.tally().ready, 0);
    create(&sessions, &probe, "p", &root, None).await.unwrap();
    sessions.stop().await.unwrap();
}

async fn with_default(id: &str, spec: ChildSpec<Worker>) -> RunningApplication {
    let application = Application::new(Options::new().unique_name())
        .unique_name()
        .session(id, spec);
    application.start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn row_173_a_default_session_is_there_and_its_failure_does_not_matter() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    let here = std::env::current_dir().unwrap();
    let here = fs::canonicalize(here).unwrap();
    let id = here.to_string_lossy();
    let running = with_default(&id, in_folder(&probe, &here)).await;
    let sessions = running.sessions().unwrap();
    assert_eq!(ids(&sessions).await, [&*id]);
    assert!(capture.of("default session failed to start").is_empty());
    assert_eq!(running.stop().await.status(), 0);

    let gone = here.join("no such folder");
    let running = with_default("default", in_folder(&probe, &gone)).await;
    let sessions = running.sessions().unwrap();
    assert!(ids(&sessions).await.is_empty());
    let failures = capture.of("default session failed to start");
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].field("session"), "default");
    let reason = "session default failed to start: there is nothing at the path";
    assert_eq!(failures[0].field("reason"), reason);
    sessions.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(running.stop().await.status(), 0);
}

/// The application's choice: its default session while that lives, else the oldest.
async fn default_id(sessions: &SessionSupervisor, default: &str) -> Option<String> {
    if sessions.is_running(default) {
        return Some(default.to_owned());
    }
    ids(sessions).await.into_iter().next()
}

#[tokio::test(start_paused = true)]
async fn row_174_without_the_default_session_the_oldest_one_is_it() {
    let probe = Probe::default();
    let running = with_default("home", probe.spec()).await;
    let sessions = running.sessions().unwrap();
    for id in ["b", "a"] {
        // Older by the order of the starts alone, and then by time too.
        sessions.start_session(id, probe.spec()).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    for expected in ["home", "b", "a"] {
        let id = default_id(&sessions, "home").await.unwrap();
        assert_eq!(id, expected);
        sessions.stop_session(&id).await.unwrap();
    }
    assert_eq!(default_id(&sessions, "home").await, None);
    running.stop().await;
    let ignored: ChildSpec<Worker> = ChildSpec::from_fn(|_| async { Ok(Launch::Ignore) });
    let running = with_default("home", ignored).await;
    assert_eq!(default_id(&running.sessions().unwrap(), "home").await, None);
    running.stop().await;
}
