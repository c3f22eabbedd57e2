//! The session that all sides run: small, named, and told to crash by a message.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use ractor::{ActorProcessingErr, ActorRef};
use tokio::sync::Notify;

/// Counts the sessions that came up and went down, and tells when a wished number is reached.
#[derive(Debug, Default)]
pub(crate) struct Census {
    up: AtomicUsize,
    stopped: AtomicUsize,
    wished: AtomicUsize,
    reached: Notify,
    /// When the wished number was reached, in nanoseconds since [`EPOCH`].
    last_up: AtomicU64,
    start: Start,
}

/// What a `pre_start` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    /// It is over with its first poll.
    #[default]
    AtOnce,
    /// It awaits something that comes at once.
    Awaits,
}

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Census {
    pub(crate) fn new() -> Arc<Self> {
        LazyLock::force(&EPOCH);
        Arc::new(Self {
            wished: AtomicUsize::new(usize::MAX),
            ..Self::default()
        })
    }

    /// Of sessions whose `pre_start` awaits once.
    pub(crate) fn awaiting() -> Arc<Self> {
        Arc::new(Self {
            start: Start::Awaits,
            ..Self::default()
        })
    }

    fn came_up(&self) {
        if self.up.fetch_add(1, Ordering::SeqCst) + 1 == self.wished.load(Ordering::SeqCst) {
            let now = u64::try_from(EPOCH.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.last_up.store(now, Ordering::SeqCst);
            self.reached.notify_one();
        }
    }

    /// When the wished number was reached.
    pub(crate) fn last_up(&self) -> Instant {
        *EPOCH + Duration::from_nanos(self.last_up.load(Ordering::SeqCst))
    }

    /// How many `post_stop` ran.
    pub(crate) fn stopped(&self) -> usize {
        self.stopped.load(Ordering::SeqCst)
    }

    /// How many `pre_start` ran.
    pub(crate) fn up(&self) -> usize {
        self.up.load(Ordering::SeqCst)
    }

    /// To be called before the event that makes the number come true.
    pub(crate) fn wish(&self, up: usize) {
        self.wished.store(up, Ordering::SeqCst);
    }

    /// Waits until as many sessions came up as were wished.
    pub(crate) async fn reached(&self) {
        while self.up() < self.wished.load(Ordering::SeqCst) {
            self.reached.notified().await;
        }
    }
}

/// What a session is told. Its size is that of a usual message.
#[derive(Debug)]
pub(crate) enum Msg {
    Crash,
    #[expect(dead_code, reason = "it gives the message the size of a usual one")]
    Say([u64; 4]),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Msg {}

#[derive(Debug)]
pub(crate) struct Session;

#[derive(Debug)]
pub(crate) struct State {
    census: Arc<Census>,
    said: u64,
}

#[ractor::actor(message = Msg, state = State, arguments = Arc<Census>)]
impl Session {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        census: Arc<Census>,
    ) -> Result<State, ActorProcessingErr> {
        if census.start == Start::Awaits {
            tokio::task::yield_now().await;
        }
        census.came_up();
        Ok(State { census, said: 0 })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Crash => Err("told to crash".into()),
            Msg::Say(words) => {
                state.said += words[0];
                Ok(())
            }
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.census.stopped.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
