//! No wake-up of a future is lost, from whichever thread it comes, and messages of others do no
//! harm.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use session_supervisor::{ChildSpec, Exit, Options};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::{Outcome, SECOND, Track};
use crate::support::supervisor;

/// A future that counts its polls.
struct Counted {
    polls: Arc<AtomicUsize>,
    inner: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl Future for Counted {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.inner.as_mut().poll(context)
    }
}

/// A consumer that is sent very much from many threads handles all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_takes_all_that_it_is_sent() {
    const SENDERS: usize = 8;
    const EACH: usize = 20_000;
    let sessions = supervisor(Options::new()).await;
    let (sender, receiver) = mpsc::unbounded_channel::<usize>();
    let (total, sum) = oneshot::channel();
    let once = Mutex::new(Some((receiver, total)));
    let spec = ChildSpec::task(move |_, _| {
        let once = once.lock().unwrap().take();
        async move {
            let (mut receiver, total) = once.ok_or("it runs once")?;
            let mut sum = 0;
            while let Some(n) = receiver.recv().await {
                sum += n;
            }
            total.send(sum).ok();
            Ok(())
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let sender = sender.clone();
        senders.spawn(async move {
            for n in 0..EACH {
                sender.send(n).unwrap();
                if n % 7 == 0 {
                    yield_now().await;
                }
            }
        });
    }
    drop(sender);
    senders.join_all().await;
    assert_eq!(sum.await.unwrap(), SENDERS * EACH * (EACH - 1) / 2);
    sessions.stop().await.unwrap();
}

/// Two tasks that only go on when the other one has: each lost wake-up would end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tasks_hand_a_ball_to_each_other() {
    const TIMES: usize = 50_000;
    let sessions = supervisor(Options::new()).await;
    let (there, other) = mpsc::channel::<usize>(1);
    let (back, one) = mpsc::channel::<usize>(1);
    let (done, is_done) = oneshot::channel();
    let player = |id: &str, sender: mpsc::Sender<usize>, receiver, done| {
        let once = Mutex::new(Some((sender, receiver, done)));
        let spec = ChildSpec::task(move |_, _| {
            let once = once.lock().unwrap().take();
            async move {
                let once: Option<(mpsc::Sender<usize>, mpsc::Receiver<usize>, _)> = once;
                let (sender, mut receiver, done) = once.ok_or("it runs once")?;
                while let Some(n) = receiver.recv().await {
                    if n == TIMES {
                        break;
                    }
                    sender.send(n + 1).await?;
                }
                drop::<Option<oneshot::Sender<()>>>(done);
                Ok(())
            }
        });
        let (sessions, id) = (sessions.clone(), id.to_owned());
        async move { sessions.start_session(&id, spec).await.unwrap() }
    };
    player("one", there.clone(), one, Some(done)).await;
    player("other", back, other, None).await;
    there.send(0).await.unwrap();
    drop(there);
    assert!(is_done.await.is_err(), "its sender is dropped");
    sessions.stop().await.unwrap();
}

/// "It takes messages of the type `()`, which do nothing."
#[tokio::test(start_paused = true)]
async fn messages_of_others_poll_it_and_do_nothing_else() {
    let sessions = supervisor(Options::new()).await;
    let polls = Arc::new(AtomicUsize::new(0));
    let track = Track::new();
    let counted = Arc::clone(&polls);
    let spec = track.task(move |_, stop| Counted {
        polls: Arc::clone(&counted),
        inner: Box::pin(async move {
            stop.requested().await;
            Ok(())
        }),
    });
    let cell = sessions.start_session("a", spec).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(
        polls.load(Ordering::SeqCst),
        1,
        "it is polled when it is woken"
    );
    for _ in 0..10_000 {
        cell.send_message(()).unwrap();
    }
    let told = sessions.broadcast(()).await.unwrap();
    assert_eq!((told.sent, told.refused), (1, 0));
    assert!(cell.send_message("text".to_owned()).is_err());
    sleep(SECOND).await;
    assert!(sessions.is_running("a"));
    assert!(polls.load(Ordering::SeqCst) <= 1 + 10_001);
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    assert_eq!((track.lives().made, track.lives().alive), (1, 0));
}

/// Many wake-ups between two polls are one poll.
#[tokio::test(start_paused = true)]
async fn wakeups_that_come_together_are_one_poll() {
    let sessions = supervisor(Options::new()).await;
    let polls = Arc::new(AtomicUsize::new(0));
    let track = Track::new();
    let (sender, receiver) = mpsc::unbounded_channel::<()>();
    let once = Mutex::new(Some(receiver));
    let counted = Arc::clone(&polls);
    let spec = track.task(move |_, stop| {
        let receiver = once.lock().unwrap().take();
        Counted {
            polls: Arc::clone(&counted),
            inner: Box::pin(async move {
                let mut receiver = receiver.ok_or("it runs once")?;
                loop {
                    tokio::select! {
                        message = receiver.recv() => message.ok_or("the test ends later")?,
                        () = stop.requested() => return Ok(()),
                    }
                }
            }),
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    sleep(SECOND).await;
    let before = polls.load(Ordering::SeqCst);
    // All on this thread, so the task has no turn meanwhile.
    for _ in 0..100 {
        sender.send(()).unwrap();
    }
    sleep(SECOND).await;
    assert_eq!(polls.load(Ordering::SeqCst), before + 1);
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
}
