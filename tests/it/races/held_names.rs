//! A restart that meets the names which the session's own children still hold.

use ractor::{Actor, ActorRef};
use session_supervisor::{Options, SessionSupervisor};

use crate::support::{Order, Probe, answered, back, sessions_of, supervisor};

struct Helper;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Helper {}

fn helper_name(sessions: &SessionSupervisor, id: &str, n: usize) -> String {
    format!("helper {n} of {id} under {}", sessions.name())
}

/// Each of the sessions has three named children of its own, which ractor kills when it crashes,
/// but whose names may be held a little longer (the third fact of "when has an incarnation ended").
async fn all_come_back(total: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe
        .script()
        .pre_start(|start, myself: ActorRef<Order>| async move {
            for n in 0..3 {
                let name = helper_name(sessions_of(&start), start.key(), n);
                Helper::spawn_linked(Some(name), Helper, (), myself.get_cell()).await?;
            }
            Ok(())
        })
        .spec();
    let mut before = Vec::new();
    for n in 0..total {
        let id = format!("s{n}");
        before.push(sessions.start_session(&id, spec.clone()).await.unwrap());
    }
    for session in &before {
        session.cast(Order::Crash).unwrap();
    }
    for (n, old) in before.iter().enumerate() {
        let id = format!("s{n}");
        answered("the end", old.wait(None)).await.unwrap();
        let new = answered("the way back", back(&sessions, &id)).await;
        assert_ne!(new.get_id(), old.get_id());
        for helper in 0..3 {
            let name = helper_name(&sessions, &id, helper);
            let holder = ractor::registry::where_is(name).expect("its child is named again");
            let parent = holder.try_get_supervisor().expect("its child is linked");
            assert_eq!(parent.get_id(), new.get_id());
        }
        let info = sessions.session_info(&id).await.unwrap().unwrap();
        assert_eq!(info.restarts, 1, "no attempt failed");
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!(
        (counts.active, counts.parked, counts.specs),
        (total, 0, total)
    );
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (total, 0));
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn sessions_whose_childrens_names_are_still_held_all_come_back_on_one_thread() {
    all_come_back(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_whose_childrens_names_are_still_held_all_come_back_on_several_threads() {
    all_come_back(200).await;
}
