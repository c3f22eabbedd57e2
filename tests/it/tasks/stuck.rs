//! A future that blocks its thread. Here the kill bound passes in real time; the event that ends a
//! blocked thread is a sender that the test drops.

use std::sync::mpsc;
use std::time::Duration;

use session_supervisor::error::{StartError, StopError, WaitEndError};
use session_supervisor::{ChildSpec, Exit, Options, SessionState, Shutdown, Task};
use tokio::sync::oneshot;

use super::{Outcome, Track};
use crate::support::{exit, supervisor};

/// A future that blocks its thread when it is polled next, until it is released, and then waits.
struct Blocks {
    begun: oneshot::Receiver<()>,
    release: mpsc::Sender<()>,
}

fn blocks(track: &Track) -> (ChildSpec<Task>, Blocks) {
    let (tell, begun) = oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let once = std::sync::Mutex::new(Some((tell, released)));
    let spec = track.task(move |_, _| {
        let once = once.lock().unwrap().take();
        async move {
            if let Some((tell, released)) = once {
                tell.send(()).unwrap();
                released.recv().ok();
            }
            std::future::pending::<Outcome>().await
        }
    });
    (spec, Blocks { begun, release })
}

/// "One that blocks its thread is stuck until it goes on."
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_blocks_its_thread_is_stuck_until_it_goes_on() {
    for shutdown in [
        Shutdown::BrutalKill,
        Shutdown::Timeout(Duration::from_millis(1)),
    ] {
        let sessions = supervisor(Options::new()).await;
        let (track, other) = (Track::new(), Track::new());
        let (spec, Blocks { begun, release }) = blocks(&track);
        let spec = spec.shutdown(shutdown);
        sessions.start_session("a", spec).await.unwrap();
        begun.await.unwrap();
        // Others are served meanwhile.
        sessions.start_session("b", other.waits()).await.unwrap();
        assert_eq!(sessions.stop_session("b").await, Ok(Exit::Shutdown));

        assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
        let again = sessions.start_session("a", track.waits()).await;
        assert!(matches!(again, Err(StartError::Stuck)), "{again:?}");
        let info = sessions.session_info("a").await.unwrap().unwrap();
        assert_eq!(info.state, SessionState::Stuck);
        assert_eq!(track.lives().alive, 1);
        drop(release);
        let gone = exit(sessions.wait_end("a").await);
        let free = matches!(gone, Ok(Exit::Killed) | Err(WaitEndError::NotFound));
        assert!(free, "{gone:?}");
        // The id is free after the future is gone, and not before.
        assert_eq!(track.lives().alive, 0);
        sessions.start_session("a", track.waits()).await.unwrap();
        assert_eq!((track.lives().alive, track.lives().most), (1, 1));
        sessions.stop().await.unwrap();
    }
}

/// A restart after a kill from outside waits for it as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_never_overlaps_with_a_future_that_blocks() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let (spec, Blocks { begun, release }) = blocks(&track);
    let cell = sessions.start_session("a", spec).await.unwrap();
    begun.await.unwrap();
    cell.kill();
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.incarnation, 1);
    drop(release);
    track
        .until(|lives| (lives.made, lives.alive) == (2, 1))
        .await;
    assert_eq!(track.lives().most, 1);
    sessions.stop_within(Duration::ZERO).await.unwrap();
}
