//! What is remembered has its claims, whether it runs or not.

use session_supervisor::error::StartError as Plain;
use session_supervisor_store::error::StartError;
use session_supervisor_store::{Kept, MemoryStore, Record, Standing};

use super::support::{chat, ids, open, topic, until, wrote};

/// A record that claims the topic of tea.
fn claims_tea(id: &str, kind: &str, revision: u64) -> Record {
    let mut record = Record::new(id, kind, r#"{"topic":"tea"}"#, revision, revision);
    record.claims = vec![("topic".to_owned(), "tea".to_owned())];
    record
}

#[tokio::test]
async fn what_is_set_aside_keeps_its_claims_until_somebody_decides() {
    let mut store = MemoryStore::new();
    wrote(&mut store, claims_tea("a", "no such kind", 1));
    let durable = open(store.clone()).await;
    durable.restored().await.expect("it is done");
    for _ in 0..2 {
        let start = durable.start_session("b", "chat", &topic("tea")).await;
        let Err(StartError::Claimed(claimed)) = start else {
            panic!("{start:?}");
        };
        assert_eq!(
            claimed.to_string(),
            r#"the claim topic "tea" is held by session a, which is remembered: it is set aside: no kind "no such kind" is registered"#
        );
    }
    let ensure = durable.ensure_session("b", "chat", &topic("tea")).await;
    assert!(matches!(ensure, Err(StartError::Claimed(_))), "{ensure:?}");
    assert_eq!(ids(&store), ["a"]);
    durable.discard("a").await.expect("it is removed");
    let start = durable.start_session("b", "chat", &topic("tea")).await;
    start.expect("the claim is free");
    durable.stop().await.expect("it is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_the_claims_of_what_is_to_be_restored() {
    let mut store = MemoryStore::new();
    // The turn of the first one comes last.
    wrote(&mut store, claims_tea("first", "chat", 1));
    for at in 2..=500 {
        let record = Record::new(format!("s{at}"), "chat", r#"{"topic":""}"#, at, at);
        wrote(&mut store, record);
    }
    let durable = open(store).await;
    let start = durable.start_session("thief", "chat", &topic("tea")).await;
    assert!(
        matches!(
            start,
            Err(StartError::Claimed(_) | StartError::Session(Plain::ClaimTaken { .. }))
        ),
        "{start:?}"
    );
    let report = durable.restored().await.expect("it is done");
    assert_eq!(
        (report.restored, report.failed.len()),
        (500, 0),
        "{report:?}"
    );
    let holder = durable.sessions().find_by_claim("topic", "tea");
    assert_eq!(holder.expect("it runs"), "first");
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn the_claims_of_a_session_are_free_when_it_is_forgotten() {
    let durable = open(MemoryStore::new()).await;
    let tea = topic("tea");
    durable.start_session("a", "mortal", &tea).await.unwrap();
    let session = chat(&durable, "a");
    until(&durable, "a", "gone", || {
        session.cast(super::support::Msg::Crash).unwrap();
    })
    .await;
    durable.flush().await.unwrap();
    assert!(matches!(
        durable.remembered("a"),
        Some(Standing::Kept(Kept::Crashed(_)))
    ));
    let taken = durable.start_session("b", "chat", &tea).await;
    assert!(matches!(taken, Err(StartError::Claimed(_))), "{taken:?}");
    // Its own are no hindrance to it.
    durable.resume_session("a").await.expect("it starts");
    let taken = durable.start_session("b", "chat", &tea).await;
    assert!(
        matches!(taken, Err(StartError::Session(Plain::ClaimTaken { .. }))),
        "{taken:?}"
    );
    for round in 0..3 {
        let id = if round == 0 { "a" } else { "b" };
        durable.stop_session(id).await.expect("it is stopped");
        durable
            .start_session("b", "chat", &tea)
            .await
            .expect("it starts");
    }
    durable.stop().await.unwrap();
}
