//! The spans of ractor's own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Notes which spans are made, and counts how often one is entered.
#[derive(Default)]
struct Spans {
    made: Mutex<Vec<(String, String)>>,
    entered: AtomicU64,
}

impl Subscriber for &'static Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let (target, name) = (span.metadata().target(), span.metadata().name());
        let mut made = self.made.lock().unwrap();
        made.push((target.to_owned(), name.to_owned()));
        Id::from_u64(made.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        self.entered.fetch_add(1, Ordering::Relaxed);
    }

    fn exit(&self, _: &Id) {}
}

struct Idle;

#[cfg_attr(feature = "async-trait", ractor::async_trait)]
impl Actor for Idle {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

#[tokio::test]
async fn r53_each_poll_of_an_actor_enters_a_span_of_ractors_own() {
    let spans: &'static Spans = Box::leak(Box::default());
    let _guard = tracing::subscriber::set_default(spans);
    // Other tests may have been the first at these places, and nobody listens to them: what tracing has
    // noted of that is made anew once all places are known.
    let (before, ended) = Idle::spawn(None, Idle, ()).await.unwrap();
    before.stop(None);
    ended.await.unwrap();
    tracing::callsite::rebuild_interest_cache();
    spans.made.lock().unwrap().clear();
    let (actor, ends) = Idle::spawn(None, Idle, ()).await.unwrap();
    let span = ("ractor::actor".to_owned(), "Actor".to_owned());
    // Its start and its loop have one each.
    tokio::task::yield_now().await;
    assert_eq!(*spans.made.lock().unwrap(), [span.clone(), span]);
    let before = spans.entered.load(Ordering::Relaxed);
    actor.cast(()).unwrap();
    tokio::task::yield_now().await;
    assert!(spans.entered.load(Ordering::Relaxed) > before);
    actor.stop(None);
    ends.await.unwrap();
}
