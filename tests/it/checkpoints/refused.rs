//! Handles of incarnations that are over, of sessions that are gone, and values of another type.

use std::sync::{Arc, Mutex};

use session_supervisor::error::{CheckpointError, ErrorKind, RestartError, SaveError};
use session_supervisor::{Checkpoint, ChildSpec, Launch, Options, Shutdown, StartContext};

use super::{Handles, Saved, dropped};
use crate::support::{Gate, Order, Probe, Worker, back, end, supervisor};

fn superseded(key: &str) -> CheckpointError {
    let of_another = CheckpointError::Superseded { key: key.into() };
    assert_eq!(of_another.kind(), ErrorKind::Superseded);
    assert!(!of_another.is_retryable());
    of_another
}

fn gone(key: &str) -> CheckpointError {
    let gone = CheckpointError::Gone { key: key.into() };
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    gone
}

/// Whatever is asked of it is refused so, and a value comes back.
fn refuses(handle: &Checkpoint<Saved>, probe: &Probe, expected: &CheckpointError) {
    let before = dropped(probe);
    assert_eq!(handle.get().unwrap_err(), *expected);
    assert_eq!(handle.take().unwrap_err(), *expected);
    let refused = handle.save(Saved::new(99, probe)).unwrap_err();
    assert_eq!(refused.reason, *expected);
    assert_eq!(
        (refused.kind(), refused.is_retryable()),
        (expected.kind(), false)
    );
    assert_eq!(refused.value.number, 99);
    let text = format!("the value was not saved: {expected}");
    assert_eq!(refused.to_string(), text);
    assert_eq!(dropped(probe), before, "it came back");
    let value = Arc::into_inner(refused.value).expect("it is held nowhere else");
    drop(value);
}

