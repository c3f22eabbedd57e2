//! The values in the lines are those of what happened (D36).

use std::future::pending;
use std::time::Duration;

use session_supervisor::{Backoff, Options, SessionState};
use tokio::time::sleep;

use super::{Capture, Seen};
use crate::support::{Order, Probe, back, end, supervisor};

fn named(capture: &Capture, event: &str) -> Vec<Seen> {
    let mut seen = capture.seen();
    seen.retain(|seen| seen.fields.get("event").is_some_and(|name| name == event));
    seen
}

fn values<'a, const N: usize>(line: &'a Seen, names: [&str; N]) -> [&'a str; N] {
    names.map(|name| line.field(name))
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_crash_says_how_long_it_ran_and_what_follows_in_numbers() {
    let (capture, _guard) = Capture::listen();
    let trial = Duration::from_secs(10);
    let options = Options::new()
        .session_restart_limit(2, 6 * trial)
        .park_trial(trial, trial);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let spec = probe
        .spec()
        .backoff(Backoff::constant(Duration::from_millis(250)));
    sessions.start_session("a", spec).await.unwrap();
    for uptime in [1_500, 2_500, 3_500] {
        let session = back(&sessions, "a").await;
        sleep(Duration::from_millis(uptime)).await;
        end(&session, Order::Crash).await;
    }
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    capture.caught_up().await;
    let exits = named(&capture, "exited");
    let [first, second, parked] = &exits[..] else {
        panic!("{exits:?}");
    };
    let names = ["decision", "uptime_ms", "restarts", "budget_left"];
    assert_eq!(values(first, names), ["restart", "1500", "1", "1"]);
    assert_eq!(values(second, names), ["restart", "2500", "2", "0"]);
    assert_eq!(values(first, ["exit", "delay_ms"]), ["failed", "250"]);
    assert_eq!(values(second, ["delay_ms"]), ["250"]);
    assert_eq!(values(parked, ["decision", "uptime_ms"]), ["park", "3500"]);
    assert!(!parked.fields.contains_key("budget_left"));
    // A part of the pause is random.
    let pause: u64 = parked.field("delay_ms").parse().unwrap();
    assert!((5_000..=10_000).contains(&pause), "{pause}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_starts_say_how_long_they_took() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.script().launch(|_| async {
        sleep(Duration::from_millis(1_250)).await;
        Ok(true)
    });
    sessions.start_session("slow", slow.spec()).await.unwrap();
    let never = probe.script().launch(|_| pending());
    let never = never.spec().start_timeout(Duration::from_secs(7));
    sessions.start_session("never", never).await.unwrap_err();
    capture.caught_up().await;
    let [started] = &named(&capture, "started")[..] else {
        panic!("one has started");
    };
    assert_eq!(values(started, ["session", "took_ms"]), ["slow", "1250"]);
    let [timed_out] = &named(&capture, "start_timed_out")[..] else {
        panic!("one took too long");
    };
    let names = ["session", "timeout_ms"];
    assert_eq!(values(timed_out, names), ["never", "7000"]);
    sessions.stop().await.unwrap();
}
