//! Tasks: futures that are supervised as actors are.

use std::future::{Future, pending};
use std::time::Duration;

use ractor::ActorProcessingErr;
use session_supervisor::error::StopError;
use session_supervisor::{
    Backoff, ChildSpec, Exit, Options, Restart, SessionSupervisor, Shutdown, StartContext,
    StopSignal, Supervisor, Task, TreeSpec,
};
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::actors::{died, id, supervisor};
use crate::lives::{Lives, Row};

type Outcome = Result<(), ActorProcessingErr>;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a task that is stopped", |lives| {
            stopped(lives, waits(), Exit::Shutdown)
        }),
        Row::new("a task that is killed, as it ignores its stop", |lives| {
            let spec = task(|_, _| pending());
            let spec = spec.shutdown(Shutdown::Timeout(Duration::from_millis(1)));
            stopped(lives, spec, Exit::Killed)
        }),
        Row::new("a task that is over by itself", |lives| {
            over(lives, task(|_, _| async { Ok(()) }))
        }),
        Row::new("a task that fails", |lives| {
            over(lives, task(|_, _| async { Err("no ink".into()) }))
        }),
        Row::new("a task that panics before its first await", |lives| {
            over(lives, task(|_, _| async { panics() }))
        }),
        Row::new("a task that panics later", |lives| {
            let later = task(|_, _| async {
                yield_now().await;
                panics()
            });
            over(lives, later)
        }),
        Row::new("a task whose function panics", function_panics),
        Row::new("a task that is killed by others and comes back", killed),
        Row::new("a task that fails and comes back", comes_back),
        Row::new("a task whose future panics in its drop", |lives| {
            over(lives, task(|_, _| Mined))
        }),
        Row::new(
            "a task whose signal and waker others keep for a while",
            signals,
        ),
        Row::new("tasks in a tree of their own", trees),
        Row::new("tasks of a supervisor that is killed", supervisors),
    ]
}

/// Without a message, which the hook would write.
fn panics() -> Outcome {
    std::panic::resume_unwind(Box::new("a task panics"))
}

/// Over at once, and then it panics in its drop.
struct Mined;

impl Future for Mined {
    type Output = Outcome;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Outcome> {
        std::task::Poll::Ready(Ok(()))
    }
}

impl Drop for Mined {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("a drop panics"));
    }
}

/// What is kept of its future shows.
fn task<F, Fut>(run: F) -> ChildSpec<Task>
where
    F: Fn(StartContext, StopSignal) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let spec = ChildSpec::task(move |start, stop| {
        let held = vec![0_u8; 100_000];
        let run = run(start, stop);
        async move {
            let _held = held;
            run.await
        }
    });
    spec.backoff(Backoff::none())
}

fn waits() -> ChildSpec<Task> {
    task(|_, stop| async move {
        stop.requested().await;
        Ok(())
    })
}

async fn stopped(mut lives: Lives, spec: ChildSpec<Task>, end: Exit) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        sessions
            .start_session(&id, spec.clone())
            .await
            .expect("starts");
        let stop = sessions.stop_session(&id).await;
        assert_eq!(stop.as_ref(), Ok(&end));
    }
    lives
}

async fn over(mut lives: Lives, spec: ChildSpec<Task>) -> Lives {
    let sessions = supervisor().await;
    let spec = spec.restart(Restart::Temporary);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let cell = sessions.start_session(&id, spec.clone()).await;
        died(&cell.expect("starts")).await;
        // It waits for the release.
        let stop = sessions.stop_session(&id).await;
        let gone = matches!(
            stop,
            Ok(Exit::Normal { .. } | Exit::Failed { .. }) | Err(StopError::NotFound)
        );
        assert!(gone, "{stop:?}");
    }
    lives
}

async fn function_panics(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec: ChildSpec<Task> = ChildSpec::task(|_, stop| {
        let outcome = panics();
        async move {
            drop(stop);
            outcome
        }
    });
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        assert!(start.is_err());
    }
    lives
}

async fn killed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let (tell, mut begun) = mpsc::unbounded_channel();
    let spec = task(move |_, stop| {
        let tell = tell.clone();
        async move {
            tell.send(()).ok();
            stop.requested().await;
            Ok(())
        }
    });
    sessions.start_session("a", spec).await.expect("starts");
    begun.recv().await;
    while lives.next().await.is_some() {
        sessions.find_session("a").expect("it runs").kill();
        begun.recv().await;
        // It is answered after the restart is known.
        sessions.await_session::<()>("a").await.expect("it runs");
    }
    lives
}

async fn comes_back(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let (tell, mut begun) = mpsc::unbounded_channel();
    let (fail, fails) = mpsc::channel::<()>(1);
    let fails = std::sync::Arc::new(tokio::sync::Mutex::new(fails));
    let spec = task(move |_, _| {
        let (tell, fails) = (tell.clone(), std::sync::Arc::clone(&fails));
        async move {
            tell.send(()).ok();
            fails.lock().await.recv().await;
            Err("no ink".into())
        }
    });
    sessions.start_session("a", spec).await.expect("starts");
    begun.recv().await;
    while lives.next().await.is_some() {
        fail.send(()).await.expect("it listens");
        begun.recv().await;
        sessions.await_session::<()>("a").await.expect("it runs");
    }
    lives
}

async fn signals(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let (give, mut given) = mpsc::unbounded_channel::<(StopSignal, std::task::Waker)>();
    let spec = task(move |_, stop| {
        let give = give.clone();
        async move {
            let waker =
                std::future::poll_fn(|context| std::task::Poll::Ready(context.waker().clone()));
            give.send((stop.clone(), waker.await)).ok();
            stop.requested().await;
            Ok(())
        }
    });
    while let Some(n) = lives.next().await {
        let id = id(n);
        sessions
            .start_session(&id, spec.clone())
            .await
            .expect("starts");
        let (stop, waker) = given.recv().await.expect("it has begun");
        let waiting = tokio::spawn(stop.requested());
        sessions.stop_session(&id).await.expect("stops");
        waiting.await.expect("no panic");
        // Nothing is left that it could wake.
        waker.wake();
        assert!(stop.is_requested());
    }
    lives
}

async fn trees(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::tree(|_| {
        TreeSpec::one_for_all()
            .child("a", waits())
            .child("b", waits().restart(Restart::Temporary))
    });
    while let Some(n) = lives.next().await {
        let id = id(n);
        let tree: Supervisor = sessions
            .start_session(&id, spec.clone())
            .await
            .expect("starts");
        let added = tree.start_child("c", waits()).await.expect("starts");
        added.kill();
        died(&added).await;
        drop((tree, added));
        sessions.stop_session(&id).await.expect("stops");
    }
    lives
}

async fn supervisors(mut lives: Lives) -> Lives {
    while lives.next().await.is_some() {
        let options = Options::new().name("supervisor of tasks");
        let sessions = SessionSupervisor::start(options).await.expect("it starts");
        for n in 0..3 {
            sessions
                .start_session(&id(n), waits())
                .await
                .expect("starts");
        }
        sessions.get_cell().kill();
        sessions.wait().await;
    }
    lives
}
