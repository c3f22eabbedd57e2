//! Callers that see that the root has ended, and ask at once.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use ractor::ActorCell;
use session_supervisor::{Options, SessionSupervisor, Supervisor, TreeSpec};
use tokio::sync::oneshot;

use crate::support::{Probe, answered, supervisor};

/// What is done in the wake of a task that waits for the root's end, which is in the root's own
/// task: ractor shows that an actor has ended before it drops what is left of it.
struct AtTheEnd(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for AtTheEnd {
    fn wake(self: Arc<Self>) {
        let act = self.0.lock().expect("no panic").take();
        if let Some(act) = act {
            act();
        }
    }
}

/// The answers to what is asked at the root's end, each as far as it is there at once.
async fn asked_at_the_end(
    root: ActorCell,
    ask: impl FnOnce() -> Vec<String> + Send + 'static,
    end: impl FnOnce(&ActorCell),
) -> Vec<String> {
    let (tell, told) = oneshot::channel();
    let act = move || tell.send(ask()).expect("the caller waits");
    let waker = Waker::from(Arc::new(AtTheEnd(Mutex::new(Some(Box::new(act))))));
    let mut ended = pin!(root.wait(None));
    let polled = ended.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending(), "it runs");
    end(&root);
    answered("the root's end", told).await.expect("it is asked")
}

fn at_once<T: Debug>(call: impl Future<Output = T>) -> String {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => format!("{answer:?}"),
        Poll::Pending => "waits".to_owned(),
    }
}

const ENDS: [fn(&ActorCell); 3] = [
    |root| root.stop(None),
    |root| root.drain().expect("it takes messages"),
    ActorCell::kill,
];

const DOWN: &str = "Err(SupervisorDown)";
const START_DOWN: &str = "Err(Start(SupervisorDown))";

#[tokio::test(start_paused = true)]
async fn a_caller_that_sees_the_end_of_a_session_supervisor_is_told_that_it_is_down() {
    for end in ENDS {
        let sessions: SessionSupervisor = supervisor(Options::new()).await;
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        let asks = sessions.clone();
        let ask = move || {
            vec![
                at_once(asks.list_sessions()),
                at_once(asks.count_sessions()),
                at_once(asks.session_info("a")),
                at_once(asks.start_session("b", probe.spec())),
                at_once(asks.ensure_session("a", probe.spec())),
                at_once(asks.stop_session("a")),
                at_once(asks.restart_session("a")),
                at_once(asks.stop()),
            ]
        };
        let answers = asked_at_the_end(sessions.get_cell(), ask, end).await;
        assert_eq!(
            answers,
            [DOWN, DOWN, DOWN, DOWN, START_DOWN, DOWN, DOWN, DOWN]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_sees_the_end_of_a_static_supervisor_is_told_that_it_is_down() {
    for end in ENDS {
        let probe = Probe::default();
        let tree = TreeSpec::one_for_one().child("a", probe.spec());
        let tree = Supervisor::start(tree.unique_name()).await.unwrap();
        let asks = tree.clone();
        let ask = move || {
            vec![
                at_once(asks.which_children()),
                at_once(asks.count_children()),
                at_once(asks.start_child("b", probe.spec())),
                at_once(asks.terminate_child("a")),
                at_once(asks.restart_child("a")),
                at_once(asks.delete_child("a")),
                at_once(asks.stop()),
            ]
        };
        let answers = asked_at_the_end(tree.get_cell(), ask, end).await;
        assert_eq!(answers, [DOWN, DOWN, DOWN, DOWN, START_DOWN, DOWN, DOWN]);
    }
}
