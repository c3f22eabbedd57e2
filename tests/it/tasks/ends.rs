//! The ends of a future by itself, and what follows: restarts, limits, parking.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use session_supervisor::error::{RestartError, StartError, StopError};
use session_supervisor::{
    Backoff, ChildSpec, EndReason, Exit, Expiry, Options, Restart, SessionState, SessionSupervisor,
    Shutdown, Task,
};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Outcome, SECOND, Track};
use crate::support::{answered, supervisor};
use crate::traces::Capture;

#[derive(Debug)]
struct NoPaper(u8);

impl fmt::Display for NoPaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no paper in tray {}", self.0)
    }
}

impl std::error::Error for NoPaper {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Err,
    PanicAtOnce,
    PanicLater,
    PanicWithAValue,
}

impl End {
    const ALL: [Self; 5] = [
        Self::Ok,
        Self::Err,
        Self::PanicAtOnce,
        Self::PanicLater,
        Self::PanicWithAValue,
    ];

    async fn come(self) -> Outcome {
        match self {
            Self::Ok => Ok(()),
            Self::Err => Err(NoPaper(3).into()),
            Self::PanicAtOnce => panic!("at once"),
            Self::PanicLater => {
                yield_now().await;
                panic!("later");
            }
            Self::PanicWithAValue => std::panic::panic_any(NoPaper(4)),
        }
    }

    fn check(self, exit: &Exit) {
        let text = match self {
            Self::Ok => return assert_eq!(*exit, Exit::Normal { reason: None }),
            Self::Err => "no paper in tray 3",
            Self::PanicAtOnce => "at once",
            Self::PanicLater => "later",
            Self::PanicWithAValue => "panicked with a value that is no text",
        };
        let Exit::Failed { cause } = exit else {
            panic!("{self:?}: {exit:?}");
        };
        assert_eq!(cause.to_string(), text);
        let own = cause.downcast_ref::<NoPaper>().map(|error| error.0);
        assert_eq!(own, (self == Self::Err).then_some(3), "the error as it was");
    }
}

/// A task whose first future ends so, and whose second waits for its stop.
fn first(track: &Track, end: End) -> ChildSpec<Task> {
    track.task(move |start, stop| async move {
        if start.incarnation == 1 {
            return end.come().await;
        }
        end.check(&start.last_exit.expect("it has ended once"));
        stop.requested().await;
        Ok(())
    })
}

async fn exit_of(sessions: &SessionSupervisor, id: &str) -> Exit {
    let info = sessions.session_info(id).await.unwrap();
    info.and_then(|info| info.last_exit)
        .expect("it has ended once")
}

/// "`Ok(())`: a normal end", "an error, or panics: a failure, with that error or the text of the
/// panic".
#[tokio::test(start_paused = true)]
async fn each_end_is_told_as_it_was_and_followed_by_what_the_restart_kind_says() {
    for end in End::ALL {
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            let what = format!("{end:?} {restart:?}");
            let sessions = supervisor(Options::new()).await;
            let track = Track::new();
            let spec = first(&track, end).restart(restart);
            sessions.start_session("a", spec).await.unwrap();
            let comes_back = match restart {
                Restart::Permanent => true,
                Restart::Transient => end != End::Ok,
                Restart::Temporary => false,
            };
            if comes_back {
                track.made(2).await;
                end.check(&exit_of(&sessions, "a").await);
                assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
            } else {
                track.until(|lives| lives.alive == 0).await;
                let stop = sessions.stop_session("a").await;
                assert_eq!(stop, Err(StopError::NotFound), "{what}");
            }
            let lives = track.lives();
            assert_eq!(lives.made, 1 + usize::from(comes_back), "{what}");
            assert_eq!((lives.alive, lives.most), (0, 1), "{what}");
            sessions.stop().await.unwrap();
        }
    }
}

