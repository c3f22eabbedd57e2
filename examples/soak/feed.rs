//! Two who follow a supervisor from its start to its end: one keeps up with it, and its view is
//! compared with what the supervisor answers; the other reads now and then, loses events, and takes
//! a new snapshot.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use session_supervisor::error::TryNextError;
use session_supervisor::{
    Decision, Event, EventKind, SessionId, SessionInfo, SessionState, SessionSupervisor, Snapshot,
    Stats, Subscription,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ask::within;
use crate::rng::Rng;
use crate::tally;
use crate::verdict::{contradiction, must};

/// What one who follows knows.
#[derive(Debug, Default)]
pub(crate) struct View {
    list: Snapshot,
    told: Told,
    /// Its last event was the end.
    is_over: bool,
    /// It has lost events, so what it was told is not all.
    has_lost: bool,
}

/// What was told of sessions, as the statistics count it.
#[derive(Debug, Default)]
struct Told {
    /// Those that have started and not ended. What succeeds too late ends without having started.
    running: HashSet<SessionId>,
    started: u64,
    ended: u64,
    restarts: u64,
    kills: u64,
    parks: u64,
}

impl Told {
    const fn numbers(&self) -> [u64; 5] {
        [
            self.started,
            self.ended,
            self.restarts,
            self.kills,
            self.parks,
        ]
    }

    fn note(&mut self, event: &Event) {
        let (Some(id), None) = (&event.id, &event.role) else {
            return;
        };
        match &event.kind {
            EventKind::Started { .. } => {
                self.started += 1;
                must(self.running.insert(id.clone()), || {
                    format!("it runs, and is told to have started: {event}")
                });
            }
            EventKind::Exited { .. } => self.ended += u64::from(self.running.remove(id)),
            EventKind::Killing(_) => self.kills += 1,
            _ => {}
        }
        match event.kind.decision() {
            Some(Decision::Restart { .. }) => self.restarts += 1,
            Some(Decision::Park { .. }) => self.parks += 1,
            _ => {}
        }
    }
}

impl View {
    fn apply(&mut self, event: &Event, name: &str) {
        must(!self.is_over, || {
            format!("{name} has told its end, and then {event}")
        });
        tally::EVENTS.one();
        self.list.apply(event);
        if !self.has_lost {
            self.told.note(event);
        }
        self.is_over = matches!(event.kind, EventKind::SupervisorStopped { .. });
    }

    fn shows(&self, id: &str) -> Option<(SessionState, u64)> {
        let status = self.list.sessions.get(id)?;
        Some((status.state, status.incarnation))
    }
}

/// Both of them.
#[derive(Debug)]
pub(crate) struct Followers {
    view: Arc<watch::Sender<View>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Followers {
    pub(crate) async fn begin(sessions: &SessionSupervisor, seed: u64) -> Self {
        let view = Arc::new(watch::Sender::new(View::default()));
        let name: Arc<str> = sessions.name().into();
        let mut first = subscribed(sessions).await;
        let list = first.take_snapshot().unwrap_or_default();
        view.send_modify(|view| view.list = list);
        let keeps_up = keep_up(first, Arc::clone(&view), Arc::clone(&name));
        let second = subscribed(sessions).await;
        let lags = lag(second, view.subscribe(), Rng::of(seed, 3_000), name);
        Self {
            view,
            tasks: Mutex::new(vec![tokio::spawn(keeps_up), tokio::spawn(lags)]),
        }
    }

    /// Waits until the view of an id that nobody touches is what the supervisor has told of it.
    /// False: the supervisor has ended before.
    pub(crate) async fn agrees(&self, id: &str, info: Option<&SessionInfo>) -> bool {
        let told = info.map(|info| (info.state, info.incarnation));
        let mut view = self.view.subscribe();
        let comes = view.wait_for(|view| view.shows(id) == told || view.is_over);
        let what = || {
            let shown = self.view.borrow().shows(id);
            format!("{id}: told of {told:?}, and the feed does not say so but {shown:?}")
        };
        let came = within(comes, what).await;
        tally::COMPARED.one();
        came.is_ok_and(|view| view.shows(id) == told)
    }

    /// Whether the view is this list now.
    pub(crate) fn show(&self, list: &[SessionInfo]) -> bool {
        let view = self.view.borrow();
        list.len() == view.list.sessions.len()
            && (list.iter())
                .all(|info| view.shows(info.id.as_str()) == Some((info.state, info.incarnation)))
    }

    /// Waits until both have been told of the end. What was told is what was counted.
    pub(crate) async fn end(&self, name: &str, stats: &Stats) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            let done = within(task, || {
                format!("{name}: one who follows is not told its end")
            });
            must(done.await.is_ok(), || format!("{name}: one who follows"));
        }
        let view = self.view.borrow();
        if view.has_lost {
            return;
        }
        // Trials of parked sessions are restarts that no event decides.
        let trials = stats.restarts.saturating_sub(view.told.restarts);
        must(trials <= stats.parks, || {
            format!("{name}: {trials} trials, {stats:?}")
        });
        let counted = [
            stats.starts.started,
            stats.exits.total(),
            stats.restarts - trials,
            stats.kills,
            stats.parks,
        ];
        must(view.told.numbers() == counted, || {
            format!("{name}: told {:?}, counted {counted:?}", view.told)
        });
        let stuck = |state| state == SessionState::Stuck;
        let all_are_gone = view.list.sessions.values().all(|left| stuck(left.state));
        must(all_are_gone, || {
            format!("{name} has ended, and the feed shows {:?}", view.list)
        });
        tally::FOLLOWED.one();
    }
}

