//! Sessions of groups, and starts that are rejected.

use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{Exit, Options, SessionState, SessionSupervisor};

use crate::actors::{Order, died, id, worker};
use crate::lives::{Lives, Row};
use crate::sessions::ask_and_go;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session of a group of its own", grouped),
        Row::new("a session of a group that is parked and stopped", parked),
        Row::new("starts that are one too many of their group", too_many),
        Row::new("starts above the rate", too_fast),
        Row::new("starts that count for a rate without end", counted),
        Row::new("starts whose group function panics", broken),
    ]
}

const LONG: Duration = Duration::from_secs(3_600 * 10_000);

async fn limited(options: Options) -> SessionSupervisor {
    let options = options.unique_name().without_park_trial();
    SessionSupervisor::start(options).await.expect("it starts")
}

/// Each of the sessions of all lives has another group.
async fn grouped(mut lives: Lives) -> Lives {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let group_of = move |_: &str| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(format!("group {n:06}"))
    };
    let sessions = limited(Options::new().quota(group_of, 1)).await;
    let spec = worker();
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        assert_eq!(sessions.groups().await.map(|groups| groups.len()), Ok(1));
        ask_and_go(sessions.groups()).await;
        ask_and_go(sessions.count_group("a")).await;
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

fn own(id: &str) -> Option<String> {
    Some(id.to_owned())
}

async fn parked(mut lives: Lives) -> Lives {
    let sessions = limited(Options::new().quota(own, 1)).await;
    let spec = worker().restart_limit(0, LONG);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let session = sessions.start_session(&id, spec.clone()).await;
        let session = session.expect("starts");
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        // A start waits for its turn, when the crash has been decided.
        let parked = sessions.start_session(&id, worker()).await;
        assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
        let info = sessions.session_info(&id).await.expect("it is up");
        assert_eq!(info.expect("it is known").state, SessionState::Parked);
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::NotRunning));
    }
    lives
}

async fn too_many(mut lives: Lives) -> Lives {
    let sessions = limited(Options::new().quota(own, 0)).await;
    let spec = worker();
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        assert!(matches!(start, Err(StartError::Rejected { .. })));
        ask_and_go(sessions.ensure_session(&id, spec.clone())).await;
        // What was asked before has been answered then.
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}

async fn too_fast(mut lives: Lives) -> Lives {
    let sessions = limited(Options::new().start_rate(1, LONG)).await;
    let spec = worker();
    let start = sessions.start_session("first", spec.clone()).await;
    drop(start.expect("starts"));
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        assert!(matches!(start, Err(StartError::Rejected { .. })));
        ask_and_go(sessions.ensure_session(&id, spec.clone())).await;
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}

/// None of them ever ends to count.
async fn counted(mut lives: Lives) -> Lives {
    let sessions = limited(Options::new().start_rate(u32::MAX, LONG)).await;
    let spec = worker();
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

async fn broken(mut lives: Lives) -> Lives {
    // What is said of each panic takes no memory that stays.
    std::panic::set_hook(Box::new(|_| ()));
    let group_of = |id: &str| -> Option<String> { panic!("{id} has none") };
    let sessions = limited(Options::new().quota(group_of, 1)).await;
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), worker()).await;
        assert!(matches!(start, Err(StartError::Failed { .. })));
    }
    drop(std::panic::take_hook());
    lives
}
