//! What the group function of a quota has captured. It is dropped with the last that holds its
//! supervisor.

use session_supervisor::{Options, SessionSupervisor};
use tokio::runtime::{Builder, Runtime};

use crate::harm::{Harm, Kind, LONG};
use crate::holder::plain;
use crate::others::are_served;

/// How its supervisor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    ForeignStop,
    Kill,
    RuntimeDropped,
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A supervisor with such a function, which has been called.
async fn supervisor(harm: &Harm) -> SessionSupervisor {
    let captured = harm.trap();
    let group_of = move |_: &str| {
        let _captured = &captured;
        Some("all")
    };
    let options = Options::new().unique_name().quota(group_of, 1);
    let sessions = SessionSupervisor::start(options).await.unwrap();
    sessions.start_session("a", plain()).await.unwrap();
    sessions.start_session("b", plain()).await.unwrap_err();
    sessions
}

async fn ends(sessions: SessionSupervisor, end: End, what: &str) {
    match end {
        End::Stop => drop(sessions.stop().await.unwrap()),
        End::ForeignStop => sessions.get_cell().stop(None),
        End::Kill => sessions.get_cell().kill(),
        End::RuntimeDropped => return,
    }
    let over = tokio::time::timeout(LONG, sessions.wait()).await;
    over.unwrap_or_else(|_| panic!("{what}: it does not end"));
}

/// More supervisors than the runtime has workers.
fn check(end: End, kind: Kind) {
    const MANY: usize = 4;
    let what = &format!("the group function, {end:?}, {kind:?}");
    let (home, other, harm) = (runtime(), runtime(), Harm::new(kind));
    let bystanders = SessionSupervisor::start(Options::new().unique_name());
    let beside = match end {
        End::RuntimeDropped => other.handle(),
        _ => home.handle(),
    }
    .clone();
    let bystanders = beside.block_on(bystanders).unwrap();
    home.block_on(async {
        for _ in 0..MANY {
            let sessions = supervisor(&harm).await;
            ends(sessions, end, what).await;
        }
    });
    let (mut home, mut last) = (Some(home), None);
    if end == End::RuntimeDropped {
        let home = home.take();
        last = Some(std::thread::spawn(move || drop(home)));
    }
    harm.wait_for(1, what);
    are_served(&beside, &bystanders, what);
    harm.release();
    harm.wait_for(MANY, what);
    harm.all_dropped(what);
    if let Some(last) = last {
        last.join().unwrap();
    }
}

#[test]
fn what_it_captured_affects_no_other_when_it_is_dropped() {
    for kind in [Kind::Panics, Kind::Blocks] {
        for end in [End::Stop, End::ForeignStop, End::Kill, End::RuntimeDropped] {
            check(end, kind);
        }
    }
}
