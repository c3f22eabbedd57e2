//! What a session may use beside a plain start, one capability each: what it takes in bytes while the
//! session is idle, and the starts of which `costs` counts the instructions.
//!
//! The bytes are counted on one thread whose time stands still, where each session is the same. A test
//! of `tests/memory` holds them against bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    Backoff, ChildSpec, Lease, Options, SessionRef, SessionSupervisor, Shutdown, Subscription,
};
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::alloc;

const HOUR: Duration = Duration::from_secs(3_600);

/// A capability. That of a supervisor is used by all of its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    Nothing,
    Label,
    Claim,
    IdleTimeout,
    MaxLifetime,
    /// It is ended by a drain of its mailbox.
    DrainsAtStop,
    /// It has asked for its checkpoint and saved a number.
    Checkpoint,
    Quota,
    StartRate,
    /// An address is held outside.
    Reference,
    /// The same, with a spec to start it.
    OrStart,
    Lease,
    /// A future in place of an actor.
    Task,
    /// It has failed once and is back.
    OneExit,
    /// It has failed eight times.
    EightExits,
    /// Somebody follows the supervisor, and reads.
    Followed,
    /// A subscriber wants the spans.
    Spans,
}

impl Used {
    pub(crate) const ALL: [Self; 17] = [
        Self::Nothing,
        Self::Label,
        Self::Claim,
        Self::IdleTimeout,
        Self::MaxLifetime,
        Self::DrainsAtStop,
        Self::Checkpoint,
        Self::Quota,
        Self::StartRate,
        Self::Reference,
        Self::OrStart,
        Self::Lease,
        Self::Task,
        Self::OneExit,
        Self::EightExits,
        Self::Followed,
        Self::Spans,
    ];

    /// As it is called in the tables.
    pub(crate) fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }

    /// How many more bytes each session may take than a plain one. What stands outside of the
    /// supervisor, such as the address itself, is not counted.
    pub(crate) const fn bound(self) -> isize {
        match self {
            Self::Nothing | Self::StartRate | Self::DrainsAtStop | Self::Followed => 16,
            Self::Label => 320,
            Self::Reference => 48,
            Self::IdleTimeout | Self::MaxLifetime => 32,
            Self::OrStart => 128,
            Self::Checkpoint => 320,
            Self::Quota => 384,
            Self::Claim => 512,
            Self::Spans => 320,
            Self::OneExit | Self::Task => 576,
            Self::Lease => 704,
            Self::EightExits => 1_792,
        }
    }

    /// How often each session fails.
    const fn failures(self) -> usize {
        match self {
            Self::OneExit => 1,
            Self::EightExits => 8,
            _ => 0,
        }
    }

    fn options(self) -> Options {
        let options = Options::new().unique_name();
        match self {
            Self::Quota => options.quota(|_| Some("all"), usize::MAX),
            Self::StartRate => options.start_rate(u32::MAX, HOUR),
            _ => options,
        }
    }

    fn spec(self, number: usize) -> ChildSpec<Idle> {
        let spec = match self {
            Self::Checkpoint => ChildSpec::new(|start| {
                start.checkpoint::<usize>().save(7_usize).ok();
                (Idle, ())
            }),
            _ => ChildSpec::new(|_start| (Idle, ())),
        };
        match self {
            Self::Label => spec.label(format!("session {number}")),
            Self::Claim => spec.claim("number", number.to_string()),
            Self::IdleTimeout => spec.idle_timeout(HOUR),
            Self::MaxLifetime => spec.max_lifetime(HOUR),
            Self::DrainsAtStop => spec.shutdown(Shutdown::Drain(HOUR)),
            Self::OneExit | Self::EightExits => {
                spec.without_restart_limit().backoff(Backoff::none())
            }
            _ => spec,
        }
    }

    /// A supervisor whose sessions may use it.
    pub(crate) async fn supervisor(self) -> SessionSupervisor {
        let _listens =
            (self == Self::Spans).then(|| tracing::subscriber::set_default(OnlySpans::default()));
        let sessions = SessionSupervisor::start(self.options()).await;
        sessions.expect("a free name")
    }

    /// Starts so many sessions that use it.
    pub(crate) async fn start(self, sessions: &SessionSupervisor, many: usize, held: &mut Held) {
        // A program has one spec for many sessions, unless each has something of its own.
        let shared = self.spec(0);
        for number in 0..many {
            let id = format!("session-{number}");
            if self == Self::Task {
                let task = ChildSpec::task(|_start, stop| async move {
                    stop.requested().await;
                    Ok(())
                });
                sessions.start_session(&id, task).await.expect("it starts");
                continue;
            }
            let spec = match self {
                Self::Claim | Self::Label => self.spec(number),
                _ => shared.clone(),
            };
            let start = sessions.start_session(&id, spec).await;
            let session = start.expect("it starts");
            match self {
                Self::Reference | Self::OrStart => {
                    let address = sessions.session_ref::<Fail>(&id).expect("an id");
                    held.addresses.push(match self {
                        Self::OrStart => address.or_start(shared.clone()),
                        _ => address,
                    });
                }
                Self::Lease => held
                    .leases
                    .push(sessions.lease(&id).await.expect("it runs")),
                Self::Followed => held.read(),
                _ => fail(sessions, &id, session, self.failures()).await,
            }
        }
    }
}

