//! One node plans at a time, and only its plan is written.

use session_supervisor_cluster::etcd::{Election, EtcdError, Outcome, PlanWrite};

use crate::node::{shards, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_candidates_one_is_elected_and_writes_the_plan() {
    let Some(world) = world("/planner/one").await else {
        return;
    };
    let mut nodes = Vec::new();
    for index in 0..8 {
        nodes.push(world.node(&format!("n{index}"), 60).await);
    }
    let tries = nodes.iter().map(|(_, keys)| {
        let keys = keys.clone();
        tokio::spawn(async move { keys.campaign().await })
    });
    let tries: Vec<_> = tries.collect();
    let mut elected = Vec::new();
    let mut others = Vec::new();
    for (index, task) in tries.into_iter().enumerate() {
        match task.await.expect("no panic").expect("an answer") {
            Election::Elected(term) => elected.push((index, term)),
            Election::Other(planner) => others.push(planner.expect("a readable planner")),
        }
    }
    let [(index, term)] = elected.as_slice() else {
        panic!("{elected:?}")
    };
    let (lease, planner) = nodes.swap_remove(*index);
    assert!(
        others
            .iter()
            .all(|other| other.run == *planner.run() && other.term == *term)
    );
    assert_eq!(
        planner.campaign().await.expect("an answer"),
        Election::Elected(*term)
    );

    let written = planner
        .write_plan(*term, "plan 1")
        .await
        .expect("an answer");
    let PlanWrite::Written { revision } = written else {
        panic!("{written:?}")
    };
    assert!(revision > term.number());
    let snapshot = world.etcd.snapshot(shards()).await.expect("an answer");
    assert_eq!(snapshot.plan.as_deref(), Some("plan 1"));
    assert_eq!(snapshot.planner.map(|planner| planner.term), Some(*term));

    // Its lease ends, another is elected, and what the first one still writes is refused.
    lease.revoke().await.expect("an answer");
    let (_next_lease, next) = &nodes[0];
    let Election::Elected(next_term) = next.campaign().await.expect("an answer") else {
        panic!("there is no planner");
    };
    assert!(next_term > *term);
    let late = planner.write_plan(*term, "late").await.expect("an answer");
    assert_eq!(late, PlanWrite::NotPlanner);
    planner.resign(*term).await.expect("an answer");
    let written = next
        .write_plan(next_term, "plan 2")
        .await
        .expect("an answer");
    assert!(matches!(written, PlanWrite::Written { .. }));
    next.resign(next_term).await.expect("an answer");
    let late = next.write_plan(next_term, "late").await.expect("an answer");
    assert_eq!(late, PlanWrite::NotPlanner);
    let snapshot = world.etcd.snapshot(shards()).await.expect("an answer");
    assert_eq!(
        (snapshot.plan.as_deref(), snapshot.planner),
        (Some("plan 2"), None)
    );
}

#[tokio::test]
async fn a_plan_that_is_too_large_is_refused() {
    let Some(world) = world("/planner/large").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    let Election::Elected(term) = keys.campaign().await.expect("an answer") else {
        panic!("there is no planner");
    };
    let large = "x".repeat(4 << 20);
    let error = keys.write_plan(term, &large).await.expect_err("a refusal");
    assert!(
        matches!(
            error,
            EtcdError::Refused { .. } | EtcdError::Unavailable { .. }
        ),
        "{error:?}"
    );
    let just_over = "x".repeat(1_600_000);
    let error = keys
        .write_plan(term, &just_over)
        .await
        .expect_err("a refusal");
    assert_eq!(error.outcome(), Outcome::NotDone, "{error:?}");
    assert_eq!(
        world.etcd.snapshot(shards()).await.expect("an answer").plan,
        None
    );
}

#[tokio::test]
async fn a_planner_that_cannot_be_read_is_another_one() {
    let Some(mut world) = world("/planner/garbage").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    world
        .raw
        .put(world.key("planner"), "?", None)
        .await
        .expect("a write");
    assert_eq!(
        keys.campaign().await.expect("an answer"),
        Election::Other(None)
    );
}
