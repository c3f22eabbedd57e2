//! A subscriber that panics or blocks at the span of one session: it costs that session what code of
//! its own would, and others nothing.

use session_supervisor::{Options, SessionSupervisor};
use tokio::runtime::Builder;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::harm::{Harm, Kind, LONG};
use crate::holder::plain;
use crate::others::are_served;

/// Where the subscriber harms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    New,
    Enter,
    Exit,
    Close,
}

struct Spans {
    harm: Harm,
    at: At,
}

/// The number of the span of the session that is harmed, and that of all others.
const HARMED: u64 = 2;
const OTHERS: u64 = 1;

impl Spans {
    fn strike(&self, at: At, span: u64) {
        if self.at == at && span == HARMED {
            self.harm.strike();
        }
    }
}

/// Whether a span is of that session.
struct OfSession(bool);

impl Visit for OfSession {
    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0 |= field.name() == "session" && value == "harmed";
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == "session_supervisor"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut of_session = OfSession(false);
        span.record(&mut of_session);
        let number = if of_session.0 { HARMED } else { OTHERS };
        self.strike(At::New, number);
        Id::from_u64(number)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, _event: &Event<'_>) {}
    fn enter(&self, span: &Id) {
        self.strike(At::Enter, span.into_u64());
    }
    fn exit(&self, span: &Id) {
        self.strike(At::Exit, span.into_u64());
    }
    fn try_close(&self, span: Id) -> bool {
        self.strike(At::Close, span.into_u64());
        true
    }
}

#[test]
fn a_subscriber_that_panics_or_blocks_at_a_span_harms_no_other_session() {
    for kind in [Kind::Panics, Kind::Blocks] {
        for at in [At::New, At::Enter, At::Exit, At::Close] {
            let what = &format!("{kind:?} at {at:?}");
            let mut builder = Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).enable_all().build().unwrap();
            let harm = Harm::new(kind);
            let spans = Spans {
                harm: harm.clone(),
                at,
            };
            let sessions = tracing::subscriber::with_default(spans, || {
                runtime.block_on(SessionSupervisor::start(Options::new().unique_name()))
            });
            let sessions = sessions.unwrap();
            let harmed = sessions.clone();
            let (tell, told) = std::sync::mpsc::channel();
            runtime.spawn(async move {
                let started = harmed.start_session("harmed", plain()).await.is_ok();
                let stopped = harmed.stop_session("harmed").await.is_ok();
                tell.send(started && stopped)
            });
            harm.wait_for(1, what);
            are_served(runtime.handle(), &sessions, what);
            harm.release();
            assert_eq!(told.recv_timeout(LONG), Ok(true), "{what}");
            let stop = async { tokio::time::timeout(LONG, sessions.stop()).await };
            let report = runtime
                .block_on(stop)
                .expect("the stop is answered")
                .unwrap();
            assert_eq!(report.stuck, 0, "{what}");
            harm.all_dropped(what);
        }
    }
}
