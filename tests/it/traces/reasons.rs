//! Why a session ended that nobody had asked to.

use session_supervisor::Options;

use super::Capture;
use crate::support::{Probe, asked, supervisor};

#[tokio::test(start_paused = true)]
async fn the_line_about_an_end_tells_the_reason_that_was_given() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let ended = asked(sessions.wait_end("a")).await;
    session.stop(Some("done".to_owned()));
    ended.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
    capture.caught_up().await;
    let line = &capture.of("session ended")[0];
    assert_eq!(line.field("session"), "a");
    assert_eq!(line.field("reason"), "normal (done)");
}
