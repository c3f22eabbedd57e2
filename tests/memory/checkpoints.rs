//! What sessions save for their next incarnations (D29): nothing is kept of a value that is
//! replaced, taken, or left by a session that is gone.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor::{
    Checkpoint, ChildSpec, Options, Restart, SessionSupervisor, StartContext, Supervisor, TreeSpec,
};

use crate::actors::{Order, Worker, died, id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session that saves and crashes", |lives| {
            crashes(lives, Value::plain)
        }),
        Row::new("a session that saves and is stopped", stops),
        Row::new("a session that saves, is parked and discarded", parked),
        Row::new(
            "sessions that save and are parked, one at most",
            crowded_out,
        ),
        Row::new("a first start that saves and fails", fails),
        Row::new("a handle that is used when its session is gone", late),
        Row::new("a context that is asked when its session is gone", too_late),
        Row::new("a child of a tree that saves and is deleted", deleted),
        Row::new("a tree whose children save, restarted and stopped", trees),
        Row::new("a value that panics in its drop", |lives| {
            crashes(lives, Value::bomb)
        }),
        Row::new("a value that blocks its thread in its drop", blocks).on_several_threads(),
        Row::new("a value that holds its own handle", circles),
    ]
}

/// What is kept of a value shows.
struct Value {
    bytes: Vec<u8>,
    harm: Harm,
    own: Mutex<Option<Checkpoint<Value>>>,
}

enum Harm {
    None,
    Panics,
    /// It blocks its thread until the other end is dropped.
    Blocks(Mutex<Receiver<()>>),
}

impl Value {
    fn new(harm: Harm) -> Self {
        Self {
            bytes: vec![1; 100_000],
            harm,
            own: Mutex::new(None),
        }
    }

    fn plain() -> Self {
        Self::new(Harm::None)
    }

    fn bomb() -> Self {
        Self::new(Harm::Panics)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_eq!(self.bytes.len(), 100_000);
        match &self.harm {
            Harm::None => {}
            // Without a message, which the hook would write.
            Harm::Panics if std::thread::panicking() => {}
            Harm::Panics => std::panic::resume_unwind(Box::new("a drop panics")),
            Harm::Blocks(released) => {
                released.lock().expect("no test panics here").recv().ok();
            }
        }
    }
}

/// Where the starts of a row leave their contexts.
#[derive(Clone, Default)]
struct Contexts(Arc<Mutex<Option<StartContext>>>);

impl Contexts {
    fn spec(&self) -> ChildSpec<Worker> {
        let contexts = self.clone();
        ChildSpec::new(move |start| {
            *contexts.0.lock().expect("no test panics here") = Some(start);
            (Worker, ())
        })
    }

    fn take(&self) -> StartContext {
        let mut context = self.0.lock().expect("no test panics here");
        context.take().expect("it was launched")
    }
}

/// The session of one life, and its handle.
async fn started(
    sessions: &SessionSupervisor,
    id: &str,
    spec: impl FnOnce(ChildSpec<Worker>) -> ChildSpec<Worker>,
) -> (ractor::ActorRef<Order>, Checkpoint<Value>) {
    let contexts = Contexts::default();
    let start = sessions.start_session(id, spec(contexts.spec())).await;
    (start.expect("it starts"), contexts.take().checkpoint())
}

async fn crashes(mut lives: Lives, value: fn() -> Value) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let (session, saved) = started(&sessions, &id, |spec| spec).await;
        saved.save(value()).expect("it runs");
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        // It waits for the restart.
        let again = sessions.ensure_session(&id, worker()).await;
        drop(again.expect("it is back"));
        assert!(saved.get().is_err(), "the next one has it");
        sessions.stop_session(&id).await.expect("it stops");
    }
    lives
}

async fn blocks(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let (_, saved) = started(&sessions, &id(n), |spec| spec).await;
        let (release, released) = channel();
        let value = Value::new(Harm::Blocks(Mutex::new(released)));
        saved.save(value).expect("it runs");
        sessions.stop_session(&id(n)).await.expect("it stops");
        drop(release);
    }
    lives
}

