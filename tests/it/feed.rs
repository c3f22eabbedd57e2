//! Following a supervisor: its sessions as of a revision, and every event exactly after it (D32).

mod cuts;
mod forwarded;
mod hostile;
mod load;
mod races;
mod trees;
mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_supervisor::error::{Lagged, SupervisorDown, TryNextError};
use session_supervisor::{
    Decision, Event, EventKind, ExitCause, Options, SessionState, SessionSupervisor, Snapshot,
    StartFailure, StopCause, Subscription,
};

use crate::support::{Order, Probe, answered, back, end, supervisor};

/// The next event.
async fn next(feed: &mut Subscription) -> Arc<Event> {
    let event = answered("the next event", feed.next()).await;
    event
        .expect("the supervisor runs")
        .expect("nothing is lost")
}

/// All that has happened so far.
fn so_far(feed: &mut Subscription) -> Vec<Arc<Event>> {
    std::iter::from_fn(|| match feed.try_next() {
        Ok(event) => Some(event),
        Err(TryNextError::Empty | TryNextError::Ended) => None,
        Err(error) => panic!("{error}"),
    })
    .collect()
}

/// The events of one session by their names.
fn names(events: &[Arc<Event>], id: &str) -> Vec<&'static str> {
    let of = events
        .iter()
        .filter(|event| event.id.as_deref() == Some(id));
    of.map(|event| event.kind.name()).collect()
}

/// What each session shows: its state and its incarnation.
type List = BTreeMap<String, (SessionState, u64)>;

/// What the supervisor's own list shows.
async fn listed(sessions: &SessionSupervisor) -> List {
    let list = sessions.list_sessions().await.expect("it runs");
    list.iter()
        .map(|info| (info.id.to_string(), (info.state, info.incarnation)))
        .collect()
}

fn shown(snapshot: &Snapshot) -> List {
    let sessions = snapshot.sessions.iter();
    sessions
        .map(|(id, session)| (id.to_string(), (session.state, session.incarnation)))
        .collect()
}

