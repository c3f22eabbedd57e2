//! Handles as values: what they show of themselves.
//!
//! Absent on purpose: what they answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::{ChildSpec, Options, TreeSpec};

use super::scenery::{member_of, noting};
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

/// The log of a start context or of an error with a handle in it shows no more than whose it is, and
/// nothing of the user's.
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
    let a = member_of(&sessions, "s", "a");
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
