//! Each value in each of its ends.

use std::time::Instant;

use session_supervisor::{KILL_BOUND, SessionState, SessionSupervisor};
use tokio::runtime::Builder;

use crate::ends::{End, play, supervisor};
use crate::harm::{Harm, Kind, LONG};
use crate::holder::Value;
use crate::others::{a_killed_one_comes_back, are_served};

fn check(value: Value, end: End, kind: Kind, many: usize) {
    let what = &format!("{value:?}, {end:?}, {kind:?}, {many}");
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let harm = Harm::new(kind);
    let (sessions, bystanders) =
        runtime.block_on(async { (supervisor(end).await, supervisor(End::Stop).await) });
    let begun = Instant::now();
    let played = runtime.block_on(async {
        let play = play(end, value, &harm, &sessions, many);
        tokio::time::timeout(LONG, play).await
    });
    assert!(played.is_ok(), "{what}: it does not get there");
    if end == End::RuntimeDropped {
        let dropping = std::thread::spawn(move || drop(runtime));
        harm.wait_for(1, what);
        harm.release();
        harm.all_dropped(what);
        dropping.join().unwrap();
        return;
    }
    harm.wait_for(1, what);
    are_served(runtime.handle(), &bystanders, what);
    if end.leaves_the_supervisor() && end != End::MaxSessions {
        are_served(runtime.handle(), &sessions, what);
        // Where as many block as there are threads for drops, it waits for one of them.
        if many == 1 {
            a_killed_one_comes_back(runtime.handle(), &sessions, what);
        }
    }
    // What is being dropped for longer than a kill may take is rightly told to be stuck, until it
    // is done: on a busy machine the others may take that long.
    let rightly = kind == Kind::Blocks && begun.elapsed() >= KILL_BOUND / 2;
    harm.release();
    let (stuck, left) = runtime.block_on(async {
        let stuck = tokio::time::timeout(LONG, until_none_is_stuck(&sessions)).await;
        let stuck =
            stuck.unwrap_or_else(|_| panic!("{what}: an id is stuck, or the list is not answered"));
        let stop = tokio::time::timeout(LONG, sessions.stop()).await;
        let stop = stop.unwrap_or_else(|_| panic!("{what}: the stop is not answered"));
        tokio::time::timeout(LONG, bystanders.stop())
            .await
            .unwrap()
            .unwrap();
        (stuck, stop.map_or(0, |report| report.stuck))
    });
    assert!(stuck == 0 || rightly, "{what}: {stuck} were stuck");
    let rightly = rightly && !end.leaves_the_supervisor();
    assert!(left == 0 || rightly, "{what}: {left} are stuck");
    drop(sessions);
    harm.all_dropped(what);
    drop(runtime);
}

/// Returns when no id says that it is stuck, and how many said so at first.
pub(crate) async fn until_none_is_stuck(sessions: &SessionSupervisor) -> usize {
    let mut first = None;
    loop {
        // A supervisor that is gone has no ids.
        let list = sessions.list_sessions().await.unwrap_or_default();
        let stuck = list.iter().filter(|info| info.state == SessionState::Stuck);
        let stuck = stuck.count();
        let first = *first.get_or_insert(stuck);
        if stuck == 0 {
            return first;
        }
        tokio::task::yield_now().await;
    }
}

/// Plays all cases, and tells of all that fail.
fn each(cases: Vec<(Value, End, Kind, usize)>, at_least: usize) {
    assert!(cases.len() >= at_least, "the table has lost cases");
    let failed: Vec<_> = cases
        .into_iter()
        .filter(|&(value, end, kind, many)| {
            let played = std::panic::catch_unwind(|| check(value, end, kind, many));
            played.is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn check_all(kind: Kind) {
    let all = Value::ALL.into_iter();
    let cases = all.flat_map(|value| End::ALL.map(|end| (value, end)));
    let cases = cases.filter(|(value, end)| end.concerns(*value));
    each(
        cases.map(|(value, end)| (value, end, kind, 1)).collect(),
        86,
    );
}

#[test]
fn a_drop_that_panics_affects_no_other() {
    check_all(Kind::Panics);
}

#[test]
fn a_drop_that_blocks_delays_no_other() {
    check_all(Kind::Blocks);
}

/// Where a worker of the runtime runs no user code that drops them.
#[test]
fn many_drops_that_block_at_once_delay_no_other() {
    let cases = [
        (Value::State, End::Kill),
        (Value::Spec, End::Stop),
        (Value::Spec, End::AlreadyStarted),
        (Value::LaunchError, End::StartFailsAndNobodyWaits),
        (Value::PreStartError, End::StartFailsAndNobodyWaits),
        (Value::Arguments, End::TimedOut),
        (Value::Arguments, End::Cancelled),
        (Value::CallbackError, End::CrashTwice),
        (Value::Checkpoint, End::Stop),
        (Value::Checkpoint, End::ParkAndDiscard),
        (Value::Checkpoint, End::TimedOut),
    ];
    let both = |(value, end)| [Kind::Blocks, Kind::Panics].map(|kind| (value, end, kind, 64));
    each(cases.into_iter().flat_map(both).collect(), 22);
}