/// Whether a call has found that the supervisor is down.
fn is_down<T>(answer: &Result<T, SupervisorDown>) -> bool {
    answer.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_session_is_told_of_from_its_launch_until_it_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    assert_eq!(feed.snapshot().unwrap().sessions.len(), 0);
    let spec = probe.spec().label("Alice");
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    sessions.stop_session("a").await.unwrap();
    let events = so_far(&mut feed);
    assert_eq!(
        names(&events, "a"),
        [
            "launching",
            "started",
            "exited",
            "launching",
            "started",
            "stopping",
            "exited",
            "gone"
        ]
    );
    let states: Vec<_> = events.iter().map(|event| event.state).collect();
    assert_eq!(
        states,
        [
            Some(SessionState::Starting),
            Some(SessionState::Running),
            Some(SessionState::Restarting),
            Some(SessionState::Restarting),
            Some(SessionState::Running),
            Some(SessionState::Stopping),
            None,
            None
        ]
    );
    let incarnations: Vec<_> = events.iter().map(|event| event.incarnation).collect();
    assert_eq!(incarnations, [1, 1, 1, 2, 2, 2, 2, 2]);
    assert!(
        events
            .iter()
            .all(|event| event.label.as_deref() == Some("Alice"))
    );
    let revisions: Vec<_> = events.iter().map(|event| event.revision).collect();
    let first = revisions[0];
    assert_eq!(revisions, (first..first + 8).collect::<Vec<_>>());
    assert_eq!(feed.revision(), first + 7);
    let EventKind::Exited {
        cause: ExitCause::Failed { error },
        asked: false,
        decision:
            Decision::Restart {
                after: Duration::ZERO,
                restarts: 1,
                budget_left: Some(2),
                ..
            },
        ..
    } = &events[2].kind
    else {
        panic!("{:?}", events[2]);
    };
    assert!(error.contains("told to crash"), "{error}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_text_of_an_event_is_that_of_the_dossier() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    let events = so_far(&mut feed);
    let exited = events.iter().find(|event| event.kind.name() == "exited");
    let exited = exited.unwrap();
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    let record = &dossier.exits[0];
    assert_eq!(exited.to_string(), format!("session \"a\" {record}"));
    assert_eq!((exited.time, &exited.kind), (record.time, &record.kind));
    assert_eq!(
        record.to_string(),
        "ended abnormally: failed: told to crash; restarts at once, 1 of 3 in 5s"
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_and_the_events_after_it_are_the_list() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for n in 0..20 {
        sessions
            .start_session(&format!("s{n}"), probe.spec())
            .await
            .unwrap();
    }
    let mut feeds = Vec::new();
    for n in 0..20 {
        let mut feed = sessions.subscribe().await.unwrap();
        let snapshot = feed.take_snapshot().unwrap();
        assert_eq!(snapshot.revision, feed.revision());
        assert_eq!(shown(&snapshot), listed(&sessions).await);
        feeds.push((feed, snapshot));
        let session = sessions.find_session_as::<Order>(&format!("s{n}")).unwrap();
        match n % 4 {
            0 => drop(sessions.stop_session(&format!("s{n}")).await.unwrap()),
            1 => end(&session, Order::Crash).await,
            2 => drop(sessions.restart_session(&format!("s{n}")).await.unwrap()),
            _ => drop(
                sessions
                    .start_session(&format!("t{n}"), probe.spec())
                    .await
                    .unwrap(),
            ),
        }
    }
    let list = listed(&sessions).await;
    for (mut feed, mut snapshot) in feeds {
        for event in so_far(&mut feed) {
            snapshot.apply(&event);
            // Twice is as good as once.
            snapshot.apply(&event);
        }
        assert_eq!(shown(&snapshot), list);
        assert_eq!(snapshot.revision, feed.revision());
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_supervisor_is_the_last_event() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let mut feed = sessions.subscribe().await.unwrap();
    let mut snapshot = feed.take_snapshot().unwrap();
    let report = sessions.stop().await.unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = answered("an event", feed.next()).await {
        let event = event.unwrap();
        snapshot.apply(&event);
        kinds.push(event.kind.clone());
    }
    assert_eq!(
        kinds.first(),
        Some(&EventKind::SupervisorStopping(StopCause::Requested))
    );
    let report = Some(report);
    assert_eq!(kinds.last(), Some(&EventKind::SupervisorStopped { report }));
    assert_eq!(shown(&snapshot), List::new());
    assert!(feed.next().await.is_none(), "and there is none, for ever");
    assert_eq!(feed.try_next(), Err(TryNextError::Ended));
    assert!(is_down(&feed.resync().await));
    assert!(is_down(&sessions.subscribe().await));
    assert!(is_down(&sessions.subscribe_from(0).await));
}

#[tokio::test(start_paused = true)]
async fn the_feed_of_a_supervisor_that_is_killed_ends_too() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let mut feed = sessions.subscribe().await.unwrap();
    let mut snapshot = feed.take_snapshot().unwrap();
    sessions.get_cell().kill();
    let mut last = None;
    while let Some(event) = answered("an event", feed.next()).await {
        let event = event.unwrap();
        snapshot.apply(&event);
        last = Some(event);
    }
    let last = last.unwrap();
    assert!(
        matches!(last.kind, EventKind::SupervisorStopped { .. }),
        "{last}"
    );
    assert_eq!(shown(&snapshot), List::new());
}

/// It loses the oldest first, and knows exactly how many.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_read_loses_the_oldest_and_knows_how_many() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut slow = sessions.subscribe().await.unwrap();
    let mut quick = sessions.subscribe().await.unwrap();
    let begin = slow.revision();
    let mut last = begin;
    let most = SessionSupervisor::EVENTS_KEPT as u64;
    while last - begin < most + 500 {
        sessions.start_session("a", probe.spec()).await.unwrap();
        sessions.stop_session("a").await.unwrap();
        last = so_far(&mut quick).last().unwrap().revision;
    }
    let lost = last - begin - most;
    let lagged = slow.try_next().unwrap_err();
    let TryNextError::Lagged(Lagged { lost: told, .. }) = lagged else {
        panic!("{lagged:?}");
    };
    assert_eq!(told, lost);
    assert_eq!(slow.revision(), begin + lost);
    assert_eq!(sessions.stats().events_lost, lost);
    let rest = so_far(&mut slow);
    assert_eq!(rest[0].revision, begin + lost + 1);
    assert_eq!(rest.len() as u64, most);
    sessions.start_session("a", probe.spec()).await.unwrap();
    slow.resync().await.unwrap();
    assert_eq!(shown(slow.snapshot().unwrap()), listed(&sessions).await);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_goes_on_where_it_was_while_that_is_kept() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let kept = sessions.subscribe().await.unwrap();
    let first = sessions.subscribe().await.unwrap();
    let revision = first.revision();
    drop(first);
    sessions.start_session("a", probe.spec()).await.unwrap();
    let mut again = sessions.subscribe_from(revision).await.unwrap();
    assert!(again.snapshot().is_none());
    assert_eq!(again.revision(), revision);
    assert_eq!(names(&so_far(&mut again), "a"), ["launching", "started"]);
    // A revision that is yet to come is none that anybody can know.
    let unknown = sessions.subscribe_from(u64::MAX).await.unwrap();
    assert!(unknown.snapshot().is_some());
    // Nor is one of another supervisor, of which as much has happened.
    let other = supervisor(Options::new()).await;
    let other = other.subscribe_from(revision).await.unwrap();
    assert!(other.snapshot().is_some());
    // Nothing is kept while nobody is subscribed, so nobody goes on across that.
    let revision = again.revision();
    drop((kept, again, unknown));
    let late = sessions.subscribe_from(revision).await.unwrap();
    assert_eq!(shown(late.snapshot().unwrap()), listed(&sessions).await);
    assert!(late.revision() > revision);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refused_and_failed_starts_are_told_with_why() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let claims = || probe.spec().claim("project", "x");
    sessions.start_session("a", claims()).await.unwrap();
    sessions.start_session("b", claims()).await.unwrap_err();
    let fails = probe.script().launch(|_| async { Err("no ink".into()) });
    sessions.start_session("c", fails.spec()).await.unwrap_err();
    let hangs = probe.script().launch(|_| std::future::pending());
    let hangs = hangs.spec().start_timeout(Duration::from_secs(1));
    sessions.start_session("d", hangs).await.unwrap_err();
    sessions.wait_end("d").await.ok();
    let events = so_far(&mut feed);
    assert_eq!(names(&events, "b"), ["claim_taken"]);
    assert_eq!(names(&events, "c"), ["launching", "start_failed", "gone"]);
    let of_c = &events
        .iter()
        .find(|event| event.kind.name() == "start_failed");
    let error = "no ink".into();
    let failure = StartFailure::Failed { error };
    assert_eq!(of_c.unwrap().kind, EventKind::StartFailed { failure });
    assert_eq!(
        names(&events, "d"),
        ["launching", "start_timed_out", "launch_cancelled", "gone"]
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_session_that_is_parked_is_told() {
    let options = Options::new().session_restart_limit(0, Duration::from_secs(5));
    let sessions = supervisor(options.without_park_trial()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    sessions.restart_session("a").await.unwrap();
    let session = back(&sessions, "a").await;
    end(&session, Order::Crash).await;
    sessions.stop_session("a").await.unwrap();
    let events = so_far(&mut feed);
    assert_eq!(
        names(&events, "a"),
        [
            "launching",
            "started",
            "exited",
            "launching",
            "started",
            "exited",
            "withdrawn",
            "gone"
        ]
    );
    let parked = &events[2];
    assert_eq!(parked.state, Some(SessionState::Parked));
    assert!(
        matches!(
            parked.kind.decision(),
            Some(Decision::Park { until: None, limit: Some(limit) }) if limit.max() == 0
        ),
        "{parked}"
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn times_go_on_as_the_supervisors_clock_does() {
    let before = SystemTime::now();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    sessions.stop_session("a").await.unwrap();
    let events = so_far(&mut feed);
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert!(first.time >= before);
    let between = last.time.duration_since(first.time).unwrap();
    assert_eq!(between.as_secs(), 3_600);
    sessions.stop().await.unwrap();
}
