//! A server that is stopped while sessions run: they go on, what they save is tried again, and all of it
//! is written at once when the server is back.

use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort, call};
use serde::de::IgnoredAny;
use session_supervisor::{ChildSpec, Options, StartContext};
use session_supervisor_cluster::PostgresStore;
use session_supervisor_store::error::{SaveError, StartError, WriteError};
use session_supervisor_store::{
    Checkpoint, DurableSupervisor, Kinds, Part, Remembered, SessionStore, StoreError,
};

use crate::server::Server;
use crate::support::{chain, open};

const SESSIONS: usize = 100;

/// It counts, and saves the count.
struct Counter;

enum Count {
    /// The count is handed to the writer.
    Soon(RpcReplyPort<u64>),
    /// The count is on the server when it is answered.
    Durably(RpcReplyPort<Result<u64, SaveError>>),
}

impl ractor::Message for Count {}

struct State {
    count: u64,
    saved: Checkpoint<u64>,
}

#[ractor::actor(message = Count, state = State, arguments = (StartContext, Remembered))]
impl Counter {
    async fn pre_start(
        &self,
        _: ActorRef<Count>,
        (start, remembered): (StartContext, Remembered),
    ) -> Result<State, ActorProcessingErr> {
        let (saved, count) = remembered.checkpoint(&start).await?;
        let count = count.unwrap_or(0);
        Ok(State { count, saved })
    }

    async fn handle(
        &self,
        _: ActorRef<Count>,
        message: Count,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.count += 1;
        match message {
            Count::Soon(reply) => {
                state.saved.save(&state.count)?;
                reply.send(state.count)?;
            }
            Count::Durably(reply) => {
                let saved = state.saved.save_durably(&state.count).await;
                reply.send(saved.map(|()| state.count))?;
            }
        }
        Ok(())
    }
}

/// Of sessions that count, whatever their arguments are.
pub(crate) async fn durable(store: PostgresStore) -> DurableSupervisor {
    let spec = |_: IgnoredAny, remembered: Remembered| {
        ChildSpec::new(move |start| (Counter, (start, remembered.clone())))
    };
    let kinds = Kinds::new().kind("counter", spec).kind("chat", spec);
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open_shared(options, kinds, store).await;
    opened.expect("it opens")
}

async fn opened(store: PostgresStore) -> DurableSupervisor {
    let durable = durable(store).await;
    let part = Part::shard(0, 1, 1).expect("a shard");
    let taken = durable.take_over(part).await.expect("it is read");
    taken.restored().await.expect("it runs");
    durable
}

fn id(number: usize) -> String {
    format!("s{number}")
}

fn counter(durable: &DurableSupervisor, id: &str) -> ActorRef<Count> {
    let found = durable.sessions().find_session_as::<Count>(id);
    found.expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_go_on_while_the_server_is_stopped_and_all_is_written_when_it_is_back() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let options = server.options().shards(1).timeout(Duration::from_secs(5));
    let durable = opened(open(&options)).await;
    for number in 0..SESSIONS {
        let started = durable.start_session(&id(number), "counter", &()).await;
        started.expect("it starts");
    }
    durable.flush().await.expect("it is written");

    server.kill();
    let saved = call!(counter(&durable, "s0"), Count::Durably).expect("it answers");
    let Err(SaveError::Store {
        cause: WriteError::Store(cause),
        ..
    }) = saved
    else {
        panic!("{saved:?}");
    };
    assert!(matches!(*cause, StoreError::Unreachable(_)), "{cause:?}");
    let started = durable.start_session("new", "counter", &()).await;
    let refused = matches!(started, Err(StartError::Store(WriteError::Store(_))));
    assert!(refused, "{started:?}");
    for number in 1..SESSIONS {
        let counted = call!(counter(&durable, &id(number)), Count::Soon);
        assert_eq!(counted.expect("it goes on"), 1);
    }
    let stats = durable.stats();
    let failing = stats.writes.failing.clone().expect("it is shown");
    assert!(
        failing.starts_with("the store cannot be reached: "),
        "{failing}"
    );
    assert!(stats.waiting >= SESSIONS, "{stats:?}");

    server.start_again();
    let before = durable.stats().writes;
    // One that had begun before the server was back fails, and is followed by another.
    while durable.flush().await.is_err() {}
    let after = durable.stats().writes;
    assert_eq!(after.failing, None);
    // What is tried one by one, since one of them may be at fault, takes eight at least.
    let writes = after.succeeded - before.succeeded;
    assert!(writes <= 4, "{writes} writes for {SESSIONS} sessions");
    durable.stop().await.expect("it stops");

    let mut store = open(&options);
    let states = std::thread::spawn(move || {
        for number in 0..SESSIONS {
            let state = store.state(&id(number), "");
            let state = state.unwrap_or_else(|error| panic!("{}", chain(&error)));
            assert_eq!(&*state.expect("it was saved").bytes, b"1", "{number}");
        }
        assert_eq!(store.entry("new").expect("it is read"), None);
    });
    states.join().expect("no panic");
}
