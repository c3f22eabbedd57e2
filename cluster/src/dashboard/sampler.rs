//! Looking at the node, once for all open pages, and not at all while none is open.
//!
//! The pages share one [`Live`]. It begins with the first of them and ends with the last: its task holds
//! it weakly, and each page's stream holds it. It looks at the node four times a second, asks nobody for
//! that, and makes what the pages are sent. Every two seconds it asks the other nodes how many sessions
//! they have, a few at a time.
//!
//! What it keeps has bounds: the last look, the last changes, and the frames that a page may be behind.
//! One that is slower than that is sent everything anew. Nothing waits for a page.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use session_supervisor::dashboard::page::Seconds;
use tokio::sync::{broadcast, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::changes::{self, Change};
use super::source::Source;
use super::told::{self, FiguresOf, NODES};
use super::view::View;
use crate::engine::NodeName;
use crate::node::Stage;
use crate::wire::Figures;

/// How often the node is looked at.
const BEAT: Duration = Duration::from_millis(250);

/// After this many beats the pages are sent a tick, also if nothing has changed.
const CALM: u64 = 4;

/// After this many beats the other nodes are asked.
const ROUND: u64 = 8;

/// How many nodes are asked at a time.
const ASKED: usize = 32;

/// How many changes are kept and shown: the latest.
const SHOWN: usize = 100;

/// How many frames a page may be behind.
const BEHIND: usize = 16;

/// Whether open pages are still served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    Open,
    /// The program wants the streams to end, or has dropped the router.
    Closed,
    /// The node has left the cluster.
    Over,
}

/// What the requests of a router share.
pub(super) struct Hub {
    source: Arc<dyn Source>,
    live: Mutex<Weak<Live>>,
    serving: watch::Sender<Serving>,
    /// In how many seconds there was a page.
    seconds: Seconds,
}

/// What the open pages share.
pub(super) struct Live {
    source: Arc<dyn Source>,
    state: Mutex<State>,
    frames: broadcast::Sender<Bytes>,
    serving: watch::Sender<Serving>,
    seconds: Seconds,
    task: OnceLock<AbortHandle>,
    /// Since when changes are seen.
    since: Duration,
}

struct State {
    view: View,
    figures: FiguresOf,
    recent: VecDeque<(u64, Change)>,
    /// How many changes there were.
    told: u64,
    beats: u64,
}

impl Hub {
    pub(super) fn new(source: Arc<dyn Source>) -> Arc<Self> {
        Arc::new(Self {
            source,
            live: Mutex::default(),
            serving: watch::Sender::new(Serving::Open),
            seconds: Seconds::default(),
        })
    }

    pub(super) fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    pub(super) fn seconds(&self) -> Seconds {
        Arc::clone(&self.seconds)
    }

    /// Open streams end, and no new ones are begun.
    pub(super) fn close(&self) {
        self.serving.send_if_modified(|serving| {
            let open = *serving == Serving::Open;
            if open {
                *serving = Serving::Closed;
            }
            open
        });
    }

    /// What the open pages share, for one more of them. With the first one the looking begins.
    pub(super) fn join(&self) -> Arc<Live> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = live.upgrade() {
            return live;
        }
        let begun = Live::begin(self);
        *live = Arc::downgrade(&begun);
        begun
    }

    /// What is looked at just now, if a page is open.
    fn live(&self) -> Option<Arc<Live>> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.upgrade()
    }

    /// All that a page shows at first.
    pub(super) fn overview(&self) -> String {
        if let Some(live) = self.live() {
            return live.lock().overview(live.since);
        }
        let view = self.look();
        let now = view.now;
        told::overview(&view, &FiguresOf::new(), std::iter::empty(), now)
    }

    /// How it stands now.
    pub(super) fn look(&self) -> View {
        View::of(self.source.look())
    }
}

/// A program that drops its router has no more pages.
impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

impl Live {
    fn begin(hub: &Hub) -> Arc<Self> {
        let view = hub.look();
        let live = Arc::new(Self {
            source: Arc::clone(&hub.source),
            since: view.now,
            state: Mutex::new(State {
                view,
                figures: FiguresOf::new(),
                recent: VecDeque::new(),
                told: 0,
                beats: 0,
            }),
            frames: broadcast::Sender::new(BEHIND),
            serving: hub.serving.clone(),
            seconds: hub.seconds(),
            task: OnceLock::new(),
        });
        let task = tokio::spawn(look_on(Arc::downgrade(&live)));
        live.task.get_or_init(|| task.abort_handle());
        live
    }

    /// Everything as it is now, and the frames from now on.
    pub(super) fn all(&self) -> (Bytes, broadcast::Receiver<Bytes>) {
        // What is sent meanwhile waits for this lock.
        let state = self.lock();
        let frames = self.frames.subscribe();
        (frame("overview", &state.overview(self.since)), frames)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, frame: Bytes) {
        // An error: no page is open any more.
        self.frames.send(frame).ok();
    }

