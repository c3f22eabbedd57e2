//! The shadow model's eyes inside the sessions: who lives, in which incarnation.
//!
//! A life is counted from the moment its start function runs until its state (or whatever it had
//! got to) is dropped. The supervisor's word for it is not asked.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::tally;
use crate::tasks::Order;
use crate::verdict::contradiction;

/// The roles of the children of an id that is a tree. The last is in a tree within the tree.
pub(crate) const ROLES: [&str; 4] = ["a", "b", "c", "egg"];

/// The ids of one supervisor.
#[derive(Debug)]
pub(crate) struct Census {
    entries: Box<[Arc<Entry>]>,
    pub(crate) common: Arc<Common>,
}

/// What all ids of one supervisor share.
#[derive(Debug)]
pub(crate) struct Common {
    /// It is in the names of actors below the sessions.
    pub(crate) number: u64,
    /// The backend that sessions need to start.
    backend_is_away: AtomicBool,
    launching: AtomicUsize,
    /// How many launches may be under way at once.
    most_launches: AtomicUsize,
}

impl Common {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            backend_is_away: AtomicBool::new(false),
            launching: AtomicUsize::new(0),
            most_launches: AtomicUsize::new(usize::MAX),
        }
    }

    pub(crate) fn backend_goes(&self) {
        self.backend_is_away.store(true, Ordering::SeqCst);
    }

    pub(crate) fn backend_returns(&self) {
        self.backend_is_away.store(false, Ordering::SeqCst);
    }

    pub(crate) fn backend_is_away(&self) -> bool {
        self.backend_is_away.load(Ordering::SeqCst)
    }

    pub(crate) fn launches_at_most(&self, most: usize) {
        self.most_launches.store(most, Ordering::SeqCst);
    }
}

impl Census {
    pub(crate) fn new(ids: usize) -> Self {
        let common = Arc::new(Common::new());
        // The launches of a tree's children are the tree's.
        let below = Arc::new(Common::new());
        let entry = |n| {
            let id = format!("id-{n}");
            let children = ROLES.map(|role| {
                let name = format!("{id}/{role}");
                Arc::new(Entry::new(name, Arc::clone(&below), Box::default()))
            });
            Arc::new(Entry::new(id, Arc::clone(&common), children.into()))
        };
        Self {
            entries: (0..ids).map(entry).collect(),
            common,
        }
    }

    pub(crate) fn entry(&self, n: usize) -> &Arc<Entry> {
        &self.entries[n]
    }

    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Who is alive now.
    pub(crate) fn living(&self) -> Vec<&str> {
        let living = self.entries.iter().filter(|entry| entry.alive() > 0);
        living.map(|entry| entry.id.as_str()).collect()
    }

    /// How many lives there are now.
    pub(crate) fn alive(&self) -> usize {
        self.entries.iter().map(|entry| entry.alive()).sum()
    }
}

/// What is known of one id.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) common: Arc<Common>,
    /// Those of the id's tree, if it is one.
    pub(crate) children: Box<[Arc<Entry>]>,
    alive: AtomicUsize,
    last: AtomicU64,
    launches: AtomicU64,
    /// How often the tree of the id was described, if it is one.
    tree_launches: AtomicU64,
    /// How many `post_stop`s have begun.
    post_stops: AtomicUsize,
    /// The last incarnation that got through its `pre_start`.
    up: watch::Sender<u64>,
    /// What a launch that waits waits for.
    pub(crate) latch: watch::Sender<bool>,
    /// What a task is told.
    pub(crate) orders: watch::Sender<Order>,
    /// What a blocked session waits for.
    pub(crate) gate: Gate,
}

impl Entry {
    fn new(id: String, common: Arc<Common>, children: Box<[Arc<Entry>]>) -> Self {
        Self {
            id,
            common,
            children,
            alive: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            launches: AtomicU64::new(0),
            tree_launches: AtomicU64::new(0),
            post_stops: AtomicUsize::new(0),
            up: watch::Sender::new(0),
            latch: watch::Sender::new(false),
            orders: watch::Sender::new(Order::Run),
            gate: Gate::default(),
        }
    }

    /// Its own lives, and those of its tree.
    pub(crate) fn alive(&self) -> usize {
        let below: usize = self.children.iter().map(|child| child.alive()).sum();
        self.alive.load(Ordering::SeqCst) + below
    }

    /// How often a start function ran.
    pub(crate) fn launches(&self) -> u64 {
        self.launches.load(Ordering::SeqCst)
    }

    /// To be called by the start function of a tree.
    pub(crate) fn tree_is_launched(&self) {
        self.tree_launches.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn tree_launches(&self) -> u64 {
        self.tree_launches.load(Ordering::SeqCst)
    }

    pub(crate) fn post_stops(&self) -> usize {
        self.post_stops.load(Ordering::SeqCst)
    }

    /// Waits until this incarnation is up.
    pub(crate) async fn is_up(&self, incarnation: u64) {
        let mut up = self.up.subscribe();
        // The sender is in here, so it cannot be gone.
        drop(up.wait_for(|up| *up == incarnation).await);
    }

    /// Whether this incarnation is the last that came up.
    pub(crate) fn is_up_now(&self, incarnation: u64) -> bool {
        *self.up.borrow() == incarnation
    }

    /// Waits until the latch is open.
    pub(crate) async fn is_unlatched(&self) {
        let mut latch = self.latch.subscribe();
        drop(latch.wait_for(|open| *open).await);
    }
}

/// One life. Dropped, it is over.
#[derive(Debug)]
pub(crate) struct Alive {
    entry: Arc<Entry>,
    pub(crate) incarnation: u64,
    launch: Option<Launching>,
}

impl Alive {
    pub(crate) fn begin(entry: Arc<Entry>, incarnation: u64) -> Self {
        let id = &entry.id;
        if entry.alive.fetch_add(1, Ordering::SeqCst) != 0 {
            contradiction(&format!("two lives of {id} at once ({incarnation})"));
        }
        let last = entry.last.swap(incarnation, Ordering::SeqCst);
        if incarnation != 1 && incarnation <= last {
            contradiction(&format!("{id}: incarnation {incarnation} after {last}"));
        }
        entry.launches.fetch_add(1, Ordering::SeqCst);
        tally::ALIVE.fetch_add(1, Ordering::Relaxed);
        let launch = Some(Launching::begin(Arc::clone(&entry.common)));
        Self {
            entry,
            incarnation,
            launch,
        }
    }

    pub(crate) fn is_up(&mut self) {
        self.launch = None;
        self.entry.up.send_replace(self.incarnation);
    }

    pub(crate) fn enters_post_stop(&self) {
        self.entry.post_stops.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        tally::ALIVE.fetch_sub(1, Ordering::Relaxed);
        self.entry.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A launch that is under way.
#[derive(Debug)]
struct Launching(Arc<Common>);

impl Launching {
    fn begin(common: Arc<Common>) -> Self {
        let under_way = common.launching.fetch_add(1, Ordering::SeqCst) + 1;
        let most = common.most_launches.load(Ordering::SeqCst);
        if under_way > most {
            contradiction(&format!("{under_way} launches at once, {most} are allowed"));
        }
        Self(common)
    }
}

impl Drop for Launching {
    fn drop(&mut self) {
        self.0.launching.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Holds up a thread until it is opened.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    reached: Notify,
}

impl Gate {
    /// Waits until a caller waits at it.
    pub(crate) async fn is_reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    pub(crate) fn pass(&self) {
        self.reached.notify_one();
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }
}
