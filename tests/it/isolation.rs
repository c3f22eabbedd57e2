//! A session that is slow, stuck or broken affects no other session.

mod batches;
mod errors;
mod first_callbacks;
mod launch_tasks;
mod readers;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use ractor::ActorRef;
use session_supervisor::error::{RestartError, StartError};
use session_supervisor::{Exit, Options, Restart, SessionSupervisor};

use crate::support::{Gate, Order, Probe, Script, asked, back, died, end, sessions_of, supervisor};

/// Blocks a thread until the other end is dropped.
struct Block(Mutex<Receiver<()>>);

fn block() -> (Sender<()>, Block) {
    let (sender, receiver) = channel();
    (sender, Block(Mutex::new(receiver)))
}

impl Block {
    fn wait(&self) {
        self.0.lock().expect("one waits at a time").recv().ok();
    }
}

/// Everything that others may want, done from start to end.
async fn others_are_served(sessions: &SessionSupervisor) {
    let probe = Probe::default();
    let a = sessions.start_session("other", probe.spec()).await.unwrap();
    assert_eq!(ractor::call!(a, Order::Echo, 1).unwrap(), 1);
    end(&a, Order::Crash).await;
    let b = back(sessions, "other").await;
    assert_ne!(a.get_id(), b.get_id());
    sessions.restart_session("other").await.unwrap();
    assert!(sessions.is_running("other"));
    let list = sessions.list_sessions().await.unwrap();
    assert!(list.iter().any(|info| &*info.id == "other"));
    assert!(sessions.count_sessions().await.unwrap().active >= 1);
    assert_eq!(sessions.stop_session("other").await, Ok(Exit::Shutdown));
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pre_start_that_sleeps_an_hour() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let hour = std::time::Duration::from_secs(3_600);
    let slow = probe.script().pre_start(move |_, _| async move {
        tokio::time::sleep(hour).await;
        Ok(())
    });
    let spec = slow.spec().start_timeout(hour * 2);
    let start = asked(sessions.start_session("slow", spec)).await;
    let began = tokio::time::Instant::now();
    others_are_served(&sessions).await;
    assert!(began.elapsed().is_zero() && !start.is_finished());
    start.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), hour);
    sessions.stop().await.unwrap();
}

