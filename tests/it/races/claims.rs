//! Many callers that want the same claims at once: no two sessions ever have one together, and who
//! was told that its session is gone gets its claims.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::error::{StartError, StopError};
use session_supervisor::{ChildSpec, Options, Restart, Shutdown};
use tokio::task::JoinSet;

use super::hammer::rng::Rng;
use crate::support::{Order, Probe, Worker, answered, ask_and_go, supervisor};

const CALLERS: usize = 1_000;
const PROJECTS: usize = 4;

/// A thousand sessions want one project, and every other caller gives up on the way.
async fn one_of_a_thousand_gets_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        let id = n.to_string();
        let start = sessions.start_session(&id, probe.spec().claim("project", "1"));
        callers.spawn(async move {
            if n % 2 == 1 {
                ask_and_go(start).await;
                return None;
            }
            Some(match start.await {
                Ok(_) => id,
                Err(StartError::ClaimTaken { holder, .. }) => holder.to_string(),
                Err(error) => panic!("{error}"),
            })
        });
    }
    let told = callers.join_all().await;
    let holder = sessions.find_by_claim("project", "1").unwrap();
    for told in told.into_iter().flatten() {
        assert_eq!(holder, *told);
    }
    assert_eq!(probe.starts(), 1);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    sessions.stop().await.unwrap();
}

/// The sessions that live, of each project.
#[derive(Clone, Debug, Default)]
struct Live(Arc<[AtomicUsize; PROJECTS]>);

impl Live {
    /// A session of some projects, which finds itself alone in each. It lives from its `pre_start`
    /// to the drop of its state.
    fn spec(&self, probe: &Probe, projects: &[usize]) -> ChildSpec<Worker> {
        let (enters, leaves) = (self.clone(), self.clone());
        let (mine, left) = (projects.to_vec(), projects.to_vec());
        let script = probe.script().pre_start(move |_, _| {
            for &project in &mine {
                let before = enters.0[project].fetch_add(1, Ordering::SeqCst);
                assert_eq!(before, 0, "two sessions of project {project}");
            }
            std::future::ready(Ok(()))
        });
        let script = script.on_drop(move |_| {
            for &project in &left {
                leaves.0[project].fetch_sub(1, Ordering::SeqCst);
            }
        });
        let spec = script.spec().restart(Restart::Temporary);
        let claims = projects.iter();
        claims.fold(spec, |spec, project| {
            spec.claim("project", project.to_string())
        })
    }
}

/// Sessions that want one or two projects of four, and go by whatever road.
async fn no_two_sessions_have_a_claim_together() {
    const CLIENTS: usize = 12;
    const LIVES: usize = 60;
    let sessions = supervisor(Options::new()).await;
    let (probe, live) = (Probe::default(), Live::default());
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let (sessions, probe, live) = (sessions.clone(), probe.clone(), live.clone());
        clients.spawn(async move {
            let mut rng = Rng::new(seed as u64);
            let mut lives = 0;
            while lives < LIVES {
                let id = format!("{seed}.{lives}");
                let project = rng.below(PROJECTS);
                let mut projects = vec![project];
                if rng.below(2) == 0 {
                    projects.push((project + 1) % PROJECTS);
                }
                let brutal = rng.below(4) == 0;
                let mut spec = live.spec(&probe, &projects);
                if brutal {
                    spec = spec.shutdown(Shutdown::BrutalKill);
                }
                let session = match sessions.start_session(&id, spec).await {
                    Ok(session) => session,
                    Err(StartError::ClaimTaken { claim, holder }) => {
                        assert_ne!(holder, *id);
                        assert!(projects.iter().any(|it| *claim.value() == it.to_string()));
                        drop(sessions.wait_end(&holder).await);
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                lives += 1;
                for project in &projects {
                    let found = sessions.find_by_claim("project", &project.to_string());
                    assert_eq!(found.unwrap(), *id);
                }
                match rng.below(5) {
                    0 => session.stop(None),
                    1 => session.kill(),
                    2 => session.cast(Order::Crash).unwrap(),
                    3 => ask_and_go(sessions.stop_session(&id)).await,
                    _ => drop(sessions.stop_session(&id).await),
                }
            }
        });
    }
    while let Some(done) = answered("all clients", clients.join_next()).await {
        done.unwrap();
    }
    sessions.stop().await.unwrap();
    for (project, live) in live.0.iter().enumerate() {
        assert_eq!(live.load(Ordering::SeqCst), 0);
        let project = project.to_string();
        assert_eq!(sessions.find_by_claim("project", &project), None);
    }
}

/// Each client has a project of its own, and ends its session in some way before it stops it.
async fn after_a_stop_a_start_always_gets_its_claim() {
    const CLIENTS: usize = 8;
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        clients.spawn(async move {
            let mut rng = Rng::new(seed as u64);
            for n in 0..150 {
                let id = format!("{seed}.{n}");
                let spec = probe.spec().restart(Restart::Temporary);
                let spec = spec.claim("project", seed.to_string());
                let start = sessions.start_session(&id, spec).await;
                let session = start.unwrap_or_else(|error| panic!("{id}: {error}"));
                match rng.below(5) {
                    0 => session.stop(None),
                    1 => session.kill(),
                    2 => session.cast(Order::Crash).unwrap(),
                    3 => session.cast(Order::Panic).unwrap(),
                    _ => {}
                }
                let stop = sessions.stop_session(&id).await;
                assert!(matches!(stop, Ok(_) | Err(StopError::NotFound)), "{stop:?}");
            }
        });
    }
    let all = async {
        while let Some(done) = clients.join_next().await {
            done.unwrap()
        }
    };
    tokio::time::timeout(Duration::from_secs(300), all)
        .await
        .unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_of_a_thousand_gets_a_claim() {
    one_of_a_thousand_gets_it().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_thousand_gets_a_claim_on_several_threads() {
    one_of_a_thousand_gets_it().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_has_one_holder_whatever_ends_it() {
    no_two_sessions_have_a_claim_together().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_has_one_holder_whatever_ends_it_on_several_threads() {
    no_two_sessions_have_a_claim_together().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_after_a_stop_gets_its_claim() {
    after_a_stop_a_start_always_gets_its_claim().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_after_a_stop_gets_its_claim_on_several_threads() {
    after_a_stop_a_start_always_gets_its_claim().await;
}
