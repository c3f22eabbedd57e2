//! A bounded hammer: random calls, crashes, kills and ends on the same few ids, then an end of the
//! supervisor.
//!
//! What must hold whatever the order: every call is answered; two incarnations of an id never
//! overlap; nothing is refused before the supervisor's end was asked for; the counts add up; and
//! after the end nothing is left. `RACE_SEED` and `RACE_ROUNDS` repeat a failure and look for more.

pub(super) mod rng;
mod round;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::ActorStatus;
use session_supervisor::Counts;
use tokio::task::JoinSet;

use crate::support::{answered, names_of, no_name_left};
use rng::Rng;
use round::Round;

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const TASKS: usize = 8;
const CALLS: usize = 120;
const ROUNDS: u64 = 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All ids are stopped first, and no caller asks any more.
    Quiet,
    Stop,
    StopWithin,
    ForeignStop,
    ForeignDrain,
    ForeignKill,
}

const ENDS: [End; 6] = [
    End::Quiet,
    End::Stop,
    End::StopWithin,
    End::ForeignStop,
    End::ForeignDrain,
    End::ForeignKill,
];

async fn hammer(seed: u64, end: End) {
    let (round, remains) = Round::new(seed, end).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let round = Arc::clone(&round);
        tasks.spawn(async move {
            let mut rng = Rng::new(seed ^ (task as u64 + 1) << 32);
            for _ in 0..CALLS {
                if round.calls.fetch_add(1, Ordering::SeqCst) == round.end_at {
                    round.finish(&mut rng).await;
                }
                round.one_call(&mut rng).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        if let Err(error) = done {
            eprintln!("RACE_SEED={seed} {end:?}");
            std::panic::resume_unwind(error.into_panic());
        }
    }
    if end == End::Quiet {
        round.stop_quietly().await;
    }
    let (sessions, probe) = (round.sessions.clone(), round.probe.clone());
    let (cells, lives) = (Arc::clone(&round.cells), Arc::clone(&round.lives));
    let overlaps = round.overlaps.load(Ordering::SeqCst);
    drop(round);
    eprintln!("RACE_SEED={seed} {end:?}");
    remains.gone().await;
    let cells = std::mem::take(&mut *cells.lock().unwrap());
    for cell in &cells {
        answered("the end of an actor", cell.wait(None))
            .await
            .unwrap();
        assert_eq!(cell.get_status(), ActorStatus::Stopped);
    }
    assert!(end != End::Quiet || cells.len() > IDS.len());
    if end == End::ForeignKill {
        no_name_left(sessions.name()).await;
    }
    assert_eq!(names_of(sessions.name()), [""; 0]);
    assert_eq!(probe.alive(), 0);
    assert!(lives.iter().all(|lives| lives.load(Ordering::SeqCst) == 0));
    assert_eq!(
        overlaps, 0,
        "two incarnations of one id lived at the same time"
    );
    assert!(sessions.list_sessions().await.is_err());
    let stats = sessions.stats();
    assert_eq!(stats.sessions, Counts::default());
    crate::stats::balanced(&stats);
    assert!(IDS.iter().all(|id| sessions.find_session(id).is_none()));
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

async fn rounds() {
    if let Some(seed) = variable("RACE_SEED") {
        for end in ENDS {
            hammer(seed, end).await;
        }
        return;
    }
    for seed in 1..=variable("RACE_ROUNDS").unwrap_or(ROUNDS) {
        let end = ENDS[usize::try_from(seed).unwrap() % ENDS.len()];
        hammer(seed, end).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_at_once_nothing_is_left_on_several_threads() {
    rounds().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_done_at_once_nothing_is_left_on_one_thread() {
    rounds().await;
}
