//! What becomes of a supervisor whose driver panics: a fault of ours, or of a log subscriber's.

use std::sync::Arc;

use crate::actor::driver::Taken;
use crate::actor::log::Line;
use crate::actor::outbox::Outbox;
use crate::actor::shared::{Machine, Shared};
use crate::actor::unwind::{Panicked, guard};
use crate::engine::{Caller, Discard};

impl Shared {
    /// Driving has met a fault of ours. What is known of the children cannot be relied on any more,
    /// so all of them are killed, and so is the root. The root's own supervisor may start another.
    /// Every caller is told that the supervisor is down, from now on too. The driver task does the
    /// rest.
    pub(in crate::actor) fn broken(self: &Arc<Self>, Panicked(panic): Panicked) -> usize {
        let mut outbox = Outbox::of(self);
        for item in self.inbox.shut() {
            outbox.discard_item(item);
        }
        let mut lives = Vec::new();
        // What is broken may break again.
        let taken = guard(|| {
            let mut driver = self.lock_driver();
            let driver = &mut *driver;
            for item in driver.items.drain(..) {
                outbox.discard_item(item);
            }
            if let Some(ended) = driver.ended.take() {
                for ticket in ended.tickets {
                    outbox.unanswered(Caller::StopSupervisor(ticket));
                }
            }
            if let Some(drained) = driver.drained.take() {
                for ticket in drained.tickets {
                    outbox.unanswered(Caller::Drain(ticket));
                }
            }
            for value in driver.machine.take_apart() {
                if let Discard::Life(life) = &value {
                    lives.push(Arc::clone(life));
                }
                outbox.discard(value);
            }
            driver.lists.drop_all(&mut driver.machine, &mut outbox);
            driver.machine = Machine::idle();
            driver.engine = Taken::Apart;
        });
        for life in lives {
            if let Some(cell) = life.cell() {
                life.note_orphans();
                cell.kill();
            }
        }
        let line = Line::Broken(Arc::clone(&self.speaker), panic);
        drop(self.lines.push(line));
        self.lines.write();
        self.finish();
        self.root().kill();
        drop(taken);
        outbox.flush(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ractor::{ActorProcessingErr, ActorRef, ActorStatus};
    use tokio::sync::Notify;

    use crate::actor::shared::{Item, Query, Shared};
    use crate::actor::ticket::Ticket;
    use crate::engine::Input;
    use crate::error::{RestartError, StartError, StopError, SupervisorDown};
    use crate::{ChildSpec, Launch, Options, SessionSupervisor, Supervisor, TreeSpec};

    struct Idle;

    #[ractor::actor(message = (), state = (), arguments = Option<Arc<Notify>>)]
    impl Idle {
        async fn pre_start(
            &self,
            _myself: ActorRef<()>,
            gate: Option<Arc<Notify>>,
        ) -> Result<(), ActorProcessingErr> {
            if let Some(gate) = gate {
                gate.notified().await;
            }
            Ok(())
        }

        async fn post_stop(
            &self,
            myself: ActorRef<()>,
            _state: &mut (),
        ) -> Result<(), ActorProcessingErr> {
            match myself.get_name() {
                Some(name) if name.ends_with("/lingers") => std::future::pending().await,
                _ => Ok(()),
            }
        }
    }

    fn idle() -> ChildSpec<Idle> {
        ChildSpec::from_fn(|_| async { Ok(Launch::Actor(Idle, None)) })
    }

    /// Paused time passes when no task has anything left to do.
    async fn until_idle() {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// The next drive meets a fault.
    fn inject(shared: &Arc<Shared>) {
        let look = Query::Look(Box::new(|_| panic!("an injected fault")));
        shared.command(Item::Query(look)).unwrap();
    }

    /// With all that can be under way: one that runs, one that starts, one that stops, callers that
    /// wait.
    #[tokio::test(start_paused = true)]
    async fn a_fault_leaves_no_caller_waiting_and_no_session_alive() {
        let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
        let sessions = sessions.unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        let runs = sessions.start_session("runs", idle()).await.unwrap();
        let lingers = sessions.start_session("lingers", idle()).await.unwrap();
        let gate = Arc::new(Notify::new());
        let held = Arc::clone(&gate);
        let hangs = ChildSpec::from_fn(move |_| {
            let gate = Arc::clone(&held);
            async move { Ok(Launch::Actor(Idle, Some(gate))) }
        });
        let start = tokio::spawn(sessions.start_session("starts", hangs));
        let stop = tokio::spawn(sessions.stop_session("lingers"));
        let restart = tokio::spawn(sessions.restart_session("lingers"));
        until_idle().await;
        assert_eq!(lingers.get_status(), ActorStatus::Stopping);
        let down = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { shared.completion.wait_over().await.is_none() }
        });
        tokio::task::yield_now().await;
        inject(&shared);
        assert!(matches!(
            start.await.unwrap(),
            Err(StartError::SupervisorDown)
        ));
        assert_eq!(stop.await.unwrap(), Err(StopError::SupervisorDown));
        assert!(matches!(
            restart.await.unwrap(),
            Err(RestartError::SupervisorDown)
        ));
        assert!(down.await.unwrap(), "there is no outcome");
        for cell in [runs.get_cell(), lingers.get_cell(), sessions.get_cell()] {
            cell.wait(None).await.ok();
            assert_eq!(cell.get_status(), ActorStatus::Stopped);
        }
        assert_eq!(sessions.count_sessions().await, Err(SupervisorDown));
        assert_eq!(sessions.stop().await, Err(SupervisorDown));
        let again = sessions.start_session("runs", idle()).await;
        assert!(matches!(again, Err(StartError::SupervisorDown)));
        until_idle().await;
        assert_eq!(Arc::strong_count(&gate), 1, "the launch's value is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn a_parent_sees_the_end_and_starts_another() {
        let name = "a-fault-below-a-parent";
        let tree = TreeSpec::one_for_one().child(
            "sessions",
            SessionSupervisor::child_spec(Options::new().name(name)),
        );
        let tree = Supervisor::start(tree.unique_name()).await.unwrap();
        let sessions = SessionSupervisor::where_is(name).unwrap();
        let runs = sessions.start_session("runs", idle()).await.unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        inject(&shared);
        shared.completion.wait_over().await;
        until_idle().await;
        let again = SessionSupervisor::where_is(name).expect("it is back");
        assert_ne!(again.get_cell().get_id(), sessions.get_cell().get_id());
        assert_eq!(runs.get_status(), ActorStatus::Stopped);
        again.start_session("runs", idle()).await.unwrap();
        let report = tree.stop().await.unwrap();
        assert_eq!((report.stopped, report.stuck), (2, 0));
    }

    /// While its children are started, and while it stops.
    #[tokio::test(start_paused = true)]
    async fn a_fault_of_a_static_supervisor_fails_its_start_or_its_stop() {
        let tree = || {
            let lingers = TreeSpec::one_for_one().name("a-fault-in-a-tree");
            lingers.child("a", idle()).child("lingers", idle())
        };
        let root = Supervisor::start(tree()).await.unwrap();
        let shared = crate::actor::directory::find(&root.get_cell()).unwrap();
        inject(&shared);
        let stop = root.stop().await;
        assert_eq!(stop, Err(SupervisorDown));
        root.get_cell().wait(None).await.ok();
        assert_eq!(
            shared
                .completion
                .wait_over()
                .await
                .map(|report| report.cause),
            None
        );
        // All names are free again.
        let root = Supervisor::start(tree()).await.unwrap();
        root.stop_within(Duration::ZERO).await.unwrap();
    }

    /// A thread may take the seat, and be kept from its drive until all is over.
    #[tokio::test(start_paused = true)]
    async fn a_drive_after_the_end_leaves_no_caller_waiting() {
        let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
        let sessions = sessions.unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        sessions.stop().await.unwrap();
        shared.completion.wait_over().await;
        let (ticket, answer) = Ticket::new();
        let within = None;
        shared.drive(&mut Some(Item::Input(Input::StopSupervisor {
            within,
            ticket,
        })));
        assert!(answer.await.is_err(), "it reads as down");
    }
}
