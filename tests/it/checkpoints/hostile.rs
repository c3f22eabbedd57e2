//! Values whose drops panic or block, where a session itself drops them. Where the supervisor has
//! them dropped, `tests/values` looks.

use std::sync::{Arc, Mutex};

use session_supervisor::{Checkpoint, ChildSpec, Launch, Options, SessionSupervisor};

use crate::support::{Order, Probe, back, end, supervisor};

/// It panics in its drop, if it is to.
struct Bomb {
    number: u32,
    armed: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(
            !self.armed || std::thread::panicking(),
            "meant: a drop panics"
        );
    }
}

/// "Only with the drop of the value that is replaced. The new one is saved then."
#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_it_is_replaced_fails_its_own_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::new(Mutex::new(None::<Checkpoint<Bomb>>));
    let (seen, keeps) = (Arc::clone(&found), Arc::clone(&kept));
    let script = probe.script().launch(move |start| {
        let saved = start.checkpoint::<Bomb>();
        let number = saved.get().unwrap().map(|bomb| bomb.number);
        seen.lock().unwrap().push(number);
        *keeps.lock().unwrap() = Some(saved);
        async { Ok(true) }
    });
    let session = sessions.start_session("a", script.spec()).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    let saved = kept.lock().unwrap().clone().expect("it was launched");
    let saves = Order::run(move |_| async move {
        saved.save(Bomb {
            number: 1,
            armed: true,
        })?;
        saved.save(Bomb {
            number: 2,
            armed: false,
        })?;
        Ok(())
    });
    end(&session, saves).await;
    back(&sessions, "a").await;
    assert_eq!(*found.lock().unwrap(), [None, Some(2)]);
    let info = sessions.session_info("a").await.unwrap().unwrap();
    let exit = info.last_exit.expect("it has failed").to_string();
    assert!(exit.contains("a drop panics"), "{exit}");
    assert!(sessions.is_running("b"));
    sessions.stop().await.unwrap();
}

/// What it holds goes with it: the handle of its own session, and its supervisor.
#[tokio::test(start_paused = true)]
async fn a_value_that_holds_its_own_session_is_dropped_with_it() {
    struct Circle {
        held: Arc<()>,
        _own: Checkpoint<Circle>,
        _sessions: SessionSupervisor,
    }
    let sessions = supervisor(Options::new()).await;
    let held = Arc::new(());
    let holds = Arc::clone(&held);
    let spec = ChildSpec::from_fn(move |start| {
        let holds = Arc::clone(&holds);
        async move {
            let saved = start.checkpoint();
            if let Some(circle) = saved.get()? {
                let circle: Arc<Circle> = circle;
                assert_eq!(Arc::strong_count(&circle.held), 3);
            }
            saved.save(Circle {
                held: holds,
                _own: saved.clone(),
                _sessions: start.supervisor.clone().expect("a session has one"),
            })?;
            Ok(Launch::Actor(Quiet, ()))
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    let weak = Arc::downgrade(&held);
    drop(held);
    sessions.restart_session("a").await.unwrap();
    sessions.stop().await.unwrap();
    assert_eq!(weak.strong_count(), 0);
}

/// An actor without messages.
struct Quiet;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Quiet {}
