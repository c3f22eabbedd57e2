//! The root of a supervisor is never handed out as an actor of the user's, whatever messages that
//! takes.

use ractor::ActorRef;
use session_supervisor::error::{
    EnsureError, FindChildError, FindError, StartChildError, StartError,
};
use session_supervisor::{ChildSpec, Ensured, Options, SessionSupervisor, Supervisor, TreeSpec};

use super::scenery::{noted, start};
use crate::support::{Probe, supervisor};

/// An actor whose messages say nothing: the simplest that a user can write.
#[derive(Debug)]
struct Unit;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Unit {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        _arguments: (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        Ok(())
    }
}

fn unit() -> ChildSpec<Unit> {
    ChildSpec::new(|_| (Unit, ()))
}

/// The kinds of supervisors that can be sessions.
fn trees() -> [(&'static str, ChildSpec); 2] {
    let tree = || TreeSpec::one_for_one().child("unit", unit());
    [
        ("tree", ChildSpec::tree(move |_| tree()).erase()),
        ("nested", Supervisor::child_spec(tree()).erase()),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_session_that_is_a_supervisor_is_taken_for_an_actor_of_the_users() {
    let sessions = supervisor(Options::new()).await;
    for (id, spec) in trees() {
        let cell = sessions.start_session(id, spec).await.unwrap();
        match sessions.ensure_session(id, unit()).await {
            Err(EnsureError::WrongMessageType { cell: other, .. }) => {
                assert_eq!(other.get_id(), cell.get_id());
            }
            other => panic!("{id}: {other:?}"),
        }
        let error = sessions.start_session(id, unit()).await.unwrap_err();
        assert!(
            matches!(error, StartError::AlreadyStarted { .. }),
            "{error}"
        );
        assert!(error.already_started::<()>().is_none(), "{id}");
        let found = sessions.find_session_as::<()>(id);
        assert_eq!(found.unwrap_err(), FindError::WrongMessageType, "{id}");
        assert_eq!(sessions.find_session(id).unwrap().get_id(), cell.get_id());
    }
    // An actor that does take such messages is found by them.
    let session = sessions.start_session("unit", unit()).await.unwrap();
    let found = sessions.find_session_as::<()>("unit").unwrap();
    assert_eq!(found.get_id(), session.get_id());
    match sessions.ensure_session("unit", unit()).await {
        Ok(Ensured::Existing(found)) => assert_eq!(found.get_id(), session.get_id()),
        other => panic!("{other:?}"),
    }
    let error = sessions.start_session("unit", unit()).await.unwrap_err();
    assert!(error.already_started::<()>().is_some());
    let unit = sessions.find_child_as::<()>("tree", "unit");
    assert!(unit.is_ok(), "{unit:?}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_child_that_is_a_supervisor_is_taken_for_an_actor_of_the_users() {
    let probe = Probe::default();
    let tree = start(TreeSpec::one_for_one().child("plain", noted(&probe))).await;
    let rooms = SessionSupervisor::child_spec(Options::new().unique_name());
    for (role, spec) in trees().into_iter().chain([("rooms", rooms.erase())]) {
        tree.start_child(role, spec).await.unwrap();
        let found = tree.find_child_as::<()>(role);
        // A supervisor with a name of its own is found by that alone.
        let wrong = match role {
            "rooms" => FindChildError::NotFound,
            _ => FindChildError::WrongMessageType,
        };
        assert_eq!(found.unwrap_err(), wrong, "{role}");
        let error = tree.start_child(role, unit()).await.unwrap_err();
        assert!(matches!(error, StartChildError::AlreadyStarted { .. }));
    }
    tree.start_child("unit", unit()).await.unwrap();
    assert!(tree.find_child_as::<()>("unit").is_ok());
    let sessions = supervisor(Options::new()).await;
    let spec = ChildSpec::tree(|_| {
        let inner = TreeSpec::one_for_one().child("unit", unit());
        TreeSpec::one_for_one().child("inner", Supervisor::child_spec(inner))
    });
    sessions.start_session("a", spec).await.unwrap();
    let found = sessions.find_child_as::<()>("a", "inner");
    assert_eq!(found.unwrap_err(), FindChildError::WrongMessageType);
    tree.stop().await.unwrap();
    sessions.stop().await.unwrap();
}
