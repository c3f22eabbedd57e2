//! Bad input: it is an error before anything is started or asked.

use std::time::Duration;

use session_supervisor::error::{
    DeleteChildError, RestartChildError, StartChildError, StartError, StartSupervisorError,
    TerminateChildError,
};
use session_supervisor::names::NameError;
use session_supervisor::{
    Backoff, ChildSpec, Options, Restart, SessionSupervisor, Supervisor, TreeSpec, names,
};

use super::scenery::{noted, roles, start};
use crate::support::{Probe, Worker, supervisor};

const WINDOW: Duration = Duration::from_secs(5);

fn bad_roles() -> [(String, NameError); 6] {
    let long = "x".repeat(names::MAX_LENGTH + 1);
    [
        (String::new(), NameError::Empty),
        (long, NameError::TooLong { length: 513 }),
        ("a\u{7}b".to_owned(), NameError::ControlCharacter { at: 1 }),
        ("a\nb".to_owned(), NameError::ControlCharacter { at: 1 }),
        ("a/b".to_owned(), NameError::Slash { at: 1 }),
        ("session".to_owned(), NameError::Reserved),
    ]
}

/// The field that a tree's fault is about.
async fn fault(tree: TreeSpec) -> &'static str {
    match Supervisor::start(tree).await {
        Err(StartSupervisorError::InvalidOptions(fault)) => fault.field,
        other => panic!("{other:?}"),
    }
}

/// Child specs that no tree takes, and the fields at fault.
fn bad_children(probe: &Probe) -> Vec<(ChildSpec<Worker>, &'static str)> {
    let second = Duration::from_secs(1);
    vec![
        (probe.spec().restart_limit(3, WINDOW), "restart_limit"),
        (probe.spec().without_restart_limit(), "restart_limit"),
        (
            probe.spec().restart_limit(3, Duration::ZERO),
            "restart_limit.window",
        ),
        (probe.spec().significant(), "significant"),
        (
            probe.spec().restart(Restart::Permanent).significant(),
            "significant",
        ),
        (probe.spec().start_timeout(Duration::ZERO), "start_timeout"),
        (
            probe
                .spec()
                .backoff(Backoff::exponential(2 * second, second)),
            "backoff.first",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_tree_with_a_bad_value_starts_nothing() {
    let probe = Probe::default();
    let one = || {
        TreeSpec::one_for_one()
            .unique_name()
            .child("a", noted(&probe))
    };
    for (role, _) in bad_roles() {
        assert_eq!(fault(one().child(role, noted(&probe))).await, "role");
    }
    assert_eq!(fault(one().child("a", noted(&probe))).await, "role");
    for (spec, field) in bad_children(&probe) {
        assert_eq!(fault(one().child("b", spec)).await, field);
    }
    assert_eq!(
        fault(one().restart_limit(1, Duration::ZERO)).await,
        "restart_limit.window"
    );
    for name in ["", "a/b", "a\tb"] {
        assert_eq!(fault(one().name(name)).await, "name");
    }
    // The first of several, and it cannot be taken back.
    let several = one().name("a/b").child("a", noted(&probe)).name("good");
    assert_eq!(fault(several).await, "name");
    // Those of what is inside come out with it.
    let inner = Supervisor::child_spec(one().child("a", noted(&probe)));
    assert_eq!(fault(one().child("inner", inner)).await, "role");
    let inner = SessionSupervisor::child_spec(Options::new().name("a/b"));
    assert_eq!(fault(one().child("inner", inner)).await, "name");
    assert_eq!(probe.starts(), 0);
    // What is not bad: a longest role, and the limit of nothing.
    let longest = "x".repeat(names::MAX_LENGTH);
    let tree = one().child(longest, noted(&probe)).restart_limit(0, WINDOW);
    Supervisor::start(tree).await.unwrap().stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bad_role_or_spec_of_a_child_is_told_before_anything_is_asked() {
    let probe = Probe::default();
    let tree = start(TreeSpec::one_for_one()).await;
    for (role, rule) in bad_roles() {
        match tree.start_child(&role, noted(&probe)).await {
            Err(StartChildError::InvalidRole(invalid)) => {
                assert_eq!((invalid.role, invalid.rule), (role.clone(), rule));
            }
            other => panic!("{other:?}"),
        }
        // To everything else such a role is simply unknown.
        let stopped = tree.terminate_child(&role).await;
        assert_eq!(stopped, Err(TerminateChildError::NotFound));
        let restarted = tree.restart_child(&role).await;
        assert!(matches!(restarted, Err(RestartChildError::NotFound)));
        let deleted = tree.delete_child(&role).await;
        assert!(matches!(deleted, Err(DeleteChildError::NotFound)));
        assert!(tree.find_child(&role).is_none());
    }
    for (spec, field) in bad_children(&probe) {
        match tree.start_child("a", spec).await {
            Err(StartChildError::InvalidSpec(fault)) => assert_eq!(fault.field, field),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(roles(&tree).await, [""; 0]);
    assert_eq!(probe.starts(), 0);
    tree.stop().await.unwrap();
    let late = tree.start_child("a/b", noted(&probe)).await;
    assert!(
        matches!(late, Err(StartChildError::InvalidRole(_))),
        "bad input is told first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_takes_no_significance_and_its_tree_no_name() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let own_name = SessionSupervisor::child_spec(Options::new().name("own-name"));
    let Err(StartError::Failed { cause, .. }) = sessions.start_session("s", own_name).await else {
        panic!("it would not be found by its id");
    };
    assert!(cause.to_string().contains("own-name"), "{cause}");
    for kind in [Restart::Transient, Restart::Temporary] {
        let spec = probe.spec().restart(kind).significant();
        match sessions.start_session("s", spec).await {
            Err(StartError::InvalidSpec(fault)) => assert_eq!(fault.field, "significant"),
            other => panic!("{other:?}"),
        }
    }
    let tree = || TreeSpec::one_for_one().child("a", noted(&Probe::default()));
    let cases: [(TreeSpec, &str); 3] = [
        (tree().name("own-name"), "name"),
        (tree().child("session", noted(&probe)), "role"),
        (tree().child("a", noted(&probe)), "role"),
    ];
    for (spec, field) in cases {
        // A tree is described at its start, so this is how the start fails, with the fault inside.
        let spec = ChildSpec::tree(move |_| spec.clone());
        let Err(StartError::Failed { cause, .. }) = sessions.start_session("s", spec).await else {
            panic!("{field} is wrong");
        };
        match cause.downcast_ref::<StartSupervisorError>() {
            Some(StartSupervisorError::InvalidOptions(fault)) => assert_eq!(fault.field, field),
            other => panic!("{other:?}"),
        }
    }
    // A tree is no plain session: a name of its own each time is as wrong as a given one.
    let unique = ChildSpec::tree(move |_| tree().unique_name());
    let unique = sessions.start_session("s", unique).await;
    assert!(unique.is_err(), "{unique:?}");
    assert_eq!(probe.starts(), 0);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    sessions.stop().await.unwrap();
}