async fn subscribed(sessions: &SessionSupervisor) -> Subscription {
    match sessions.subscribe().await {
        Ok(feed) => feed,
        Err(error) => contradiction(&format!("{}: {error}", sessions.name())),
    }
}

/// Applies each event.
async fn keep_up(mut feed: Subscription, view: Arc<watch::Sender<View>>, name: Arc<str>) {
    loop {
        let before = feed.revision();
        match feed.next().await {
            Some(Ok(event)) => {
                must(event.revision == before + 1, || {
                    format!("{name}: after event {before} comes {}", event.revision)
                });
                view.send_modify(|view| view.apply(&event, &name));
            }
            // The machine was busy.
            Some(Err(_)) => {
                tally::LAGS.one();
                // An end in the meantime is told by the events that are left.
                let list = match feed.resync().await {
                    Ok(()) => feed.take_snapshot(),
                    Err(_) => None,
                };
                view.send_modify(|view| {
                    view.has_lost = true;
                    view.list = list.unwrap_or_default();
                });
            }
            None => break,
        }
    }
    must(view.borrow().is_over, || {
        format!("{name}: the feed is over without an end")
    });
}

/// Reads now and then, sometimes so late that events are lost.
async fn lag(mut feed: Subscription, other: watch::Receiver<View>, mut rng: Rng, name: Arc<str>) {
    let mut view = View {
        list: feed.take_snapshot().unwrap_or_default(),
        ..View::default()
    };
    loop {
        pause(&feed, other.clone(), &mut rng).await;
        loop {
            let before = feed.revision();
            match feed.try_next() {
                Ok(event) => view.apply(&event, &name),
                Err(TryNextError::Empty) => break,
                Err(TryNextError::Lagged(lagged)) => {
                    tally::LAGS.one();
                    let (after, lost) = (feed.revision(), lagged.lost);
                    must(after == before + lost, || {
                        format!("{name}: {lost} events are lost from {before} to {after}")
                    });
                    view.has_lost = true;
                    if feed.resync().await.is_ok() {
                        view.list = feed.take_snapshot().unwrap_or_default();
                    }
                }
                Err(TryNextError::Ended) => {
                    return must(view.is_over, || {
                        format!("{name}: the feed is over without an end")
                    });
                }
                Err(error) => contradiction(&format!("{name}: {error}")),
            }
        }
    }
}

async fn pause(feed: &Subscription, mut other: watch::Receiver<View>, rng: &mut Rng) {
    if rng.one_in(3) {
        let time = Duration::from_millis(5 + rng.next() % 400);
        return tokio::time::sleep(time).await;
    }
    let kept = u64::try_from(SessionSupervisor::EVENTS_KEPT).unwrap_or(u64::MAX);
    let lost = feed.revision().saturating_add(kept);
    let late = |view: &View| view.is_over || view.list.revision > lost;
    drop(other.wait_for(late).await);
}
