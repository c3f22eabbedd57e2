//! What a tree shows of supervisors that do not answer, and of errors that harm who shows or drops
//! them.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use ractor::ActorProcessingErr;
use session_supervisor::{ChildSpec, Options, Supervisor, TreeSpec, Unseen};
use tokio::runtime::Builder;

use super::{all, child};
use crate::support::{Order, Probe, end, supervisor, yields};

/// The thread of its runtime is blocked, so it cannot answer. The caller's time is paused, so the
/// limit is over as soon as nothing else can happen there.
#[test]
fn a_supervisor_that_does_not_answer_is_shown_as_such() {
    let theirs = Builder::new_current_thread().enable_all().build().unwrap();
    let (give, take) = mpsc::channel();
    let (begun, is_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        theirs.block_on(async {
            let tree = TreeSpec::one_for_one().child("worker", Probe::default().spec());
            let top = Supervisor::start(tree.unique_name()).await.unwrap();
            let worker = top.find_child_as::<Order>("worker").unwrap();
            give.send(top.clone()).unwrap();
            let block = move |_| async move {
                begun.send(()).unwrap();
                // Until the other side is done.
                released.recv().unwrap_err();
                Ok(())
            };
            worker.cast(Order::run(block)).unwrap();
            top.wait().await.unwrap();
        });
    });
    let top = take.recv().unwrap();
    is_begun.recv().unwrap();
    let ours = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let tree = ours.block_on(top.tree()).unwrap();
    assert_eq!(tree.unseen, Some(Unseen::NoAnswer));
    assert!(tree.counts.is_none() && tree.children.is_empty());
    let text = tree.to_string();
    assert!(
        text.ends_with("running; it did not answer in time what is below it"),
        "{text}"
    );
    drop(release);
    ours.block_on(top.stop()).unwrap();
    thread.join().unwrap();
    assert!(ours.block_on(top.tree()).is_err());
}

/// Without a runtime of its own, a caller has the clock of the supervisor's.
#[test]
fn a_caller_outside_of_any_runtime_is_answered() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let probe = Probe::default();
    let sessions = runtime.block_on(supervisor(Options::new()));
    let start = sessions.start_session("one", probe.spec());
    runtime.block_on(start).unwrap();
    let tree = futures_free_block_on(sessions.tree()).unwrap();
    assert_eq!(&*tree.children[0].name, "one");
    runtime.block_on(sessions.stop()).unwrap();
    let call = sessions.tree();
    drop(runtime);
    assert!(futures_free_block_on(call).is_err());
}

/// Waits on this thread, which is in no runtime.
fn futures_free_block_on<F: Future>(call: F) -> F::Output {
    struct Unpark(std::thread::Thread);

    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut call = pin!(call);
    loop {
        match call.as_mut().poll(&mut context) {
            std::task::Poll::Ready(answer) => return answer,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Its message panics, and so does its drop, which is counted.
struct Harmful(Arc<AtomicUsize>);

impl fmt::Debug for Harmful {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("shown")
    }
}

impl fmt::Display for Harmful {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("shown")
    }
}

impl Error for Harmful {}

impl Drop for Harmful {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_message_panics_is_shown_all_the_same() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let probe = Probe::default();
    let options = Options::new().session_restart_limit(0, Duration::from_secs(5));
    let sessions = supervisor(options).await;
    let session = sessions.start_session("one", probe.spec()).await.unwrap();
    let error: ActorProcessingErr = Box::new(Harmful(Arc::clone(&dropped)));
    end(&session, Order::run(|_| async { Err(error) })).await;
    let tree = sessions.tree().await.unwrap();
    let line = "one: parked; last exit: failed: an error whose message panicked";
    assert!(tree.to_string().ends_with(line), "{tree}");
    assert!(tree.to_dot().contains("an error whose message panicked"));
    sessions.stop().await.unwrap();
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    let drops = AssertUnwindSafe(|| drop(tree));
    assert!(catch_unwind(drops).is_err(), "it was the last to hold it");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// Two errors that panic in one drop would end the process. A caller that goes away holds what it
/// was told so far.
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_drops_no_error() {
    let mut done = false;
    let mut polls = 0;
    while !done {
        polls += 1;
        let dropped = Arc::new(AtomicUsize::new(0));
        let probe = Probe::default();
        let options = Options::new().session_restart_limit(0, Duration::from_secs(5));
        let sessions = supervisor(options).await;
        for id in ["one", "two"] {
            let session = sessions.start_session(id, probe.spec()).await.unwrap();
            let error: ActorProcessingErr = Box::new(Harmful(Arc::clone(&dropped)));
            end(&session, Order::run(|_| async { Err(error) })).await;
        }
        let worker = probe.spec();
        let nested = ChildSpec::tree(move |_| {
            let child = TreeSpec::one_for_one().child("child", worker.clone());
            TreeSpec::one_for_one().child("below", Supervisor::child_spec(child))
        });
        sessions.start_session("tree", nested).await.unwrap();

        let mut call = Box::pin(sessions.tree());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if let std::task::Poll::Ready(tree) = call.as_mut().poll(&mut context) {
                let tree = tree.unwrap();
                assert_eq!(all(&tree).len(), 6, "{}", child(&tree, "tree"));
                // Each is dropped on its own.
                for tree in tree.children {
                    catch_unwind(AssertUnwindSafe(|| drop(tree))).ok();
                }
                done = true;
                break;
            }
            tokio::task::yield_now().await;
        }
        sessions.stop().await.unwrap();
        drop(call);
        yields(100).await;
        assert_eq!(dropped.load(Ordering::SeqCst), 2, "after {polls} polls");
    }
    assert!(polls > 3, "it was cut off on its way");
}