/// A session that blocks its thread at some point; others are served while it does.
async fn others_are_served_beside(script: impl FnOnce(Script, Probe, Block) -> Script) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (release, block) = block();
    let script = script(probe.script(), probe.clone(), block);
    let start = tokio::spawn(sessions.start_session("stuck", script.spec()));
    probe.until(|tally| tally.notes.len() == 1).await;
    others_are_served(&sessions).await;
    drop(release);
    start.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_function_that_blocks_its_thread() {
    others_are_served_beside(|script, probe, block| {
        script.launch(move |_| {
            probe.note("blocked");
            block.wait();
            async { Ok(true) }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pre_start_that_blocks_its_thread() {
    others_are_served_beside(|script, probe, block| {
        script.pre_start(move |_, _| {
            probe.note("blocked");
            block.wait();
            async { Ok(()) }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_start_that_blocks_its_thread() {
    others_are_served_beside(|script, probe, block| {
        script.post_start(move |_, _| {
            probe.note("blocked");
            block.wait();
            async { Ok(()) }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_message_whose_handler_blocks_its_thread() {
    for _ in 0..50 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (release, block) = block();
        let note = probe.clone();
        let order = Order::run(move |_| async move {
            note.note("blocked");
            block.wait();
            Ok(())
        });
        let order = Mutex::new(Some(order));
        // It lies in the mailbox when the session starts.
        let script = probe.script().pre_start(move |_, myself: ActorRef<Order>| {
            let order = order.lock().expect("no panic").take();
            async move {
                if let Some(order) = order {
                    myself.cast(order)?;
                }
                Ok(())
            }
        });
        sessions
            .start_session("stuck", script.spec())
            .await
            .unwrap();
        probe.until(|tally| tally.notes.len() == 1).await;
        others_are_served(&sessions).await;
        drop(release);
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_takes_long_to_drop() {
    for how in ["stop", "crash", "kill"] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (release, block) = block();
        let note = probe.clone();
        let script = probe.script().on_drop(move |_| {
            note.note("dropping");
            block.wait();
        });
        let spec = script.spec().restart(Restart::Temporary);
        let session = sessions.start_session("stuck", spec).await.unwrap();
        match how {
            "stop" => session.stop(None),
            "crash" => session.cast(Order::Crash).unwrap(),
            _ => session.kill(),
        }
        probe.until(|tally| tally.notes.len() == 1).await;
        others_are_served(&sessions).await;
        // The id itself waits until its last life is gone.
        let again = asked(sessions.start_session("stuck", Probe::default().spec())).await;
        assert!(!again.is_finished(), "{how}");
        drop(release);
        again.await.unwrap().unwrap();
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_that_takes_long_right_after_the_start() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (release, block) = block();
    let note = probe.clone();
    // The stop is there when the session starts, so that its whole life is one turn of its task.
    let script = probe
        .script()
        .pre_start(|_, myself| async move {
            myself.stop(None);
            Ok(())
        })
        .on_drop(move |_| {
            note.note("dropping");
            block.wait();
        });
    sessions
        .start_session("stuck", script.spec())
        .await
        .unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    others_are_served(&sessions).await;
    drop(release);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_any_point_of_a_life() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let scripts: [(&str, Script, bool); 6] = [
        (
            "launch",
            probe
                .script()
                .launch(|_| -> std::future::Ready<_> { panic!("at once") }),
            false,
        ),
        (
            "launching",
            probe.script().launch(|_| async { panic!("later") }),
            false,
        ),
        (
            "pre_start",
            probe.script().pre_start(|_, _| async { panic!("no") }),
            false,
        ),
        (
            "post_start",
            probe.script().post_start(|_, _| async { panic!("no") }),
            true,
        ),
        (
            "post_stop",
            probe.script().post_stop(|_, _| async { panic!("no") }),
            true,
        ),
        ("drop", probe.script().on_drop(|_| panic!("no")), true),
    ];
    for (id, script, starts) in scripts {
        let spec = script.spec().restart(Restart::Temporary);
        let started = sessions.start_session(id, spec).await;
        assert_eq!(started.is_ok(), starts, "{id}: {started:?}");
        if let Ok(session) = started {
            session.stop(None);
            died(&session.get_cell()).await;
        } else {
            assert!(matches!(started, Err(StartError::Failed { .. })));
        }
        others_are_served(&sessions).await;
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0, "{id}");
    }
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_or_a_start_function_that_panics_in_its_drop() {
    #[derive(Debug)]
    struct Bomb;
    impl std::fmt::Display for Bomb {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bomb")
        }
    }
    impl std::error::Error for Bomb {}
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("it panics in its drop");
        }
    }
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::run(|_| async { Err(Bomb.into()) })).await;
    back(&sessions, "a").await;
    sessions.stop_session("a").await.unwrap();
    others_are_served(&sessions).await;

    let captured = std::sync::Arc::new(Bomb);
    let script = probe.script().launch(move |_| {
        let held = std::sync::Arc::strong_count(&captured) > 0;
        async move { Ok(held) }
    });
    sessions.start_session("b", script.spec()).await.unwrap();
    sessions.stop_session("b").await.unwrap();
    others_are_served(&sessions).await;
    sessions.stop().await.unwrap();
}

/// What a session asks of its own supervisor, wherever it is.
async fn asks_all(start: session_supervisor::StartContext, probe: Probe, what: &str) {
    let sessions = sessions_of(&start);
    let count = sessions.count_sessions().await.is_ok();
    let list = sessions.list_sessions().await.is_ok();
    let known = sessions.session_info(start.key()).await.is_ok();
    let friend = format!("friend of {what}");
    let started = sessions.start_session(&friend, probe.spec()).await;
    let refused = matches!(started, Err(StartError::SupervisorDown));
    let stopped = sessions.stop_session(&friend).await.is_ok();
    probe.note(format!(
        "{what} {} {}",
        count && list && known,
        refused != stopped
    ));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_asks_its_own_supervisor_from_everywhere_however_that_stops() {
    for ending in ["ours", "stop", "drain"] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (one, two) = (probe.clone(), probe.clone());
        let script = probe.script().pre_start(move |start, _| {
            let probe = one.clone();
            async move {
                asks_all(start, probe, "pre_start").await;
                Ok(())
            }
        });
        let script = script.post_stop(move |start, _| {
            let probe = two.clone();
            async move {
                asks_all(start, probe, "post_stop").await;
                Ok(())
            }
        });
        let session = sessions.start_session("asks", script.spec()).await.unwrap();
        let (own, note) = (sessions.clone(), probe.clone());
        let order = Order::run(move |_| async move {
            let restart = own.restart_session("nobody").await;
            let started = own.start_session("another", note.spec()).await;
            let told = matches!(restart, Err(RestartError::NotFound)) && started.is_ok();
            note.note(format!("handler {told}"));
            Ok(())
        });
        session.cast(order).unwrap();
        probe.until(|tally| tally.notes.len() == 2).await;
        match ending {
            "ours" => drop(sessions.stop().await.unwrap()),
            "stop" => sessions.get_cell().stop(None),
            _ => sessions.get_cell().drain().unwrap(),
        }
        died(&sessions.get_cell()).await;
        assert_eq!(
            probe.notes(),
            ["pre_start true true", "handler true", "post_stop true true"],
            "{ending}"
        );
        assert_eq!(probe.alive(), 0, "{ending}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_in_a_gate_is_stopped_from_outside_while_others_wait_for_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let script = probe.script().post_stop(gate.holds());
    sessions.start_session("slow", script.spec()).await.unwrap();
    let stop = asked(sessions.stop_session("slow")).await;
    let next = asked(sessions.start_session("slow", probe.spec())).await;
    others_are_served(&sessions).await;
    assert!(!stop.is_finished() && !next.is_finished());
    gate.open();
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    next.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}
