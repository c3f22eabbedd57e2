//! The one task of a dashboard: it looks at the supervisor once a second, reads the feed of changes,
//! and makes what all open pages are sent, once for all of them.
//!
//! What is kept has bounds: 15 minutes of samples, the last changes, the worst offenders, and the
//! frames that a page may be behind. A page that is slower than that loses the oldest and is told
//! so. Nothing waits for a page.
//!
//! The task holds no more than a weak reference while it waits, so it ends with the router.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{broadcast, watch};

use super::feed::{Happened, News, Reader};
use super::history::{History, Sample};
use super::json::{By, ToJson, object};
use super::places::Seconds;
use super::source::Source;
use super::view::{Change, Weight};
use super::worst::{Offender, Worst};
use crate::actor::turns::make_way;
use crate::error::SupervisorDown;

/// How often the feed is read while a page is open.
const BRISK: Duration = Duration::from_millis(250);

/// How often a sample is taken, and how often the feed is read while no page is open.
const CALM: Duration = Duration::from_secs(1);

/// How many changes a frame shows: the latest.
const SHOWN: usize = 100;

/// How many changes are read before others have a turn.
const BATCH: usize = 512;

/// How many changes are read before a frame is due.
const MOST: usize = 50_000;

/// If so many were read at once, the feed is read again soon: it keeps about four times as many.
const MANY: usize = 4_096;

/// How soon that is.
const HASTE: Duration = Duration::from_millis(10);

/// How many frames a page may be behind.
const BEHIND: usize = 16;

/// Whether open pages are still served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    Open,
    /// The program wants the streams to end.
    Closed,
    /// The supervisor has ended.
    Over,
}

/// What the task and the requests share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) source: Source,
    seen: Mutex<Seen>,
    frames: broadcast::Sender<Bytes>,
    serving: watch::Sender<Serving>,
    /// How many samples were taken.
    seconds: Seconds,
}

/// What is kept.
#[derive(Debug, Default)]
struct Seen {
    history: History,
    worst: Worst,
    recent: VecDeque<Change>,
    /// Changes that the feed has lost before they were read.
    lost: u64,
}

/// What happened since the last frame.
#[derive(Debug, Default)]
struct Fresh {
    changes: VecDeque<Happened>,
    /// Those that are not among `changes`.
    more: u64,
    /// Those that were never seen.
    lost: u64,
}

impl Hub {
    /// A hub, whose task runs until the hub is dropped or the supervisor ends.
    pub(super) fn start(source: Source) -> Arc<Self> {
        let hub = Arc::new(Self {
            seen: Mutex::default(),
            frames: broadcast::Sender::new(BEHIND),
            serving: watch::Sender::new(Serving::Open),
            seconds: Seconds::default(),
            source,
        });
        let task = look_on(Arc::downgrade(&hub));
        drop(hub.source.runtime().spawn(task));
        hub
    }

    /// All frames from now on.
    pub(super) fn frames(&self) -> broadcast::Receiver<Bytes> {
        self.frames.subscribe()
    }

    pub(super) fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    /// The seconds that pages are sent something in.
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