/// "From the launch of the next one on, the handles of those before it are refused, whatever still
/// runs of them, and what they would save comes back to them."
#[tokio::test(start_paused = true)]
async fn what_still_runs_of_an_earlier_incarnation_is_refused() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let spec = handles.script(&probe).spec();
    let session = sessions.start_session("a", spec).await.unwrap();
    let (gate, first) = (Gate::closed(), handles.last());
    let (opened, saves) = (gate.clone(), first.clone());
    first.save(Saved::new(1, &probe)).unwrap();
    // A task that the first incarnation has left behind.
    let noted = probe.clone();
    let stale = tokio::spawn(async move {
        opened.pass().await;
        refuses(&saves, &noted, &superseded("a"));
    });
    session.kill();
    back(&sessions, "a").await;
    assert_eq!(handles.found(), Some(1));
    gate.open();
    stale.await.unwrap();
    assert_eq!(handles.last().get().unwrap().unwrap().number, 1);
    // It does not matter whether the next one asks for it, and each of those before is refused.
    let second = handles.last();
    second.save(Saved::new(2, &probe)).unwrap();
    sessions.restart_session("a").await.unwrap();
    for before in [&first, &second] {
        refuses(before, &probe, &superseded("a"));
    }
    assert_eq!(handles.found(), Some(2));
    sessions.stop().await.unwrap();
    for seen in handles.all() {
        refuses(&seen.handle, &probe, &gone("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_incarnation_is_refused_while_the_next_one_starts() {
    let sessions = supervisor(Options::new()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let (seen, gate, told) = (handles.clone(), Gate::closed(), probe.clone());
    let opened = gate.clone();
    let script = probe.script().launch(move |start| {
        let again = start.incarnation > 1;
        if !again {
            seen.see(&start);
        }
        let (opened, told) = (opened.clone(), told.clone());
        async move {
            if again {
                told.note("starts");
                opened.pass().await;
            }
            Ok(true)
        }
    });
    let session = sessions.start_session("a", script.spec()).await.unwrap();
    handles.last().save(Saved::new(1, &probe)).unwrap();
    end(&session, Order::Crash).await;
    probe
        .until(|tally| tally.notes.contains(&"starts".to_owned()))
        .await;
    refuses(&handles.last(), &probe, &superseded("a"));
    gate.open();
    back(&sessions, "a").await;
    sessions.stop().await.unwrap();
    assert!(dropped(&probe).contains(&"1 is dropped".to_owned()));
}

/// A context that is kept, and asked only when its incarnation is over.
#[tokio::test(start_paused = true)]
async fn a_context_that_is_asked_too_late_yields_a_handle_that_is_refused() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let probe = Probe::default();
    let kept = Arc::new(Mutex::new(Vec::<StartContext>::new()));
    let keeps = |kept: &Arc<Mutex<Vec<StartContext>>>| {
        let kept = Arc::clone(kept);
        let script = probe.script().launch(move |start| {
            kept.lock().unwrap().push(start);
            async { Ok(true) }
        });
        script.spec()
    };
    let asked = |n: usize| kept.lock().unwrap()[n].checkpoint::<Saved>();
    let session = sessions.start_session("a", keeps(&kept)).await.unwrap();
    end(&session, Order::Crash).await;
    let session = back(&sessions, "a").await;
    refuses(&asked(0), &probe, &superseded("a"));
    // One that was asked in time is the same handle as ever.
    asked(1).save(Saved::new(1, &probe)).unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    refuses(&asked(1), &probe, &superseded("a"));
    assert_eq!(asked(2).get().unwrap().unwrap().number, 1);
    sessions.stop_session("a").await.unwrap();
    refuses(&asked(2), &probe, &gone("a"));
    // Of a first start that failed.
    let seen = Arc::clone(&kept);
    let fails: ChildSpec<Worker> = ChildSpec::from_fn(move |start| {
        seen.lock().unwrap().push(start);
        async { Err("it does not start".into()) }
    });
    sessions.start_session("b", fails).await.unwrap_err();
    refuses(&asked(3), &probe, &superseded("b"));
    // Of a session that has ended with its supervisor.
    sessions.start_session("c", keeps(&kept)).await.unwrap();
    sessions.stop().await.unwrap();
    refuses(&asked(4), &probe, &superseded("c"));
}

/// "`WrongType` while the checkpoint holds a value of another type. What was saved before stays as
/// it is."
#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_is_refused_and_the_one_that_is_there_stays() {
    let sessions = supervisor(Options::new()).await;
    let kept = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&kept);
    let spec = ChildSpec::from_fn(move |start| {
        *seen.lock().unwrap() = Some(start);
        async { Ok(Launch::Actor(Quiet, ())) }
    });
    sessions.start_session("a", spec).await.unwrap();
    let start = kept.lock().unwrap().take().expect("it was launched");
    let (numbers, texts) = (start.checkpoint::<u32>(), start.checkpoint::<String>());
    assert_eq!((numbers.get(), texts.get()), (Ok(None), Ok(None)));
    numbers.save(7).unwrap();
    let wrong = texts.get().unwrap_err();
    let CheckpointError::WrongType { key, saved, asked } = &wrong else {
        panic!("{wrong:?}");
    };
    assert_eq!((&**key, *saved), ("a", "u32"));
    assert!(asked.ends_with("String"));
    assert_eq!(texts.take().unwrap_err(), wrong);
    let SaveError { value, reason, .. } = texts.save("seven".to_owned()).unwrap_err();
    assert_eq!((value.as_str(), &reason), ("seven", &wrong));
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    assert_eq!(numbers.get(), Ok(Some(Arc::new(7))));
    // Once it is empty, it takes any type.
    assert_eq!(numbers.take(), Ok(Some(Arc::new(7))));
    texts.save("seven".to_owned()).unwrap();
    assert!(matches!(
        numbers.get(),
        Err(CheckpointError::WrongType { .. })
    ));
    sessions.stop().await.unwrap();
    assert_eq!(numbers.get(), Err(gone("a")));
}

/// An actor without messages.
struct Quiet;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Quiet {}

/// A session that is stuck is its present incarnation. The kill bound passes in real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_session_saves_until_it_ends() {
    let sessions = supervisor(Options::new()).await;
    let (probe, handles) = (Probe::default(), Handles::default());
    let (seen, noted) = (handles.clone(), probe.clone());
    let script = probe.script().launch(move |start| {
        seen.see(&start);
        noted.note("launched");
        async { Ok(true) }
    });
    let spec = script.spec().shutdown(Shutdown::BrutalKill);
    let session = sessions.start_session("a", spec).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (saved, noted) = (handles.last(), probe.clone());
    let blocks = Order::run(move |_| async move {
        noted.note("blocks");
        released.recv().ok();
        saved.save(Saved::new(5, &noted))?;
        Ok(())
    });
    session.cast(blocks).unwrap();
    probe.until(|tally| tally.notes.len() == 2).await;
    let restart = sessions.restart_session("a").await;
    assert!(matches!(restart, Err(RestartError::Stuck)), "{restart:?}");
    drop(release);
    probe.until(|tally| tally.notes.len() == 3).await;
    assert_eq!((handles.launches(), handles.found()), (2, Some(5)));
    sessions.stop().await.unwrap();
}
