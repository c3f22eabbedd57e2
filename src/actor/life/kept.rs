//! The cause of a session's failure, from when it is known until the engine asks for it.
//!
//! The engine does not ask for it if the supervisor ended before the session did: a stuck session
//! may fail long after that. The last release of the life, which may happen in a task on which
//! others wait, would then drop the cause as well. So the cause goes to the drop queue.

use crate::actor::drop_queue::DropQueue;
use crate::engine::Cause;

#[derive(Debug)]
pub(super) struct Kept {
    cause: Option<Cause>,
    drops: DropQueue,
}

impl Kept {
    pub(super) fn new(cause: Cause, drops: &DropQueue) -> Self {
        Self {
            cause: Some(cause),
            drops: drops.clone(),
        }
    }

    pub(super) const fn take(&mut self) -> Option<Cause> {
        self.cause.take()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(cause) = self.cause.take() {
            self.drops.put_cause(cause);
            self.drops.wake();
        }
    }
}

/// What ends after the engine was taken apart, so that it has no other holder any more.
#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Barrier, mpsc};
    use std::time::Duration;

    use ractor::{ActorProcessingErr, ActorRef};
    use tokio::runtime::Builder;
    use tokio::task::{Id, try_id};

    use crate::actor::directory;
    use crate::actor::shared::{Item, Query};
    use crate::{ChildSpec, Launch, Options, Restart, SessionSupervisor};

    /// An error that tells in which task it is dropped.
    #[derive(Debug)]
    struct Tells(mpsc::Sender<Option<Id>>);

    impl fmt::Display for Tells {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it fails")
        }
    }

    impl std::error::Error for Tells {}

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(try_id()).ok();
        }
    }

    #[derive(Clone)]
    struct Gate {
        /// Which task comes to it.
        begun: mpsc::Sender<Option<Id>>,
        barrier: Arc<Barrier>,
        dropped: mpsc::Sender<Option<Id>>,
    }

    impl Gate {
        /// Blocks the thread, so that no kill comes in between.
        fn pass(&self) {
            self.begun.send(try_id()).ok();
            self.barrier.wait();
        }
    }

    struct Fails;

    /// At its gate, if it comes to one.
    #[ractor::actor(message = (), state = (Gate, End), arguments = (Gate, End))]
    impl Fails {
        async fn pre_start(
            &self,
            _myself: ActorRef<()>,
            state: (Gate, End),
        ) -> Result<(Gate, End), ActorProcessingErr> {
            Ok(state)
        }

        async fn handle(
            &self,
            _myself: ActorRef<()>,
            (): (),
            (gate, end): &mut (Gate, End),
        ) -> Result<(), ActorProcessingErr> {
            if *end == End::Session {
                gate.pass();
            }
            Err(Box::new(Tells(gate.dropped.clone())))
        }
    }

    /// What comes to an end then.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum End {
        /// A session that fails.
        Session,
        /// The start of the next incarnation, which was told how the last one ended.
        Start,
    }

    fn check(end: End) {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (begun, begins) = mpsc::channel();
        let (tell, dropped) = mpsc::channel();
        let barrier = Arc::new(Barrier::new(2));
        let gate = Gate {
            begun,
            barrier: Arc::clone(&barrier),
            dropped: tell,
        };
        let spec = ChildSpec::from_fn(move |context| {
            let first = context.incarnation == 1;
            let gate = gate.clone();
            async move {
                if first {
                    return Ok(Launch::Actor(Fails, (gate, end)));
                }
                gate.pass();
                Err("it does not start".into())
            }
        });
        let patience = Duration::from_secs(20);
        let task = runtime.block_on(async {
            let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
            let sessions = sessions.unwrap();
            let spec = spec.restart(Restart::Permanent);
            let session = sessions.start_session("a", spec).await.unwrap();
            session.cast(()).unwrap();
            let task = begins.recv_timeout(patience).unwrap();
            let shared = directory::find(&sessions.get_cell()).unwrap();
            let look = Query::Look(Box::new(|_| panic!("an injected fault")));
            shared.command(Item::Query(look)).unwrap();
            shared.completion.wait_over().await;
            task
        });
        assert!(task.is_some());
        barrier.wait();
        let dropped = dropped.recv_timeout(patience).unwrap();
        assert_ne!(dropped, task, "{end:?}");
    }

    #[test]
    fn the_error_of_a_session_that_outlives_its_supervisor_is_dropped_elsewhere() {
        check(End::Session);
    }

    #[test]
    fn a_last_exit_is_not_dropped_in_the_launch_that_was_told_of_it() {
        check(End::Start);
    }
}