async fn fail(sessions: &SessionSupervisor, id: &str, mut session: ActorRef<Fail>, times: usize) {
    for _ in 0..times {
        session.cast(Fail).expect("it runs");
        let cell = session.get_cell();
        cell.wait(None).await.expect("it is watched by nobody else");
        session = sessions.await_session(id).await.expect("it comes back");
    }
}

/// What the user of a capability holds. It has its room before anything is counted.
#[derive(Debug)]
pub(crate) struct Held {
    addresses: Vec<SessionRef<Fail>>,
    leases: Vec<Lease>,
    feed: Option<Subscription>,
}

impl Held {
    pub(crate) async fn new(used: Used, sessions: &SessionSupervisor, many: usize) -> Self {
        let feed = match used {
            Used::Followed => Some(sessions.subscribe().await.expect("it runs")),
            _ => None,
        };
        Self {
            addresses: Vec::with_capacity(many),
            leases: Vec::with_capacity(many),
            feed,
        }
    }

    fn read(&mut self) {
        while let Some(feed) = &mut self.feed
            && feed.try_next().is_ok()
        {}
    }
}

/// A runtime of one thread, whose time goes on only when there is nothing else to do.
fn still() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .start_paused(true)
        .enable_all()
        .build()
        .expect("the machine has threads")
}

/// What each session takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// While it is idle.
    pub(crate) bytes: isize,
    /// How often its start has allocated.
    pub(crate) allocations: isize,
}

/// What each idle session takes that uses it.
pub(crate) fn taken(used: Used, many: usize) -> Taken {
    still().block_on(async {
        let sessions = used.supervisor().await;
        let mut held = Held::new(used, &sessions, many).await;
        if used == Used::Followed {
            // The ring is full before anything is counted.
            for _ in 0..SessionSupervisor::EVENTS_KEPT.div_ceil(4) {
                used.start(&sessions, 1, &mut held).await;
                sessions.stop_session("session-0").await.expect("it runs");
                held.read();
            }
        }
        at_rest().await;
        let (before, made) = (alloc::live(), alloc::made());
        used.start(&sessions, many, &mut held).await;
        at_rest().await;
        let (bytes, made) = (alloc::live() - before, alloc::made() - made);
        let counts = sessions.count_sessions().await.expect("it runs");
        assert_eq!(counts.active, many, "{used:?}");
        drop(held);
        sessions.stop().await.expect("it runs");
        let [made, many] = [made, many].map(|count| isize::try_from(count).expect("not so many"));
        Taken {
            bytes: bytes / many,
            allocations: made / many,
        }
    })
}

/// How many bytes a subscription takes that is not read: at first, and when all is kept that may be.
pub(crate) fn bytes_of_a_subscription() -> (isize, isize) {
    still().block_on(async {
        let sessions = Used::Nothing.supervisor().await;
        let mut held = Held::new(Used::Nothing, &sessions, 0).await;
        at_rest().await;
        let before = alloc::live();
        let feed = sessions.subscribe().await.expect("it runs");
        at_rest().await;
        let new = alloc::live() - before;
        // A life has at least four events.
        for _ in 0..SessionSupervisor::EVENTS_KEPT.div_ceil(4) {
            Used::Nothing.start(&sessions, 1, &mut held).await;
            sessions.stop_session("session-0").await.expect("it runs");
        }
        at_rest().await;
        let full = alloc::live() - before;
        drop(feed);
        sessions.stop().await.expect("it runs");
        (new, full)
    })
}

/// Until there is nothing else to do.
async fn at_rest() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// The message on which a session fails.
#[derive(Debug)]
pub(crate) struct Fail;

#[cfg(feature = "cluster")]
impl ractor::Message for Fail {}

/// It does nothing else.
pub(crate) struct Idle;

#[ractor::actor(message = Fail, state = (), arguments = ())]
impl Idle {
    async fn handle(
        &self,
        _myself: ActorRef<Fail>,
        _fail: Fail,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("told to fail".into())
    }
}

/// It wants spans alone, and keeps nothing.
#[derive(Debug, Default)]
pub(crate) struct OnlySpans(AtomicU64);

impl Subscriber for OnlySpans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == "session_supervisor"
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