    /// Looks at the node, and tells what has changed.
    fn beat(&self) -> Goes {
        let view = View::of(self.source.look());
        let left = view.here.stage == Stage::Left;
        let mut state = self.lock();
        let news = state.take(view);
        if let Some(news) = &news {
            self.send(frame("changes", news));
        }
        if state.beats.is_multiple_of(CALM) {
            self.seconds.fetch_add(1, Ordering::Relaxed);
        }
        if news.is_some() || state.beats.is_multiple_of(CALM) {
            let tick = told::tick(&state.view, &state.figures);
            self.send(frame("tick", &tick));
        }
        state.beats += 1;
        drop(state);
        if left {
            self.send(frame("ended", "{}"));
            self.serving.send_replace(Serving::Over);
            return Goes::Over;
        }
        Goes::On
    }

    /// The nodes that are to be asked now, if it is time.
    fn to_ask(&self) -> VecDeque<NodeName> {
        let mut state = self.lock();
        // The beat has been counted.
        if !state.beats.wrapping_sub(1).is_multiple_of(ROUND) {
            return VecDeque::new();
        }
        let State { view, figures, .. } = &mut *state;
        figures.retain(|name, _| view.nodes.contains_key(name));
        let others = view.nodes.keys().take(NODES);
        let others = others.filter(|name| **name != view.here.node);
        others.cloned().collect()
    }

    fn answered(&self, node: NodeName, figures: Option<Figures>) {
        let known = &mut self.lock().figures;
        match figures {
            Some(figures) => drop(known.insert(node, figures)),
            None => drop(known.remove(&node)),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl State {
    fn overview(&self, since: Duration) -> String {
        told::overview(&self.view, &self.figures, self.recent.iter(), since)
    }

    /// Takes a later view. Answers what has changed, if anything has.
    fn take(&mut self, view: View) -> Option<String> {
        let mut fresh = Vec::new();
        for change in changes::between(&self.view, &view) {
            self.told += 1;
            fresh.push((self.told, change));
        }
        let pairs = self.view.shards.iter().zip(&view.shards).enumerate();
        let moved = pairs.filter(|(_, (was, is))| was != is);
        let shards: Vec<_> = moved.map(|(at, _)| at).collect();
        self.view = view;
        if fresh.is_empty() && shards.is_empty() {
            return None;
        }
        let more = fresh.len().saturating_sub(SHOWN);
        let shown = fresh.split_off(more);
        let news = told::changes(&self.view, &shards, &shown, more);
        self.recent.extend(shown);
        let old = self.recent.len().saturating_sub(SHOWN);
        self.recent.drain(..old);
        Some(news)
    }
}

/// A server-sent event. The data is JSON of `json`, so it has no line end.
pub(super) fn frame(event: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    Over,
}

/// The task.
async fn look_on(live: Weak<Live>) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut to_ask = VecDeque::new();
    // Dropped, it asks no more.
    let mut asked = JoinSet::new();
    loop {
        tokio::select! {
            _ = beats.tick() => {
                let Some(live) = live.upgrade() else { return };
                if live.beat() == Goes::Over {
                    return;
                }
                if to_ask.is_empty() && asked.is_empty() {
                    to_ask = live.to_ask();
                }
            }
            Some(told) = asked.join_next() => {
                let Some(live) = live.upgrade() else { return };
                // An error: it has panicked, and tells nothing.
                if let Ok((node, figures)) = told {
                    live.answered(node, figures);
                }
            }
        }
        while asked.len() < ASKED
            && let Some(node) = to_ask.pop_front()
        {
            let Some(live) = live.upgrade() else { return };
            let told = live.source.figures(node.clone());
            asked.spawn(async move { (node, told.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Hub, SHOWN, State};
    use crate::dashboard::tests::fake::{Fake, name, seen};
    use crate::dashboard::told::FiguresOf;
    use crate::dashboard::view::View;
    use crate::engine::Incarnation;

    #[test]
    fn the_latest_changes_are_kept_and_no_more() {
        let mut first = seen(4, &["a", "b"]);
        let mut state = State {
            view: View::of(first.clone()),
            figures: FiguresOf::new(),
            recent: Default::default(),
            told: 0,
            beats: 0,
        };
        assert_eq!(state.take(View::of(first.clone())), None);
        for incarnation in 100..400 {
            let node = first.status.nodes.get_mut(&name("b")).unwrap();
            node.incarnation = Incarnation::new(incarnation);
            assert!(state.take(View::of(first.clone())).is_some());
        }
        assert_eq!(state.recent.len(), SHOWN);
        assert_eq!(state.recent.front().map(|(number, _)| *number), Some(201));
        assert_eq!(state.recent.back().map(|(number, _)| *number), Some(300));
        // Very many at once.
        for n in 0..250 {
            let node = first.status.nodes[&name("b")].clone();
            first.status.nodes.insert(name(&format!("n{n}")), node);
        }
        let news = state.take(View::of(first)).unwrap();
        let news: serde_json::Value = serde_json::from_str(&news).unwrap();
        assert_eq!(news["more"], 150);
        assert_eq!(news["changes"].as_array().unwrap().len(), SHOWN);
        assert_eq!(state.recent.len(), SHOWN);
    }

    #[tokio::test]
    async fn the_pages_share_what_is_looked_at_and_nothing_is_left_of_it() {
        let fake = Fake::new(seen(4, &["a", "b"]));
        let hub = Hub::new(Arc::new(fake));
        assert!(hub.live().is_none());
        let (one, other) = (hub.join(), hub.join());
        assert!(Arc::ptr_eq(&one, &other));
        drop(one);
        assert!(hub.live().is_some());
        drop(other);
        assert!(hub.live().is_none());
    }
}
