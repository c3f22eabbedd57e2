//! Wherever the stream of events is cut: the list as of there, and what comes after it, make the same.

use std::sync::Arc;

use session_supervisor::{ChildSpec, Event, Options, Snapshot, TreeSpec};

use super::{listed, shown, so_far};
use crate::support::{Order, Probe, back, end, supervisor};

#[tokio::test(start_paused = true)]
async fn each_cut_of_the_stream_with_its_list_leads_to_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let mut list = feed.take_snapshot().unwrap();
    let mut cuts: Vec<Snapshot> = vec![list.clone()];
    let mut events: Vec<Arc<Event>> = Vec::new();
    for n in 0..12 {
        let id = format!("s{}", n % 4);
        match n % 6 {
            0..3 => drop(sessions.start_session(&id, probe.spec()).await),
            3 => end(&back(&sessions, "s1").await, Order::Crash).await,
            4 => drop(sessions.stop_session(&id).await),
            _ => {
                let child = probe.spec();
                let tree =
                    ChildSpec::tree(move |_| TreeSpec::one_for_one().child("part", child.clone()));
                drop(sessions.start_session(&format!("tree {n}"), tree).await);
            }
        }
        for event in so_far(&mut feed) {
            let before = list.sessions.clone();
            list.apply(&event);
            if event.role.is_some() {
                assert_eq!(list.sessions, before, "a child is in no list");
            }
            cuts.push(list.clone());
            events.push(event);
        }
        // A subscription that begins here has the list that the events have made.
        let begun = sessions.subscribe().await.unwrap();
        let snapshot = begun.snapshot().unwrap();
        if snapshot.revision == list.revision {
            assert_eq!(*snapshot, list);
        }
    }
    assert!(events.iter().any(|event| event.role.is_some()));
    // Whatever happened up to the cut is in it already, and changes nothing.
    for cut in cuts {
        let at = cut.revision;
        let mut again = cut;
        for event in &events {
            again.apply(event);
            assert!(again.revision >= at);
        }
        assert_eq!(again, list, "cut at revision {at}");
    }
    sessions.await_session::<Order>("s1").await.unwrap();
    for event in so_far(&mut feed) {
        list.apply(&event);
    }
    assert_eq!(shown(&list), listed(&sessions).await);
    sessions.stop().await.unwrap();
}
