//! The order of the lines about one id, and that none is inside a caller's span (D22).

use std::sync::Mutex;

use session_supervisor::{Options, Restart};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument, Metadata, Subscriber};

use super::Capture;
use crate::support::{Order, Probe, back, end, supervisor};

/// The incarnations that the lines about a session name, in their order, and who was asked from
/// where.
#[derive(Default)]
struct Seen {
    incarnations: Vec<(String, u64)>,
    inside: usize,
}

#[derive(Clone, Default)]
struct Listener(std::sync::Arc<Mutex<Seen>>);

#[derive(Default)]
struct Fields {
    session: String,
    incarnation: u64,
}

impl Visit for Fields {
    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "incarnation" {
            self.incarnation = value;
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "session" {
            value.clone_into(&mut self.session);
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("session_supervisor") || metadata.is_span()
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut seen = self.0.lock().expect("no panic");
        seen.inside += usize::from(event.is_contextual() || event.parent().is_some());
        if fields.incarnation > 0 {
            seen.incarnations.push((fields.session, fields.incarnation));
        }
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Others start sessions in their own spans meanwhile, and drive.
#[test]
fn lines_come_in_the_order_of_what_happened_and_in_no_callers_span() {
    drop(Capture::listen());
    let listener = Listener::default();
    let here = tracing::subscriber::set_default(listener.clone());
    let there = listener.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_start(move || {
            // As long as the thread lives.
            std::mem::forget(tracing::subscriber::set_default(there.clone()));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe
            .spec()
            .restart(Restart::Permanent)
            .without_restart_limit();
        // Each crash is followed by a restart at once.
        let spec = spec.backoff(session_supervisor::Backoff::none());
        sessions.start_session("crashes", spec).await.unwrap();
        let (others, quick) = (sessions.clone(), probe.clone());
        let starts = tokio::spawn(async move {
            for n in 0..500 {
                let id = format!("other {n}");
                let start = others.start_session(&id, quick.spec());
                start
                    .instrument(tracing::info_span!("a caller"))
                    .await
                    .unwrap();
                others.stop_session(&id).await.unwrap();
            }
        });
        for _ in 0..500 {
            let session = back(&sessions, "crashes").await;
            end(&session, Order::Crash).await;
        }
        starts.await.unwrap();
        sessions.stop().await.unwrap();
    });
    drop((runtime, here));
    let seen = listener.0.lock().expect("no panic");
    assert_eq!(seen.inside, 0, "lines inside a caller's span");
    let of_one: Vec<_> = seen
        .incarnations
        .iter()
        .filter(|(id, _)| id == "crashes")
        .collect();
    // Two for each life: its start, and its end with what follows.
    assert!(of_one.len() >= 1_000, "{} lines", of_one.len());
    let swapped = of_one.windows(2).find(|pair| pair[0].1 > pair[1].1);
    assert_eq!(
        swapped, None,
        "a later life is told of before an earlier one"
    );
}
