//! `tree()` (D35): an application from its root down, as a value and as text, within its bounds.

mod hostile;
mod races;

use std::time::Duration;

use ractor::ActorProcessingErr;
use session_supervisor::{
    Application, ChildSpec, Options, SessionState, SessionSupervisor, Supervisor, Tree, TreeKind,
    TreePlace, TreeSpec, TreeState, Unseen,
};

use crate::support::{Order, Probe, back, end, supervisor};

/// All that a tree shows, from the top down.
fn all(tree: &Tree) -> Vec<&Tree> {
    let mut found = vec![tree];
    let mut at = 0;
    while let Some(tree) = found.get(at) {
        found.extend(&tree.children);
        at += 1;
    }
    found
}

fn child<'a>(tree: &'a Tree, name: &str) -> &'a Tree {
    let found = tree.children.iter().find(|child| *child.name == *name);
    found.unwrap_or_else(|| panic!("no {name} in {tree}"))
}

#[tokio::test(start_paused = true)]
async fn an_application_is_shown_from_its_root_down() {
    let probe = Probe::default();
    let options = Options::new()
        .name("survey of chats")
        .session_restart_limit(0, Duration::from_secs(5))
        .without_park_trial();
    let worker = probe.spec();
    let chat = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("recorder", worker.clone())
            .child_on_demand("agent", worker.clone())
    });
    let application = Application::new(options)
        .name("survey")
        .child("listener", probe.spec().label("port 80"))
        .session("alice", chat.label("Alice and Bob"))
        .session("bob", probe.spec())
        .session("eve", probe.spec())
        .start()
        .await
        .unwrap();
    let sessions = application.sessions().unwrap();
    let eve = sessions.find_session_as::<Order>("eve").unwrap();
    end(&eve, Order::Crash).await;
    sessions.restart_session("bob").await.unwrap();

    let tree = application.tree().await.unwrap();
    assert_eq!(
        tree.to_string(),
        "\
survey: supervisor, running, 2 children (2 running)
├── sessions: session supervisor \"survey of chats\", running, 3 sessions (2 running, 1 parked)
│   ├── alice \"Alice and Bob\": supervisor, running, 2 children (1 running)
│   │   ├── recorder: running
│   │   └── agent: not running
│   ├── bob: running, incarnation 2; last exit: shutdown
│   └── eve: parked; last exit: failed: told to crash
└── listener \"port 80\": running"
    );
    assert_eq!(
        (tree.place, tree.kind),
        (TreePlace::Top, TreeKind::Supervisor)
    );
    let chats = child(&tree, Application::SESSIONS);
    assert_eq!(
        (chats.place, chats.kind),
        (TreePlace::Child, TreeKind::SessionSupervisor)
    );
    assert_eq!(chats.supervisor.as_deref(), Some("survey of chats"));
    assert_eq!(chats.counts, Some(sessions.count_sessions().await.unwrap()));
    let alice = child(chats, "alice");
    assert_eq!(
        (alice.place, alice.kind),
        (TreePlace::Session, TreeKind::Supervisor)
    );
    assert_eq!(child(alice, "agent").state, TreeState::NotRunning);
    assert_eq!(child(chats, "eve").state, TreeState::Parked);
    assert!(
        all(&tree)
            .iter()
            .all(|tree| tree.more == 0 && tree.unseen.is_none())
    );

    // A part of it, from the supervisors themselves.
    let part = sessions.tree().await.unwrap();
    assert_eq!(
        (&*part.name, part.place),
        ("survey of chats", TreePlace::Top)
    );
    assert_eq!(all(&part).len(), 6);
    let session = sessions.find_session("alice").unwrap();
    let part = Supervisor::try_from(session).unwrap().tree().await.unwrap();
    assert_eq!(part.children.len(), 2);
    application.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wide_level_shows_the_first_ones_and_counts_the_others() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    for n in 0..Tree::WIDEST + 51 {
        let id = format!("session {n}");
        sessions.start_session(&id, probe.spec()).await.unwrap();
        let tree = sessions.tree().await.unwrap();
        let shown = tree.children.len();
        assert_eq!(shown, (n + 1).min(Tree::WIDEST));
        assert_eq!(tree.more, n + 1 - shown);
    }
    let tree = sessions.tree().await.unwrap();
    let text = tree.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    assert!(
        first.ends_with(": session supervisor, running, 151 sessions (151 running)"),
        "{first}"
    );
    assert_eq!(lines.next(), Some("├── session 0: running"));
    assert_eq!(lines.next_back(), Some("└── … and 51 more"));
    assert_eq!(lines.next_back(), Some("├── session 99: running"));
    assert!(
        tree.to_dot()
            .contains("[label=\"… and 51 more\", shape=plaintext];")
    );

    let mut spec = TreeSpec::one_for_one();
    for n in 0..Tree::WIDEST + 3 {
        spec = spec.child_on_demand(format!("role {n}"), probe.spec());
    }
    let session = ChildSpec::tree(move |_| spec.clone());
    let session = sessions.start_session("tree", session).await.unwrap();
    let tree = session.tree().await.unwrap();
    assert_eq!((tree.children.len(), tree.more), (Tree::WIDEST, 3));
    assert_eq!(tree.counts.unwrap().specs, Tree::WIDEST + 3);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_large_tree_is_shown_as_far_as_its_bound_goes() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let mut spec = TreeSpec::one_for_one();
    for n in 0..Tree::WIDEST {
        spec = spec.child_on_demand(format!("role {n}"), probe.spec());
    }
    let session = ChildSpec::tree(move |_| spec.clone());
    for n in 0..Tree::WIDEST {
        let id = format!("session {n}");
        sessions.start_session(&id, session.clone()).await.unwrap();
    }
    let tree = sessions.tree().await.unwrap();
    assert_eq!(all(&tree).len(), 1 + Tree::MOST);
    for session in &tree.children {
        let known = session.children.len() + session.more;
        assert!(known == Tree::WIDEST, "{}: {known}", session.name);
    }
    let last = tree.children.last().unwrap();
    assert_eq!((last.children.len(), last.more), (0, Tree::WIDEST));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deep_tree_is_shown_as_far_as_its_bound_goes() {
    let mut spec = TreeSpec::one_for_one();
    for _ in 0..Tree::DEEPEST + 3 {
        spec = TreeSpec::one_for_one().child("below", Supervisor::child_spec(spec));
    }
    let top = Supervisor::start(spec.unique_name()).await.unwrap();
    let tree = top.tree().await.unwrap();
    let shown = all(&tree);
    assert_eq!(shown.len(), 1 + Tree::DEEPEST);
    let (last, others) = shown.split_last().unwrap();
    assert_eq!(last.unseen, Some(Unseen::LeftOut));
    assert!(others.iter().all(|tree| tree.unseen.is_none()));
    assert!(
        tree.to_string()
            .ends_with("supervisor, running; it was not asked what is below it")
    );
    top.stop().await.unwrap();
}

