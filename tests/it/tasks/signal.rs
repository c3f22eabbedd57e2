//! `StopSignal`: who is told, when, and for how long.

use session_supervisor::{ChildSpec, Exit, Options, Restart, StopSignal};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::{Outcome, SECOND, Track};
use crate::support::{answered, supervisor};

/// How a future ends whose signal others have.
#[derive(Clone, Copy, Debug)]
enum Way {
    Ok,
    Err,
    Panic,
    FunctionPanics,
    Stop,
    Kill,
}

/// "The signal is set when the task is asked to stop, and at the latest when its future is gone."
#[tokio::test(start_paused = true)]
async fn what_the_future_has_spawned_is_told_however_it_ends() {
    for way in [
        Way::Ok,
        Way::Err,
        Way::Panic,
        Way::FunctionPanics,
        Way::Stop,
        Way::Kill,
    ] {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        let (tell, mut ended) = mpsc::unbounded_channel();
        let spec = ChildSpec::task_with((track.clone(), tell), move |(track, tell), _, stop| {
            let life = track.begin();
            for _ in 0..100 {
                let (requested, tell) = (stop.requested(), tell.clone());
                tokio::spawn(async move {
                    requested.await;
                    tell.send(()).ok();
                });
            }
            assert!(!matches!(way, Way::FunctionPanics), "no function");
            async move {
                let _life = life;
                yield_now().await;
                match way {
                    Way::Ok => Ok(()),
                    Way::Err => Err("no ink".into()),
                    Way::Panic | Way::FunctionPanics => panic!("no ink"),
                    Way::Stop | Way::Kill => {
                        stop.requested().await;
                        Ok(())
                    }
                }
            }
        });
        let spec = spec.restart(Restart::Temporary);
        let started = sessions.start_session("a", spec).await;
        match (way, started) {
            (Way::FunctionPanics, started) => assert!(started.is_err()),
            (Way::Kill, started) => started.unwrap().kill(),
            (Way::Stop, _) => assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown)),
            (_, started) => drop(started.unwrap()),
        }
        for _ in 0..100 {
            let told = answered("the end of what was spawned", ended.recv()).await;
            assert!(told.is_some(), "{way:?}");
        }
        track.until(|lives| lives.alive == 0).await;
        sessions.stop().await.unwrap();
    }
}

/// "A signal that is set stays set", "a call that is dropped misses nothing".
#[tokio::test(start_paused = true)]
async fn it_stays_set_and_no_call_misses_it() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let (give, mut given) = mpsc::unbounded_channel::<StopSignal>();
    let spec = track.task(move |_, stop| {
        give.send(stop.clone()).unwrap();
        async move {
            for n in 0.. {
                // Dropped again and again before it is set.
                tokio::select! {
                    () = stop.requested() => break,
                    () = sleep(SECOND / 10) => assert!(n < 1_000),
                }
            }
            Ok(())
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    let signal = given.recv().await.unwrap();
    assert_eq!(format!("{signal:?}"), "StopSignal { requested: false }");
    let unpolled = signal.requested();
    let mut waiting = JoinSet::new();
    for _ in 0..1_000 {
        waiting.spawn(signal.requested());
    }
    sleep(3 * SECOND).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    answered("all that wait", waiting.join_all()).await;
    answered("one that had not been polled", unpolled).await;
    answered("one that comes later", signal.requested()).await;
    assert!(signal.is_requested() && signal.clone().is_requested());
    assert_eq!(format!("{signal:?}"), "StopSignal { requested: true }");
}

/// "Each incarnation has a signal of its own."
#[tokio::test(start_paused = true)]
async fn each_incarnation_has_its_own() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let (give, mut given) = mpsc::unbounded_channel::<StopSignal>();
    let spec = track.task(move |start, stop| {
        give.send(stop.clone()).unwrap();
        async move {
            if start.incarnation == 1 {
                return Outcome::Err("no ink".into());
            }
            stop.requested().await;
            Ok(())
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    let (first, second) = (given.recv().await.unwrap(), given.recv().await.unwrap());
    assert!(first.is_requested() && !second.is_requested());
    sessions.stop().await.unwrap();
    assert!(second.is_requested());
}
