//! The actor that the tests supervise, and counters that tell what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Options, SessionSupervisor};

/// What happened to the actors of one test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    pub(crate) starts: Arc<AtomicUsize>,
    pub(crate) stops: Arc<AtomicUsize>,
    pub(crate) alive: Arc<AtomicUsize>,
}

impl Probe {
    pub(crate) fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    pub(crate) fn stops(&self) -> usize {
        self.stops.load(Ordering::SeqCst)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// A spec of the test actor; its start function counts.
    pub(crate) fn spec(&self) -> ChildSpec<Worker> {
        let probe = self.clone();
        ChildSpec::new(move |_| {
            probe.starts.fetch_add(1, Ordering::SeqCst);
            (Worker::default(), probe.clone())
        })
    }

    /// The same with a pause in `post_stop`.
    pub(crate) fn slow_to_stop(&self, pause: Duration) -> ChildSpec<Worker> {
        let probe = self.clone();
        ChildSpec::new(move |_| {
            probe.starts.fetch_add(1, Ordering::SeqCst);
            (Worker { pause }, probe.clone())
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Worker {
    pause: Duration,
}

#[derive(Debug)]
pub(crate) enum Order {
    Crash,
    Panic,
    Hang,
    Echo(u32, RpcReplyPort<u32>),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Order {}

/// Counts one live state.
#[derive(Debug)]
pub(crate) struct Live(Probe);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

#[ractor::actor(message = Order, state = Live, arguments = Probe)]
impl Worker {
    async fn pre_start(
        &self,
        _myself: ActorRef<Order>,
        probe: Probe,
    ) -> Result<Live, ActorProcessingErr> {
        probe.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Live(probe))
    }

    async fn handle(
        &self,
        _myself: ActorRef<Order>,
        order: Order,
        _state: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        match order {
            Order::Crash => Err("told to crash".into()),
            Order::Panic => panic!("told to panic"),
            Order::Hang => std::future::pending().await,
            Order::Echo(n, reply) => {
                drop(reply.send(n));
                Ok(())
            }
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Order>,
        state: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        state.0.stops.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

pub(crate) async fn supervisor(options: Options) -> SessionSupervisor {
    SessionSupervisor::start(options.unique_name())
        .await
        .expect("a unique name is free")
}