    /// All that a page shows at first, as an object. `more` adds fields of its own.
    pub(super) fn overview(&self, more: impl Fn(&mut super::json::Object<'_>)) -> String {
        let now = self.source.now();
        let mut seen = self.lock();
        let worst = seen.worst.shown(now);
        let latest = seen.history.latest().unwrap_or_default();
        By(|out: &mut String| {
            let mut whole = object(out);
            whole
                .field("supervisor", self.source.supervisor().name())
                .field("now", &now)
                .field("sessions", &latest.gauges)
                .field("totals", &latest.totals)
                .field("history", &seen.history)
                .field("worst", &worst)
                .field("recent", &seen.recent)
                .field("lost", &seen.lost);
            more(&mut whole);
            whole.end();
        })
        .to_json()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame to the pages that are open.
    fn send(&self, event: &str, data: &impl ToJson) {
        if self.frames.receiver_count() > 0 {
            self.frames.send(frame(event, &data.to_json())).ok();
        }
    }

    /// Keeps what is new, and shows it.
    fn tell_changes(&self, fresh: Fresh) {
        let Fresh {
            changes,
            more,
            lost,
        } = fresh;
        if changes.is_empty() && lost == 0 {
            return;
        }
        let changes: Vec<_> = changes.iter().map(Happened::change).collect();
        let mut seen = self.lock();
        seen.lost += lost;
        for change in &changes {
            if seen.recent.len() >= SHOWN {
                seen.recent.pop_front();
            }
            seen.recent.push_back(change.clone());
        }
        drop(seen);
        let news = By(|out: &mut String| {
            object(out)
                .field("changes", &changes)
                .field("more", &more)
                .field("lost", &lost)
                .end();
        });
        self.send("changes", &news);
    }

    /// Takes a sample, and shows it.
    fn sample(&self) -> Result<(), SupervisorDown> {
        let (gauges, totals) = self.source.figures()?;
        let at = self.source.now();
        let sample = Sample { at, gauges, totals };
        let mut seen = self.lock();
        seen.history.add(sample);
        let worst = seen.worst.shown(at);
        drop(seen);
        self.send("tick", &tick(&sample, &worst));
        self.seconds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// What is sent each second.
fn tick<'a>(sample: &'a Sample, worst: &'a [Offender]) -> impl ToJson + 'a {
    By(move |out: &mut String| {
        object(out)
            .field("now", &sample.at)
            .field("sessions", &sample.gauges)
            .field("totals", &sample.totals)
            .field("worst", worst)
            .end();
    })
}

/// A server-sent event. The data is JSON, so it has no line end.
pub(super) fn frame(event: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

/// The task.
async fn look_on(hub: Weak<Hub>) {
    let begun = match hub.upgrade() {
        Some(hub) => Reader::begin(&hub.source).await,
        None => return,
    };
    let Ok(mut reader) = begun else {
        return end(&hub);
    };
    let mut fresh = Fresh::default();
    let (mut due, mut show) = (Duration::ZERO, Duration::ZERO);
    loop {
        let pause = {
            let Some(hub) = hub.upgrade() else { return };
            let read = read(&hub, &mut reader, &mut fresh).await;
            let now = hub.source.now();
            // Samples that are late are not made up for.
            let sampled = if now >= due { hub.sample() } else { Ok(()) };
            if now >= due {
                due = now + CALM;
            }
            if now >= show || sampled.is_err() {
                show = now + BRISK;
                hub.tell_changes(std::mem::take(&mut fresh));
            }
            if sampled.is_err() {
                break;
            }
            match (read >= MANY, hub.frames.receiver_count()) {
                (true, _) => HASTE,
                (false, 0) => due.saturating_sub(now).min(CALM),
                (false, _) => due.saturating_sub(now).min(BRISK),
            }
        };
        tokio::time::sleep(pause).await;
    }
    end(&hub);
}

fn end(hub: &Weak<Hub>) {
    if let Some(hub) = hub.upgrade() {
        hub.send("ended", &By(|out: &mut String| object(out).end()));
        hub.serving.send_replace(Serving::Over);
    }
}

/// Reads what the feed has, keeps what is to be shown of it, and counts the failures in it. Answers
/// how much it was.
async fn read(hub: &Hub, reader: &mut Reader, fresh: &mut Fresh) -> usize {
    let mut read = 0;
    // What comes without an end is not waited for.
    while read < MOST {
        match reader.next() {
            News::Happened(one) => {
                read += 1;
                if one.weight() == Weight::Failure {
                    hub.lock().worst.count(&one.change());
                }
                if fresh.changes.len() >= SHOWN {
                    fresh.changes.pop_front();
                    fresh.more += 1;
                }
                fresh.changes.push_back(one);
            }
            News::Lost(lost) => fresh.lost += lost,
            News::Nothing => break,
        }
        if read % BATCH == BATCH - 1 {
            make_way().await;
        }
    }
    read
}
