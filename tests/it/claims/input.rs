//! What a claim may be, where one may be made, and where it is told.

use session_supervisor::error::{ErrorKind, StartChildError, StartError, StartSupervisorError};
use session_supervisor::{Claim, Options, SessionSupervisor, Supervisor, TreeSpec};

use super::{agent, free, refused};
use crate::support::{Probe, supervisor};

/// "The kind has 1 to 512 bytes, the value 1 to 4,096, without control characters."
#[tokio::test(start_paused = true)]
async fn a_bad_claim_is_the_error_of_the_start() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let long = "x".repeat(4_097);
    let (kind, value) = (&long[..512], &long[..4_096]);
    for (bad_kind, bad_value, field) in [
        ("", "v", "claim.kind"),
        ("a\nb", "v", "claim.kind"),
        (&long[..513], "v", "claim.kind"),
        ("k", "", "claim.value"),
        ("k", "a\0b", "claim.value"),
        ("k", &long, "claim.value"),
        // The first bad one is told.
        ("", "", "claim.kind"),
    ] {
        let spec = probe.spec().claim(bad_kind, bad_value).claim("k", "");
        let error = sessions.start_session("a", spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let StartError::InvalidSpec(fault) = error else {
            panic!("{error:?}");
        };
        assert_eq!(fault.field, field);
        assert!(fault.rule.contains("control characters"), "{fault}");
        // No such claim is found, or panics.
        assert_eq!(sessions.find_by_claim(bad_kind, bad_value), None);
    }
    assert_eq!(probe.starts(), 0);
    let spec = probe.spec().claim(kind, value);
    sessions.start_session("a", spec).await.unwrap();
    assert_eq!(sessions.find_by_claim(kind, value).unwrap(), "a");
    sessions.stop().await.unwrap();
}

/// "Several may be set, 16 at most. A claim that is set twice is one claim."
#[tokio::test(start_paused = true)]
async fn a_spec_has_sixteen_claims_at_most_and_each_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut spec = probe.spec();
    for n in 0..16 {
        spec = spec.claim("n", n.to_string()).claim("n", "0");
    }
    sessions.start_session("a", spec.clone()).await.unwrap();
    let info = sessions.session_info("a").await.unwrap().unwrap();
    let values: Vec<_> = info.claims.iter().map(Claim::value).collect();
    assert_eq!(values.len(), 16);
    assert_eq!(values[..2], ["0", "1"]);
    sessions.stop_session("a").await.unwrap();
    assert_eq!(sessions.find_by_claim("n", "0"), None);
    let error = sessions.start_session("a", spec.claim("n", "16")).await;
    let Err(StartError::InvalidSpec(fault)) = error else {
        panic!("{error:?}");
    };
    assert_eq!((fault.field, &*fault.value), ("claim", "n \"16\""));
    sessions.stop().await.unwrap();
}

/// A spec serves any number of sessions, but only one of them can have its claims. A further claim
/// of a clone is the clone's own.
#[tokio::test(start_paused = true)]
async fn the_claims_of_a_clone_are_its_own() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let plain = probe.spec();
    let one = plain.clone().claim("project", "1").label("one");
    let two = one.clone().claim("project", "2");
    sessions.start_session("a", one).await.unwrap();
    sessions.start_session("b", plain).await.unwrap();
    free(&sessions, "2").await;
    let taken = sessions.start_session("c", two.clone()).await;
    assert!(
        matches!(taken, Err(StartError::ClaimTaken { .. })),
        "{taken:?}"
    );
    sessions.stop_session("a").await.unwrap();
    sessions.start_session("c", two.erase()).await.unwrap();
    assert_eq!(refused(&sessions, "1").await, "c");
    let info = sessions.session_info("c").await.unwrap().unwrap();
    assert_eq!(info.label.as_deref(), Some("one"));
    assert_eq!(info.claims.len(), 2);
    sessions.stop().await.unwrap();
}

/// "A child of a `Supervisor` cannot claim anything."
#[tokio::test(start_paused = true)]
async fn a_child_of_a_tree_cannot_claim_anything() {
    let probe = Probe::default();
    let tree = |spec| TreeSpec::one_for_one().unique_name().child("c", spec);
    let start = Supervisor::start(tree(agent(&probe, "1"))).await;
    let Err(StartSupervisorError::InvalidOptions(fault)) = start else {
        panic!("{start:?}");
    };
    assert_eq!((fault.field, &*fault.value), ("claim", "project \"1\""));
    let parent = Supervisor::start(tree(probe.spec())).await.unwrap();
    let claims = SessionSupervisor::child_spec(Options::new().unique_name()).claim("k", "v");
    let added = parent.start_child("d", claims).await;
    assert!(
        matches!(&added, Err(StartChildError::InvalidSpec(fault)) if fault.field == "claim"),
        "{added:?}"
    );
    parent.stop().await.unwrap();
}
