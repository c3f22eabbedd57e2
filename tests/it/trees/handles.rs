//! Handles as values: what they show of themselves, and how one is had from a name, a cell or a
//! start.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::error::{EnsureError, FindChildError, StartSupervisorError};
use session_supervisor::{
    ChildSpec, Ensured, Options, SessionSupervisor, Supervisor, TreeSpec, names,
};

use super::scenery::{child_of, noted, noting, session, start, three};
use crate::support::{Order, Probe, died, supervisor};

/// An error that counts how often it is shown.
struct Shy(Arc<AtomicUsize>);

impl fmt::Debug for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, Ordering::SeqCst);
        f.write_str("Shy")
    }
}

impl fmt::Display for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Shy {}

/// The log of a start context or of an error with a handle in it shows no more than whose it is,
/// and nothing of the user's.
#[tokio::test(start_paused = true)]
async fn a_handle_shows_its_name_and_none_of_what_is_behind_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let shown = Arc::new(AtomicUsize::new(0));
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |context| {
        let told = inner.clone();
        let script = noting(&inner).launch(move |start| {
            told.note(format!("{start:?}"));
            async { Ok(true) }
        });
        assert!(format!("{context:?}").len() < 1_000);
        TreeSpec::one_for_one().child("a", script.spec())
    });
    let mut trees = Vec::new();
    for id in ["s", "t", "u"] {
        trees.push(sessions.start_session(id, spec.clone()).await.unwrap());
    }
    let a = child_of(&sessions, "s", "a");
    let shy = Shy(Arc::clone(&shown));
    let crash = Order::run(move |_| async move { Err(Box::new(shy).into()) });
    a.cast(crash).unwrap();
    died(&a.get_cell()).await;
    assert_eq!(trees[0].count_children().await.unwrap().specs, 1);
    let before = shown.load(Ordering::SeqCst);
    for tree in &trees {
        let text = format!("{tree:?}");
        assert!(text.contains(tree.name()) && text.len() < 300, "{text}");
    }
    let text = format!("{sessions:?}");
    assert!(text.contains(sessions.name()) && text.len() < 300, "{text}");
    assert_eq!(shown.load(Ordering::SeqCst), before);
    assert!(probe.notes().iter().all(|note| note.len() < 1_500));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_and_a_cell_lead_to_the_handle_of_their_kind_alone() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let tree = start(three(TreeSpec::one_for_one(), &probe)).await;
    let found = Supervisor::where_is(tree.name()).unwrap();
    assert_eq!(found.get_cell().get_id(), tree.get_cell().get_id());
    assert!(Supervisor::where_is(sessions.name()).is_none());
    assert!(SessionSupervisor::where_is(tree.name()).is_none());
    assert!(Supervisor::where_is(&names::child(tree.name(), "a")).is_none());
    assert!(Supervisor::try_from(sessions.get_cell()).is_err());
    assert!(SessionSupervisor::try_from(tree.get_cell()).is_err());
    let wrong = tree.find_child_as::<u64>("a");
    assert_eq!(wrong.unwrap_err(), FindChildError::WrongMessageType);
    let unknown = tree.find_child_as::<Order>("x");
    assert_eq!(unknown.unwrap_err(), FindChildError::NotFound);
    match Supervisor::start(TreeSpec::one_for_one().name(tree.name())).await {
        Err(StartSupervisorError::NameTaken { name, cell }) => {
            assert_eq!(name, tree.name());
            assert_eq!(cell.unwrap().get_id(), tree.get_cell().get_id());
        }
        other => panic!("{other:?}"),
    }
    tree.stop().await.unwrap();
    sessions.stop().await.unwrap();
    assert!(Supervisor::where_is(tree.name()).is_none());
    assert!(
        Supervisor::try_from(tree.get_cell()).is_err(),
        "it has ended"
    );
    assert!(tree.find_child("a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_tree_and_a_plain_session_are_not_taken_for_each_other() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let spec = session(&probe, TreeSpec::one_for_one);
    let tree = sessions.start_session("tree", spec.clone()).await.unwrap();
    sessions
        .start_session("plain", noted(&probe))
        .await
        .unwrap();
    match sessions.ensure_session("tree", spec.clone()).await {
        Ok(Ensured::Existing(same)) => {
            assert_eq!(same.get_cell().get_id(), tree.get_cell().get_id());
            assert_eq!(same.count_children().await.unwrap().active, 3);
        }
        other => panic!("{other:?}"),
    }
    let wrong = sessions.ensure_session("plain", spec.clone()).await;
    assert!(matches!(wrong, Err(EnsureError::WrongMessageType { .. })));
    let wrong = sessions.ensure_session("tree", noted(&probe)).await;
    assert!(matches!(wrong, Err(EnsureError::WrongMessageType { .. })));
    // Without its type it is a cell, which leads to the handle.
    let cell = sessions.start_session("erased", spec.erase()).await;
    let tree = Supervisor::try_from(cell.unwrap()).unwrap();
    assert_eq!(tree.count_children().await.unwrap().active, 3);
    let inner = Supervisor::child_spec(three(TreeSpec::one_for_one(), &probe));
    let inner = tree.start_child("inner", inner).await.unwrap();
    assert_eq!(inner.count_children().await.unwrap().active, 3);
    let rooms = SessionSupervisor::child_spec(Options::new().unique_name());
    let rooms = tree.start_child("rooms", rooms).await.unwrap();
    assert_eq!(rooms.list_sessions().await.unwrap().len(), 0);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.workers, counts.supervisors), (3, 2));
    // tree and its three, plain, erased and its five, and the three of one of these.
    let report = sessions.stop().await.unwrap();
    assert_eq!(report.stopped, 4 + 1 + 6 + 3, "{report:?}");
}