/// "A function that panics fails the start. A future that fails is a crash, also before its first
/// `.await`."
#[tokio::test(start_paused = true)]
async fn a_function_that_panics_fails_the_start_and_leaves_nothing() {
    let sessions = supervisor(Options::new()).await;
    let broken = || {
        ChildSpec::task(|start, _| {
            assert_ne!(start.incarnation, 1, "no printer");
            std::future::pending()
        })
    };
    let error = sessions.start_session("a", broken()).await.unwrap_err();
    let StartError::Failed { cause, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(cause.to_string().contains("no printer"), "{cause}");
    assert!(sessions.session_info("a").await.unwrap().is_none());

    let track = Track::new();
    let at_once = first(&track, End::PanicAtOnce);
    sessions.start_session("b", at_once).await.unwrap();
    track.made(2).await;
    assert_eq!(sessions.stop().await.unwrap().stopped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_panics_at_a_restart_is_tried_again() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.task(|start, stop| {
        assert!(
            start.incarnation == 1 || start.incarnation > 3,
            "no printer"
        );
        async move {
            if start.incarnation == 1 {
                return Err("out of paper".into());
            }
            stop.requested().await;
            Ok(())
        }
    });
    let spec = spec.without_restart_limit();
    let began = Instant::now();
    sessions.start_session("a", spec).await.unwrap();
    track
        .until(|lives| (lives.made, lives.alive) == (4, 1))
        .await;
    // D7: after the second and the third launch, which failed.
    assert_eq!(began.elapsed().as_millis(), 10 + 40);
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!((info.incarnation, info.restarts), (4, 3));
    assert_eq!(track.lives().most, 1);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_again_and_again_is_parked_and_can_be_resumed() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let track = Track::new();
    let spec = track
        .task(|start, stop| async move {
            if start.incarnation <= 4 {
                return Err(NoPaper(1).into());
            }
            stop.requested().await;
            Ok(())
        })
        .restart_limit(3, 5 * SECOND);
    sessions.start_session("a", spec).await.unwrap();
    track
        .until(|lives| (lives.made, lives.alive) == (4, 0))
        .await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    sessions.restart_session("a").await.unwrap();
    track
        .until(|lives| (lives.made, lives.alive) == (5, 1))
        .await;
    assert_eq!(track.lives().most, 1);
    assert_eq!(sessions.stop().await.unwrap().stopped, 1);
}

/// A restart by hand asks the old future to stop, and waits until it is gone.
#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_waits_until_the_old_future_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let slow = track.task(|_, stop| async move {
        stop.requested().await;
        tokio::time::sleep(SECOND).await;
        Ok(())
    });
    let first = sessions.start_session("a", slow).await.unwrap();
    let began = Instant::now();
    let second = sessions.restart_session("a").await.unwrap();
    assert_eq!(began.elapsed(), SECOND);
    assert_ne!(first.get_id(), second.get_id());
    assert_eq!((track.lives().made, track.lives().most), (2, 1));
    // Its stop wins over a restart that waits behind it.
    let (stop, restart) = tokio::join!(sessions.stop_session("a"), sessions.restart_session("a"));
    assert_eq!(stop, Ok(Exit::Shutdown));
    assert!(
        matches!(restart, Err(RestartError::NotFound)),
        "{restart:?}"
    );
    assert_eq!((track.lives().made, track.lives().alive), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_backoff_and_a_lifetime_hold_for_it() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let fails = track
        .task(|start, stop| async move {
            match start.incarnation {
                1 => Err(NoPaper(1).into()),
                _ => {
                    stop.requested().await;
                    Ok(())
                }
            }
        })
        .backoff(Backoff::constant(3 * SECOND))
        .max_lifetime(100 * SECOND)
        .shutdown(Shutdown::Infinity);
    let began = Instant::now();
    sessions.start_session("a", fails).await.unwrap();
    track.made(2).await;
    assert_eq!(began.elapsed(), 3 * SECOND);
    let ended = sessions.wait_end("a").await.unwrap();
    let longest = Expiry::Lifetime(100 * SECOND);
    assert_eq!(ended.why, EndReason::Expired(longest));
    assert_eq!(ended.exit, Exit::Shutdown);
    assert_eq!(track.lives().alive, 0);
    assert!(began.elapsed() >= 93 * SECOND, "{:?}", began.elapsed());
    assert!(began.elapsed() <= 104 * SECOND, "{:?}", began.elapsed());
}

/// A future that panics when it is dropped.
struct Rigged(Pin<Box<dyn Future<Output = Outcome> + Send>>);

impl Future for Rigged {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.0.as_mut().poll(context)
    }
}

impl Drop for Rigged {
    fn drop(&mut self) {
        panic!("the future panics in its drop");
    }
}

/// The log is told of such a drop, and how the task ended stands.
#[tokio::test(start_paused = true)]
async fn a_future_that_panics_in_its_drop_ends_as_it_did() {
    for end in End::ALL {
        let (capture, _guard) = Capture::listen();
        let sessions = supervisor(Options::new()).await;
        let spec = ChildSpec::task(move |start, stop| {
            Rigged(Box::pin(async move {
                if start.incarnation == 1 {
                    return end.come().await;
                }
                stop.requested().await;
                Ok(())
            }))
        });
        let spec = spec.restart(Restart::Permanent);
        sessions.start_session("a", spec).await.unwrap();
        let second = Box::pin(async {
            while sessions
                .session_info("a")
                .await
                .unwrap()
                .unwrap()
                .incarnation
                < 2
            {
                yield_now().await;
            }
        });
        answered("the second one", second).await;
        end.check(&exit_of(&sessions, "a").await);
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
        capture.caught_up().await;
        let lines = capture.of("a value of a session panicked in its drop");
        let texts: Vec<_> = lines.iter().map(|line| line.field("panic")).collect();
        assert_eq!(texts, ["the future panics in its drop"; 2], "{end:?}");
        sessions.stop().await.unwrap();
    }
}
