//! A value of the user's whose drop panics: the log of its tree is told, as of all else.

use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::Capture;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("it panics in its drop"));
    }
}

/// Where the bomb is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    State,
    /// In the future of the handler, which a kill drops.
    Handler,
    /// In what the start function has captured.
    Spec,
    /// In the arguments, of a session whose name is taken.
    Arguments,
}

struct Holder(Place, Arc<Notify>);

#[ractor::actor(message = (), state = Option<Bomb>, arguments = Option<Bomb>)]
impl Holder {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        bomb: Option<Bomb>,
    ) -> Result<Option<Bomb>, ActorProcessingErr> {
        Ok(bomb)
    }

    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        _state: &mut Option<Bomb>,
    ) -> Result<(), ActorProcessingErr> {
        let _bomb = (self.0 == Place::Handler).then(|| Bomb);
        self.1.notify_one();
        std::future::pending().await
    }
}

fn spec(place: Place, began: &Arc<Notify>) -> ChildSpec<Holder> {
    let captured = (place == Place::Spec).then(|| Bomb);
    let began = Arc::clone(began);
    ChildSpec::new(move |_| {
        let _captured = &captured;
        let bomb = matches!(place, Place::State | Place::Arguments).then(|| Bomb);
        (Holder(place, Arc::clone(&began)), bomb)
    })
}

#[test]
fn a_drop_that_panics_is_told_to_the_log_of_its_tree() {
    // It keeps every event wanted, and is told nothing itself: here is no supervisor.
    drop(Capture::listen());
    for place in [Place::State, Place::Handler, Place::Spec, Place::Arguments] {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let capture = Capture::default();
        let name = format!("drops that panic, {place:?}");
        let tree = tracing::subscriber::with_default(capture.clone(), || {
            let sessions = SessionSupervisor::child_spec(Options::new().name(name.clone()));
            let tree = TreeSpec::one_for_one().unique_name();
            runtime
                .block_on(Supervisor::start(tree.child("sessions", sessions)))
                .expect("it starts")
        });
        runtime.block_on(async {
            let sessions = SessionSupervisor::where_is(&name).expect("it runs");
            let began = Arc::new(Notify::new());
            let holder = match place {
                Place::Arguments => {
                    let name = session_supervisor::names::session(&name, "a");
                    let holder = Holder(Place::Spec, Arc::clone(&began));
                    let spawned = ractor::Actor::spawn(Some(name), holder, None).await;
                    Some(spawned.expect("the name is free").0)
                }
                _ => None,
            };
            match sessions.start_session("a", spec(place, &began)).await {
                Ok(session) if place == Place::Handler => {
                    session.cast(()).expect("it runs");
                    began.notified().await;
                    session.kill();
                    session.get_cell().wait(None).await.expect("it is local");
                }
                Ok(_) => assert_ne!(place, Place::Arguments),
                Err(error) => assert_eq!(place, Place::Arguments, "{error:?}"),
            }
            sessions.stop_session("a").await.ok();
            tree.stop().await.expect("it runs");
            if let Some(holder) = holder {
                holder.get_cell().kill();
                holder.get_cell().wait(None).await.expect("it is local");
            }
        });
        // All that was asked of the pool for what blocks is done then.
        drop(runtime);
        let about = capture.of("a value of a session panicked in its drop");
        assert!(!about.is_empty(), "{place:?}: {:?}", capture.seen());
        assert!(
            about
                .iter()
                .all(|seen| seen.field("panic") == "it panics in its drop"),
            "{about:?}"
        );
    }
}