async fn stops(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let (_, saved) = started(&sessions, &id(n), |spec| spec).await;
        for _ in 0..3 {
            saved.save(Value::plain()).expect("it runs");
        }
        drop(saved.take().expect("it runs"));
        saved.save(Value::plain()).expect("it runs");
        let read = saved.get().expect("it runs");
        sessions.stop_session(&id(n)).await.expect("it stops");
        drop(read);
    }
    lives
}

async fn parked(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let parks = |spec: ChildSpec<Worker>| spec.restart_limit(0, Duration::from_secs(1));
        let (session, saved) = started(&sessions, &id, parks).await;
        saved.save(Value::plain()).expect("it runs");
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        sessions.stop_session(&id).await.expect("it is parked");
    }
    lives
}

async fn crowded_out(mut lives: Lives) -> Lives {
    let options = Options::new().unique_name().max_parked(1);
    let options = options.without_park_trial();
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    while let Some(n) = lives.next().await {
        let parks = |spec: ChildSpec<Worker>| spec.restart_limit(0, Duration::from_secs(1));
        // The one of this id that was parked before has made room.
        let (session, saved) = started(&sessions, &id(n), parks).await;
        saved.save(Value::plain()).expect("it runs");
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}

async fn fails(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec: ChildSpec<Worker> = ChildSpec::from_fn(|start| async move {
        start.checkpoint().save(Value::plain())?;
        Err("told to fail".into())
    });
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        drop(start.expect_err("it fails"));
    }
    lives
}

async fn late(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let mut kept = None;
    while let Some(n) = lives.next().await {
        let (_, saved) = started(&sessions, &id(n), |spec| spec).await;
        saved.save(Value::plain()).expect("it runs");
        sessions.stop_session(&id(n)).await.expect("it stops");
        let refused = saved.save(Value::plain()).expect_err("it is gone");
        drop(refused);
        // One handle is kept, of the last life.
        drop(kept.replace(saved));
    }
    drop(kept);
    lives
}

async fn too_late(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let contexts = Contexts::default();
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), contexts.spec()).await;
        drop(start.expect("it starts"));
        sessions.stop_session(&id(n)).await.expect("it stops");
        let saved = contexts.take().checkpoint();
        drop(saved.save(Value::plain()).expect_err("it is gone"));
    }
    lives
}

async fn deleted(mut lives: Lives) -> Lives {
    let tree = TreeSpec::one_for_one().unique_name();
    let tree = Supervisor::start(tree).await.expect("it starts");
    while lives.next().await.is_some() {
        let contexts = Contexts::default();
        let start = tree.start_child("child", contexts.spec()).await;
        drop(start.expect("it starts"));
        let saved = contexts.take().checkpoint();
        saved.save(Value::plain()).expect("it runs");
        tree.terminate_child("child").await.expect("it runs");
        tree.delete_child("child").await.expect("it is known");
    }
    lives
}

async fn trees(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let saves = || {
        ChildSpec::from_fn(|start| async move {
            start.checkpoint().save(Value::plain())?;
            Ok(session_supervisor::Launch::Actor(Worker, ()))
        })
    };
    let spec = ChildSpec::tree(move |start: StartContext| {
        drop(start.checkpoint().save(Value::plain()));
        TreeSpec::one_for_one()
            .child("a", saves())
            .child("b", saves().restart(Restart::Temporary))
    });
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        drop(start.expect("it starts"));
        sessions.restart_session(&id(n)).await.expect("it runs");
        sessions.stop_session(&id(n)).await.expect("it stops");
    }
    lives
}

async fn circles(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let (_, saved) = started(&sessions, &id(n), |spec| spec).await;
        let value = Value::plain();
        *value.own.lock().expect("it is new") = Some(saved.clone());
        saved.save(value).expect("it runs");
        sessions.stop_session(&id(n)).await.expect("it stops");
    }
    lives
}
