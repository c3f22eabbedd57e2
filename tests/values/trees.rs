//! Trees whose start fails with such an error while a sibling takes its time to stop, so that no
//! caller waits for the failure any more when it comes out.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    ChildSpec, Options, SessionState, SessionSupervisor, Supervisor, TreeSpec,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::harm::{Harm, Kind, LONG};
use crate::holder::{Holder, plain};
use crate::others::are_served;

struct Slow;

#[ractor::actor(message = (), state = (Arc<Semaphore>, Arc<Semaphore>), arguments = (Arc<Semaphore>, Arc<Semaphore>))]
impl Slow {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        gates: (Arc<Semaphore>, Arc<Semaphore>),
    ) -> Result<(Arc<Semaphore>, Arc<Semaphore>), ActorProcessingErr> {
        Ok(gates)
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<()>,
        (began, gate): &mut (Arc<Semaphore>, Arc<Semaphore>),
    ) -> Result<(), ActorProcessingErr> {
        began.add_permits(1);
        gate.acquire().await?.forget();
        Ok(())
    }
}

fn check(kind: Kind, many: usize) {
    let what = &format!("{kind:?}, {many}");
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let harm = Harm::new(kind);
    let (began, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let options = || Options::new().unique_name();
    let (sessions, bystanders) = runtime.block_on(async {
        let sessions = SessionSupervisor::start(options()).await.unwrap();
        (sessions, SessionSupervisor::start(options()).await.unwrap())
    });
    let spec = || {
        let (harm, gates) = (harm.clone(), (Arc::clone(&began), Arc::clone(&gate)));
        let tree = ChildSpec::<Supervisor>::tree(move |_| {
            let (harm, gates) = (harm.clone(), gates.clone());
            let fails = ChildSpec::<Holder>::from_fn(move |_| {
                let harm = harm.clone();
                async move { Err(Box::new(harm.trap()).into()) }
            });
            let slow = ChildSpec::new(move |_| (Slow, gates.clone()));
            TreeSpec::one_for_one()
                .child("slow", slow)
                .child("fails", fails)
        });
        tree.start_timeout(Duration::from_secs(20))
    };
    let trees = u32::try_from(many).unwrap();
    runtime.block_on(async {
        for n in 0..many {
            drop(tokio::spawn(
                sessions.start_session(&format!("tree {n}"), spec()),
            ));
        }
        // All children before are being stopped; then each whole start is given up.
        let all = tokio::time::timeout(LONG, began.acquire_many(trees)).await;
        all.expect("they are stopped").unwrap().forget();
        for n in 0..many {
            drop(tokio::spawn(sessions.stop_session(&format!("tree {n}"))));
        }
        sessions.count_sessions().await.unwrap();
    });
    gate.add_permits(many);
    harm.wait_for(1, what);
    are_served(runtime.handle(), &bystanders, what);
    are_served(runtime.handle(), &sessions, what);
    harm.release();
    harm.wait_for(many, what);
    harm.all_dropped(what);
    runtime.block_on(async {
        for n in 0..many {
            // It waits for what is left of the id.
            let again = sessions.start_session(&format!("tree {n}"), plain());
            let again = tokio::time::timeout(LONG, again).await;
            again.expect("the start is answered").unwrap();
        }
        let list = sessions.list_sessions().await.unwrap();
        assert!(
            list.iter().all(|info| info.state == SessionState::Running),
            "{what}"
        );
        let report = tokio::time::timeout(LONG, sessions.stop())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((report.stopped, report.stuck), (many, 0), "{what}");
    });
}

#[test]
fn a_child_that_fails_without_a_caller_affects_no_other() {
    for kind in [Kind::Panics, Kind::Blocks] {
        check(kind, 1);
        check(kind, 64);
    }
}
