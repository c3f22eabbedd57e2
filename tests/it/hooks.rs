//! What another crate needs to know every start and every end (D38).

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Options, SessionSupervisor, TreeSpec};

struct Fails;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Fails {
    async fn handle(&self, _: ActorRef<()>, (): (), (): &mut ()) -> Result<(), ActorProcessingErr> {
        Err("told to".into())
    }
}

async fn sessions() -> SessionSupervisor {
    let started = SessionSupervisor::start(Options::new().unique_name()).await;
    started.expect("it starts")
}

#[tokio::test(start_paused = true)]
async fn each_launch_passes_what_is_added_before_its_start() {
    let (sessions, passed) = (sessions().await, Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&passed);
    let spec = ChildSpec::new(|_| (Fails, ())).before_start(move |start| {
        let (count, id) = (Arc::clone(&count), start.key().to_owned());
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if id == "refused" {
                Err("not this one".into())
            } else {
                Ok(())
            }
        }
    });
    let mut feed = sessions.subscribe().await.unwrap();
    sessions
        .start_session("a", spec.clone())
        .await
        .unwrap()
        .cast(())
        .unwrap();
    let mut started = 0;
    while started < 2 {
        started += u32::from(feed.next().await.unwrap().unwrap().kind.name() == "started");
    }
    assert_eq!(passed.load(Ordering::Relaxed), 2);
    match sessions.start_session("refused", spec).await {
        Err(StartError::Failed { cause, .. }) => assert_eq!(cause.to_string(), "not this one"),
        other => panic!("{other:?}"),
    }
    assert!(sessions.session_info("refused").await.unwrap().is_none());
    // A tree is still a tree.
    let tree = ChildSpec::tree(|_| {
        TreeSpec::one_for_one().child("agent", ChildSpec::new(|_| (Fails, ())))
    });
    let tree = tree.before_start(|_| async { Ok(()) });
    sessions
        .start_session("tree", tree)
        .await
        .expect("it starts");
    assert!(sessions.find_child("tree", "agent").is_some());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_events_of_a_session_carry_the_tag_of_its_spec() {
    let sessions = sessions().await;
    let mut feed = sessions.subscribe().await.unwrap();
    let spec = || ChildSpec::new(|_| (Fails, ())).label("l").claim("k", "v");
    assert_eq!(spec().get_label(), Some("l"));
    assert_eq!(spec().get_claims()[0].value(), "v");
    for tag in 1..=2 {
        let spec = spec().tag(NonZeroU64::new(tag).unwrap());
        sessions.start_session("a", spec).await.unwrap();
        sessions.stop_session("a").await.unwrap();
    }
    sessions.start_session("a", spec()).await.unwrap();
    sessions.stop().await.unwrap();
    let (mut tags, mut gone) = (Vec::new(), Vec::new());
    while let Some(event) = feed.next().await {
        let event = event.unwrap();
        if event.id.is_some() {
            tags.push(event.tag.map(NonZeroU64::get));
            if event.kind.name() == "gone" {
                gone.push(event.tag.map(NonZeroU64::get));
            }
        }
    }
    // Each is gone once, and none of its events comes after that.
    assert_eq!(gone, [Some(1), Some(2), None]);
    tags.dedup();
    assert_eq!(tags, [Some(1), Some(2), None]);
}

#[tokio::test(start_paused = true)]
async fn one_who_keeps_all_is_told_all_however_late_it_reads() {
    const STARTS: u64 = 53_000;
    let sessions = sessions().await;
    let mut feed = sessions.subscribe().await.unwrap();
    feed.keep_all();
    let spec = ChildSpec::new(|_| (Fails, ()));
    for _ in 0..STARTS / 1_000 {
        for at in 0..1_000 {
            sessions
                .start_session(&format!("s{at}"), spec.clone())
                .await
                .unwrap();
            sessions.stop_session(&format!("s{at}")).await.unwrap();
        }
    }
    sessions.stop().await.unwrap();
    assert!(
        STARTS * 5 > 16 * SessionSupervisor::EVENTS_KEPT as u64,
        "more than a pin keeps"
    );
    let (mut gone, mut before) = (0, feed.revision());
    while let Some(event) = feed.next().await {
        let event = event.expect("nothing is lost");
        assert_eq!(event.revision, before + 1);
        before = event.revision;
        gone += u64::from(event.kind.name() == "gone");
    }
    assert_eq!(gone, STARTS);
}