/// The parts of a DOT file between quotes; the quotes are escaped by backslashes.
fn quoted(graph: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = graph.chars();
    while rest.find(|c| *c == '"').is_some() {
        let mut text = String::new();
        loop {
            match rest.next().expect("a quote that ends") {
                '"' => break,
                '\\' => text.extend(['\\', rest.next().expect("a character")]),
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

#[tokio::test(start_paused = true)]
async fn whatever_users_call_things_is_escaped_in_a_graph() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let odd = "\"]; n0 -> n9 \\\" \\N </script> &amp; ä";
    let spec = probe.spec().label("\\\"label\\");
    sessions.start_session(odd, spec).await.unwrap();
    let fails = Order::run(|_| async {
        let error: ActorProcessingErr = "line 1\nline 2 \"\u{1b}[31m\"".into();
        Err(error)
    });
    let session = sessions.find_session_as::<Order>(odd).unwrap();
    end(&session, fails).await;
    back(&sessions, odd).await;
    let graph = sessions.tree().await.unwrap().to_dot();
    assert_eq!(graph.lines().count(), 6, "{graph}");
    let labels = quoted(&graph);
    assert_eq!(labels.len(), 2, "{graph}");
    assert!(
        labels[1].starts_with("\\\"]; n0 -> n9 \\\\\\\" \\\\N </script> &amp;amp; ä"),
        "{}",
        labels[1]
    );
    assert!(labels[1].contains("line 1\\\\nline 2"), "{}", labels[1]);
    assert!(!graph.contains('\u{1b}'), "{graph}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tree_of_a_supervisor_that_is_down_is_an_error() {
    let sessions = supervisor(Options::new()).await;
    let call = sessions.tree();
    sessions.stop().await.unwrap();
    assert!(call.await.is_err());
    assert!(sessions.tree().await.is_err());
}

/// The answer while it stops, which a session delays.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_stops_is_shown_as_such() {
    let probe = Probe::default();
    let gate = crate::support::Gate::closed();
    let sessions: SessionSupervisor = supervisor(Options::new()).await;
    let slow = probe.script().post_stop(gate.holds()).spec();
    sessions.start_session("slow", slow).await.unwrap();
    let stop = crate::support::asked(sessions.stop()).await;
    let tree = sessions.tree().await.unwrap();
    assert_eq!(tree.state, TreeState::Stopping);
    assert_eq!(child(&tree, "slow").state, SessionState::Stopping.into());
    gate.open();
    stop.await.unwrap().unwrap();
}
