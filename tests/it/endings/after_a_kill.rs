//! What a killed root must not do any more.

use session_supervisor::{Options, Restart};

use crate::support::{Probe, Tie, names_of, supervisor};

/// ractor kills the sessions one after the other while the root still counts as running. What ends
/// in that time has not crashed.
async fn nothing_is_launched_after_a_kill(total: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (tie, remains) = Tie::new();
    let spec = probe
        .script()
        .on_drop(move |_| {
            let _ = &tie;
        })
        .spec()
        .restart(Restart::Permanent);
    for n in 0..total {
        let id = n.to_string();
        sessions.start_session(&id, spec.clone()).await.unwrap();
    }
    drop(spec);
    probe.until(|tally| tally.ready == total).await;
    sessions.get_cell().kill();
    remains.gone().await;
    assert_eq!(probe.starts(), total, "after the kill");
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_launched_after_a_kill_of_the_root_on_one_thread() {
    for total in [1, 2, 5, 20, 500] {
        for _ in 0..10 {
            nothing_is_launched_after_a_kill(total).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_launched_after_a_kill_of_the_root_on_several_threads() {
    for total in [1, 2, 5, 20, 500] {
        for _ in 0..10 {
            nothing_is_launched_after_a_kill(total).await;
        }
    }
}
