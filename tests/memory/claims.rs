//! Sessions with claims.

use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Exit, Options, SessionSupervisor};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::actors::{Order, Worker, died, id, supervisor, worker};
use crate::alloc;
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session with claims that is stopped", stopped),
        Row::new(
            "a session with claims that were never made before",
            new_claims,
        )
        .with_new_names(),
        Row::new("a start that is refused for a claim", refused),
        Row::new(
            "a session with claims that is parked and discarded",
            discarded,
        ),
        Row::new("a supervisor of sessions with claims", ended),
    ]
}

fn claims(n: usize) -> ChildSpec<Worker> {
    let of = |kind: &str| format!("{kind} {}", n % 5);
    worker()
        .claim("project", of("project"))
        .claim("user", of("user"))
}

async fn stopped(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    tell_what_a_claim_costs(&sessions).await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        sessions
            .start_session(&id, claims(n))
            .await
            .expect("starts");
        assert!(
            sessions
                .find_by_claim("user", &format!("user {}", n % 5))
                .is_some()
        );
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

/// How many bytes a session with one claim takes more than one without. On several threads there are
/// crowds of which nothing is known here.
async fn tell_what_a_claim_costs(sessions: &SessionSupervisor) {
    const MANY: usize = 1_000;
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        return;
    }
    let mut per_session = [0; 2];
    for round in 0..2 {
        for (bytes, claims) in per_session.iter_mut().zip([0, 1]) {
            let before = alloc::live();
            for n in 0..MANY {
                let mut spec = small();
                for _ in 0..claims {
                    spec = spec.claim("project", format!("/srv/projects/{n:06}"));
                }
                let start = sessions.start_session(&format!("{n:06}"), spec).await;
                drop(start.expect("starts"));
            }
            *bytes = (alloc::live() - before) / MANY as isize;
            let all = sessions.stop_where(|_| true).await.expect("it is up");
            assert_eq!(all.len(), MANY);
        }
        // The first round makes room in the tables.
        if round == 1 {
            let [without, with] = per_session;
            println!(
                "     a session takes {without} B, and {} B more with a claim of 21 bytes",
                with - without
            );
            assert!((1..=256).contains(&(with - without)));
        }
    }
}

struct Small;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Small {}

fn small() -> ChildSpec<Small> {
    ChildSpec::new(|_| (Small, ()))
}

async fn new_claims(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let (id, spec) = (id(n), worker().claim("project", n.to_string()));
        sessions.start_session(&id, spec).await.expect("starts");
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

async fn refused(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    for n in 0..5 {
        let start = sessions
            .start_session(&format!("holder {n}"), claims(n))
            .await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), claims(n)).await;
        assert!(matches!(start, Err(StartError::ClaimTaken { .. })));
    }
    lives
}

/// One more than may be parked: the one parked longest is forgotten.
async fn discarded(mut lives: Lives) -> Lives {
    let options = Options::new()
        .unique_name()
        .without_park_trial()
        .max_parked(1);
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    while let Some(n) = lives.next().await {
        let spec = claims(n).restart_limit(0, Duration::from_secs(5));
        let session = sessions.start_session(&id(n), spec).await.expect("starts");
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        // A start waits for its turn, when the crash has been decided.
        let refused = sessions.start_session(&id(n), worker()).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    lives
}

async fn ended(mut lives: Lives) -> Lives {
    while let Some(n) = lives.next().await {
        let sessions = supervisor().await;
        let start = sessions.start_session(&id(n), claims(n)).await;
        drop(start.expect("starts"));
        sessions.stop().await.expect("stops");
    }
    lives
}
