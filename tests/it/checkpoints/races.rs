//! Many who save at once, in incarnations that are long over too, while their sessions end and come
//! back and others take their ids.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use session_supervisor::{Checkpoint, ChildSpec, Options, SessionSupervisor};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{Order, Probe, Worker, answered, supervisor};

const IDS: usize = 3;
const CALLERS: usize = 24;
const ROUNDS: usize = 80;

/// A value that is counted while it lives.
struct Value {
    session: usize,
    number: usize,
    alive: Arc<watch::Sender<usize>>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.alive.send_modify(|alive| *alive -= 1);
    }
}

/// What all know.
#[derive(Clone, Default)]
struct World {
    sessions: Arc<AtomicUsize>,
    numbers: Arc<AtomicUsize>,
    alive: Arc<watch::Sender<usize>>,
    /// The handles of all incarnations.
    handles: Arc<Mutex<Vec<Handle>>>,
    /// What was found that should not have been. A start that panics would only fail.
    wrong: Arc<Mutex<Vec<String>>>,
}

/// The handle of one incarnation, and what was saved last in its session. Each save holds the lock,
/// so that both are always the same.
#[derive(Clone)]
struct Handle {
    session: usize,
    checkpoint: Checkpoint<Value>,
    last: Arc<Mutex<Option<usize>>>,
}

impl World {
    fn value(&self, session: usize) -> Value {
        self.alive.send_modify(|alive| *alive += 1);
        Value {
            session,
            number: self.numbers.fetch_add(1, Ordering::SeqCst),
            alive: Arc::clone(&self.alive),
        }
    }

    /// A new session, whose incarnations look what they find.
    fn spec(&self, probe: &Probe) -> ChildSpec<Worker> {
        let session = self.sessions.fetch_add(1, Ordering::SeqCst);
        let last = Arc::new(Mutex::new(None));
        let world = self.clone();
        let script = probe.script().launch(move |start| {
            let handle = Handle {
                session,
                checkpoint: start.checkpoint(),
                last: Arc::clone(&last),
            };
            world.look(&handle);
            world.save(&handle);
            world.handles.lock().unwrap().push(handle);
            async { Ok(true) }
        });
        script.spec().without_restart_limit()
    }

    fn save(&self, handle: &Handle) {
        let mut last = handle.last.lock().unwrap();
        let value = self.value(handle.session);
        let number = value.number;
        match handle.checkpoint.save(value) {
            Ok(()) => *last = Some(number),
            Err(refused) => self.same(refused.value.number, number),
        }
    }

    /// A handle finds what was saved last in its own session, or is refused.
    fn look(&self, handle: &Handle) {
        let last = handle.last.lock().unwrap();
        if let Ok(found) = handle.checkpoint.get() {
            let found = found.map(|value| (value.session, value.number));
            self.same(found, last.map(|number| (handle.session, number)));
        }
    }

    fn take(&self, handle: &Handle) {
        let mut last = handle.last.lock().unwrap();
        if let Ok(taken) = handle.checkpoint.take() {
            let taken = taken.map(|value| (value.session, value.number));
            self.same(taken, last.take().map(|number| (handle.session, number)));
        }
    }

    fn same<T: PartialEq + Debug>(&self, found: T, expected: T) {
        if found != expected {
            let wrong = format!("{found:?} instead of {expected:?}");
            self.wrong.lock().unwrap().push(wrong);
        }
    }

    /// Some handle, also of one that is over long ago.
    fn handle(&self, n: usize) -> Option<Handle> {
        let handles = self.handles.lock().unwrap();
        let latest = handles.len().checked_sub(1)?;
        // Mostly one of the last.
        let back = if n.is_multiple_of(4) { n % 100 } else { n % 5 };
        Some(handles[latest.saturating_sub(back)].clone())
    }
}

async fn disturb(sessions: &SessionSupervisor, world: &World, probe: &Probe, n: usize) {
    let id = format!("s{}", n % IDS);
    match n % 7 {
        0 => drop(sessions.ensure_session(&id, world.spec(probe)).await),
        1 => drop(sessions.restart_session(&id).await),
        2 if n.is_multiple_of(3) => drop(sessions.stop_session(&id).await),
        3 => {
            if let Ok(session) = sessions.find_session_as::<Order>(&id) {
                session.kill();
            }
        }
        4 => {
            if let Ok(session) = sessions.find_session_as::<Order>(&id) {
                session.cast(Order::Panic).ok();
            }
        }
        _ => {
            for n in n..n + 20 {
                let Some(handle) = world.handle(n) else { break };
                match n % 6 {
                    0 => world.look(&handle),
                    1 => world.take(&handle),
                    _ => world.save(&handle),
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn all_find_what_was_saved_last() {
    let sessions = supervisor(Options::new()).await;
    let (world, probe) = (World::default(), Probe::default());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (sessions, world, probe) = (sessions.clone(), world.clone(), probe.clone());
        callers.spawn(async move {
            for round in 0..ROUNDS {
                disturb(&sessions, &world, &probe, caller * 31 + round * 17).await;
            }
        });
    }
    while let Some(done) = answered("all of them", callers.join_next()).await {
        done.unwrap();
    }
    let launches = world.handles.lock().unwrap().len();
    assert!(launches > 20, "{launches} launches");
    sessions.stop().await.unwrap();
    sessions.wait().await.unwrap();
    // Whatever is refused now is the callers' own.
    for handle in world.handles.lock().unwrap().iter() {
        world.save(handle);
        assert!(handle.checkpoint.get().is_err());
    }
    assert_eq!(*world.wrong.lock().unwrap(), [""; 0]);
    // What the supervisor had is dropped on a thread of its own.
    let mut alive = world.alive.subscribe();
    let dropped = alive.wait_for(|alive| *alive == 0);
    answered("the drop of all values", dropped).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_who_save_and_take_find_what_was_saved_last() {
    all_find_what_was_saved_last().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_save_and_take_find_what_was_saved_last_on_several_threads() {
    all_find_what_was_saved_last().await;
}
