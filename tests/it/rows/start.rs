//! Starting a session: what a start answers, and what it leaves behind.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, registry};
use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Exit, Launch, Options, Restart, SessionState, names};

use super::ways::{HOUR, Held, WINDOW, Way, crash, info};
use crate::support::{Gate, Order, Probe, ask_and_go, asked, back, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const KINDS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];

/// An actor of the three spellings of a spec; its argument is what it answers.
struct Fixed;

#[derive(Debug)]
struct Ask(ractor::RpcReplyPort<u32>);

#[cfg(feature = "cluster")]
impl ractor::Message for Ask {}

#[ractor::actor(message = Ask, state = u32, arguments = u32)]
impl Fixed {
    async fn pre_start(
        &self,
        _myself: ActorRef<Ask>,
        value: u32,
    ) -> Result<u32, ActorProcessingErr> {
        Ok(value)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Ask>,
        Ask(reply): Ask,
        value: &mut u32,
    ) -> Result<(), ActorProcessingErr> {
        drop(reply.send(*value));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn row_013_a_session_of_any_spelling_starts_answers_and_is_listed() {
    let sessions = supervisor(Options::new()).await;
    for (id, spec, value) in [
        ("new", ChildSpec::new(|_| (Fixed, 1)), 1),
        (
            "fn",
            ChildSpec::from_fn(|_| async { Ok(Launch::Actor(Fixed, 2)) }),
            2,
        ),
        (
            "with",
            ChildSpec::from_fn_with(3, |store, _| async move { Ok(Launch::Actor(Fixed, store)) }),
            3,
        ),
    ] {
        let session = sessions.start_session(id, spec).await.unwrap();
        let answer = session.call(Ask, None).await.unwrap();
        assert!(matches!(answer, ractor::rpc::CallResult::Success(n) if n == value));
        assert_eq!(info(&sessions, id).await.state, SessionState::Running);
        let found = sessions.find_session(id).expect("it is found");
        assert_eq!(found.get_id(), session.get_id());
    }
    let list = sessions.list_sessions().await.unwrap();
    let ids: Vec<_> = list.iter().map(|info| &*info.id).collect();
    assert_eq!(ids, ["new", "fn", "with"]);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_014_one_spec_starts_any_number_of_ids() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec();
    let mut seen = std::collections::HashSet::new();
    for id in ["a", "b", "c"] {
        let session = sessions.start_session(id, spec.clone()).await.unwrap();
        seen.insert(session.get_id());
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 3);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_016_an_ignored_start_is_told_and_leaves_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for (n, kind) in KINDS.into_iter().enumerate() {
        let spec = probe.script().launch(|_| async { Ok(false) }).spec();
        let answer = sessions.start_session("a", spec.restart(kind)).await;
        assert!(matches!(answer, Err(StartError::Ignored)), "{answer:?}");
        tokio::time::sleep(HOUR).await;
        assert_eq!(probe.starts(), n + 1, "{kind:?} is not tried again");
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
        assert!(registry::where_is(names::session(sessions.name(), "a")).is_none());
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!(report.failed + report.killed + report.stopped, 0);
}

#[derive(Debug, thiserror::Error)]
#[error("no paper in tray {0}")]
struct NoPaper(u32);

#[tokio::test(start_paused = true)]
async fn row_017_a_failed_start_is_told_as_it_is_and_nothing_is_counted() {
    let options = Options::otp().total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let spec = probe
        .script()
        .launch(|_| async { Err(NoPaper(7).into()) })
        .spec();
    for n in 1..=100 {
        let error = sessions.start_session("a", spec.clone()).await.unwrap_err();
        let StartError::Failed { id, cause } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(&**id, "a");
        assert_eq!(
            cause.downcast_ref::<NoPaper>().expect("the user's own").0,
            7
        );
        assert_eq!(probe.starts(), n);
    }
    assert!(sessions.list_sessions().await.unwrap().is_empty());
    tokio::time::sleep(HOUR).await;
    assert_eq!(probe.starts(), 100);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_018_a_start_that_panics_is_an_error_and_affects_no_other() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = sessions.start_session("other", probe.spec()).await.unwrap();
    let panics: [(&str, ChildSpec<crate::support::Worker>); 4] = [
        (
            "in the closure",
            ChildSpec::from_fn(|_| -> std::future::Ready<_> { panic!("in the closure") }),
        ),
        (
            "in the future",
            ChildSpec::from_fn(|_| async { panic!("in the future") }),
        ),
        ("in new", ChildSpec::new(|_| panic!("in new"))),
        (
            "in pre_start",
            probe
                .script()
                .pre_start(|_, _| async { panic!("in pre_start") })
                .spec(),
        ),
    ];
    for (text, spec) in panics {
        let error = sessions.start_session("a", spec).await.unwrap_err();
        assert!(matches!(error, StartError::Failed { .. }), "{error:?}");
        // The cause is the source, and not told in the message too.
        let cause = error.source().expect("it has a cause").to_string();
        assert!(cause.contains(text), "{cause}");
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    }
    assert_eq!(ractor::call!(other, Order::Echo, 1).unwrap(), 1);
    assert_eq!(
        sessions.find_session("other").unwrap().get_id(),
        other.get_id()
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_019_what_all_sessions_share_reaches_each_of_them() {
    let sessions = supervisor(Options::new()).await;
    let store = Arc::new(42);
    let captured = Arc::clone(&store);
    let by_capture = ChildSpec::new(move |_| (Fixed, *captured));
    let given = ChildSpec::from_fn_with(Arc::clone(&store), |store, _| async move {
        Ok(Launch::Actor(Fixed, *store))
    });
    for (id, spec) in [("a", by_capture), ("b", given.clone()), ("c", given)] {
        let session = sessions.start_session(id, spec).await.unwrap();
        let answer = session.call(Ask, None).await.unwrap();
        assert!(matches!(answer, ractor::rpc::CallResult::Success(42)));
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_020_a_slow_start_is_answered_after_it_and_keeps_no_other_caller_waiting() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let began = tokio::time::Instant::now();
    let second = Duration::from_secs(1);
    let slow = probe.script().pre_start(move |_, _| async move {
        tokio::time::sleep(second).await;
        Ok(())
    });
    let slow = asked(sessions.start_session("slow", slow.spec())).await;
    sessions.start_session("quick", probe.spec()).await.unwrap();
    assert_eq!(sessions.count_sessions().await.unwrap().starting, 1);
    assert_eq!(sessions.list_sessions().await.unwrap().len(), 2);
    sessions.stop_session("quick").await.unwrap();
    assert!(began.elapsed().is_zero(), "no caller waited");
    assert!(!slow.is_finished());
    slow.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), second);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_021_a_session_that_ends_at_once_was_started_and_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for early in [true, false] {
        let script = probe.script();
        let stop_itself = |_, myself: ActorRef<Order>| async move {
            myself.stop(None);
            Ok(())
        };
        let script = if early {
            script.pre_start(stop_itself)
        } else {
            script.post_start(stop_itself)
        };
        let spec = script.spec().restart(Restart::Temporary);
        let session = sessions
            .start_session("a", spec)
            .await
            .expect("it was started");
        died(&session.get_cell()).await;
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    }
    assert_eq!(probe.starts(), 2);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_022_a_session_belongs_to_the_supervisor_and_not_to_its_caller() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (tell, told) = tokio::sync::oneshot::channel();
    let start = sessions.start_session("a", probe.spec());
    let caller = tokio::spawn(async move {
        let session = start.await.unwrap();
        tell.send(session).unwrap();
        std::future::pending::<()>().await;
    });
    let session = told.await.unwrap();
    let above = session.try_get_supervisor().expect("it is linked");
    assert_eq!(above.get_id(), sessions.get_cell().get_id());
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(ractor::call!(session, Order::Echo, 5).unwrap(), 5);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_023_a_start_is_carried_out_although_its_caller_went_away() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let script = probe.script().pre_start(gate.holds());
    ask_and_go(sessions.start_session("a", script.spec())).await;
    gate.open();
    probe.until(|tally| tally.ready == 1).await;
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert!(sessions.find_session("a").is_some());
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    sessions
        .start_session("b", probe.spec())
        .await
        .expect("no place leaked");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_024_a_dead_supervisor_is_an_error_value() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let script = probe.script().pre_start(gate.holds());
    let first = asked(sessions.start_session("a", script.spec())).await;
    let queued = asked(sessions.start_session("a", probe.spec())).await;
    sessions.stop().await.unwrap();
    for start in [first, queued] {
        let answer = start.await.unwrap();
        assert!(
            matches!(answer, Err(StartError::SupervisorDown)),
            "{answer:?}"
        );
    }
    let late = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(late, Err(StartError::SupervisorDown)), "{late:?}");
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_025_a_name_that_a_foreigner_holds_is_never_adopted() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let name = names::session(sessions.name(), "a");
    let (foreigner, _) = Fixed::spawn(Some(name.clone()), Fixed, 9).await.unwrap();
    let error = sessions.start_session("a", probe.spec()).await.unwrap_err();
    let StartError::NameTaken { id, cell } = error else {
        panic!("{error:?}");
    };
    assert_eq!((&*id, cell.unwrap().get_id()), ("a", foreigner.get_id()));
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    assert!(sessions.find_session("a").is_none());
    let holder = registry::where_is(name).expect("the foreigner");
    assert_eq!(holder.get_id(), foreigner.get_id());
    let answer = foreigner.call(Ask, None).await.unwrap();
    assert!(matches!(answer, ractor::rpc::CallResult::Success(9)));
    foreigner.stop_and_wait(None, None).await.unwrap();
    sessions
        .start_session("a", probe.spec())
        .await
        .expect("the name is free");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_026_a_spec_is_kept_no_longer_than_its_session() {
    for (kind, crashes_before) in [
        (Restart::Temporary, false),
        (Restart::Temporary, true),
        (Restart::Permanent, false),
    ] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        if crashes_before {
            let spec = probe.spec().restart(Restart::Temporary);
            let early = sessions.start_session("early", spec).await.unwrap();
            Way::Error.end(&early).await;
        }
        let held = Arc::new(Held::new(&probe));
        let script = probe.script().launch(move |_| {
            held.touch();
            async { Ok(true) }
        });
        let session = sessions
            .start_session("a", script.spec().restart(kind))
            .await
            .unwrap();
        assert!(
            probe.notes().is_empty(),
            "it is kept while the session lives"
        );
        if kind == Restart::Temporary {
            end(&session, Order::Crash).await;
        } else {
            end(&session, Order::Crash).await;
            back(&sessions, "a").await;
            assert!(probe.notes().is_empty(), "a permanent one needs it");
            sessions.stop_session("a").await.unwrap();
        }
        Held::dropped(&probe).await;
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn row_027_what_fails_after_the_start_is_a_crash_by_the_restart_rule() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let fails = |probe: &Probe| {
        probe.script().post_start(|start, _| async move {
            match start.incarnation {
                1 => Err("the second step".into()),
                _ => Ok(()),
            }
        })
    };
    let spec = fails(&probe).spec().restart(Restart::Temporary);
    let session = sessions
        .start_session("a", spec)
        .await
        .expect("it was started");
    died(&session.get_cell()).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);

    let spec = fails(&probe).spec();
    let session = sessions
        .start_session("b", spec)
        .await
        .expect("it was started");
    died(&session.get_cell()).await;
    back(&sessions, "b").await;
    let info = info(&sessions, "b").await;
    assert_eq!((info.incarnation, info.restarts), (2, 1));
    assert!(
        info.last_exit
            .unwrap()
            .to_string()
            .contains("the second step")
    );
    crash(&sessions, "b").await;
    sessions.stop().await.unwrap();
}
