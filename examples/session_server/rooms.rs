//! Who listens to which session. It outlives the sessions' incarnations, so that a crash costs no
//! client its place.
//!
//! A client that does not read what it is sent is disconnected.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Permit, Sender};
use tokio::sync::{Notify, watch};

/// A client's number.
pub(crate) type Number = u64;

/// What a client is to be sent, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    pub(crate) lines: Sender<Arc<str>>,
    /// Notified when it was full: the client does not read, and is disconnected.
    pub(crate) full: Arc<Notify>,
}

/// Each session's clients.
type Places = HashMap<String, BTreeMap<Number, Outbox>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Rooms(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    places: Mutex<Places>,
    /// Rung at all news of sessions and their children.
    news: watch::Sender<()>,
    /// How many follow sessions to their ends.
    followers: watch::Sender<usize>,
    numbers: AtomicU64,
}

/// A task follows a session to its end.
#[derive(Debug)]
pub(crate) struct Follower(Rooms);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.0.followers.send_modify(|followers| *followers -= 1);
    }
}

impl Rooms {
    /// A number that no other client of a socket has had, from 1.
    pub(crate) fn number(&self) -> Number {
        self.0.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Receives all news from now on, of whichever session.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    /// A task that follows a session holds this until it has told its end.
    pub(crate) fn follower(&self) -> Follower {
        self.0.followers.send_modify(|followers| *followers += 1);
        Follower(self.clone())
    }

    /// Returns when all ends have been told.
    pub(crate) async fn all_told(&self) {
        let mut followers = self.0.followers.subscribe();
        followers.wait_for(|followers| *followers == 0).await.ok();
    }

    /// Lets a client in and tells it so, in one step: what is said comes after that, and all of it
    /// comes.
    pub(crate) fn join(
        &self,
        id: &str,
        number: Number,
        outbox: Outbox,
        place: Permit<'_, Arc<str>>,
        answer: &str,
    ) {
        let mut rooms = self.lock();
        place.send(answer.into());
        rooms
            .entry(id.to_owned())
            .or_default()
            .insert(number, outbox);
    }

    pub(crate) fn leave(&self, id: &str, number: Number) {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get_mut(id) {
            room.remove(&number);
            if room.is_empty() {
                rooms.remove(id);
            }
        }
    }

    pub(crate) fn clients(&self, id: &str) -> usize {
        self.lock().get(id).map_or(0, BTreeMap::len)
    }

    /// Sends a line to all clients of a session. One that cannot take it loses its place and its
    /// connection.
    pub(crate) fn tell(&self, id: &str, line: &str) {
        let line: Arc<str> = line.into();
        if let Some(room) = self.lock().get_mut(id) {
            room.retain(|_, outbox| {
                let taken = outbox.lines.try_send(Arc::clone(&line)).is_ok();
                if !taken {
                    outbox.full.notify_one();
                }
                taken
            });
        }
    }

    /// Tells all who listen to a session what became of it or of its children.
    pub(crate) fn news(&self, id: &str, line: &str) {
        self.tell(id, line);
        self.0.news.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
