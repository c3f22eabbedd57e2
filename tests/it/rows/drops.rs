//! Sessions whose state panics when it is dropped.

use session_supervisor::{ChildSpec, Options, Restart};

use super::ways::{Way, reason, with_parent};
use crate::support::{Order, Probe, Worker, back, died, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

fn bomb(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script();
    script
        .on_drop(|_| panic!("the state panics in its drop"))
        .spec()
}

#[tokio::test(start_paused = true)]
async fn row_231_a_state_that_panics_in_its_drop_affects_no_other() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = Probe::default();
    let sibling = sessions.start_session("b", other.spec()).await.unwrap();
    for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for way in [Way::Stop, Way::Error, Way::Panic, Way::Kill] {
            let spec = bomb(&probe).restart(kind);
            let session = sessions.start_session("a", spec).await.unwrap();
            way.end(&session).await;
            let restarts = match kind {
                Restart::Permanent => true,
                Restart::Transient => !matches!(way, Way::Stop),
                Restart::Temporary => false,
            };
            if restarts {
                let again = back(&sessions, "a").await;
                assert_ne!(again.get_id(), session.get_id(), "{kind:?} {way:?}");
                let by_hand = sessions.restart_session("a").await.unwrap();
                assert_ne!(by_hand.get_id(), again.get_id(), "{kind:?} {way:?}");
                sessions.stop_session("a").await.unwrap();
            }
            assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
        }
    }
    assert_eq!(ractor::call!(sibling, Order::Echo, 1).unwrap(), 1);
    sessions.start_session("a", bomb(&probe)).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.failed), (2, 0));
    assert_eq!((probe.alive(), other.starts()), (0, 1));
}

/// How the sessions die before the root, and how the root ends with their deaths unread.
const DEATHS: [&str; 3] = ["stop", "crash", "kill"];
const ENDS: [&str; 3] = ["our stop", "stop", "kill"];

/// The part of the next test that runs in a process of its own.
#[tokio::test]
async fn dead_bombs_in_the_port_of_an_ending_root() {
    let Ok(case) = std::env::var("DEAD_BOMBS") else {
        return;
    };
    let (death, end) = case.split_once(", ").unwrap();
    let (sessions, parent) = with_parent(Options::new()).await;
    let probe = Probe::default();
    let mut all = Vec::new();
    for id in ["a", "b", "c"] {
        let spec = bomb(&probe).restart(Restart::Temporary);
        all.push(sessions.start_session(id, spec).await.unwrap());
    }
    probe.until(|tally| tally.ready == all.len()).await;
    // Nothing awaits in between, so the sessions have their turns, and then the root ends before it
    // reads of them.
    for session in &all {
        match death {
            "stop" => session.stop(None),
            "crash" => session.cast(Order::Crash).unwrap(),
            _ => session.kill(),
        }
    }
    let expected = match end {
        "our stop" => {
            sessions.stop().await.ok();
            "shutdown"
        }
        "stop" => {
            sessions.get_cell().stop(Some("by others".to_owned()));
            "by others"
        }
        _ => {
            sessions.get_cell().kill();
            "killed"
        }
    };
    assert_eq!(reason(&parent).await, expected);
    for session in &all {
        died(&session.get_cell()).await;
    }
    probe.until(|tally| tally.alive == 0).await;
    println!("survived");
}

/// Without a guard around the state the second panic ends the process.
#[test]
fn row_231_two_such_states_in_the_port_of_an_ending_root_do_not_end_the_process() {
    for (death, end) in DEATHS.iter().flat_map(|death| ENDS.map(|end| (death, end))) {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("rows::drops::dead_bombs_in_the_port_of_an_ending_root")
            .env("DEAD_BOMBS", format!("{death}, {end}"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("survived"),
            "{death}, {end}: {output:?}"
        );
    }
}
