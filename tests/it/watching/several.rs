//! Pages of the list, a stop of some sessions, a message to all.

use std::collections::BTreeSet;

use session_supervisor::error::{ErrorKind, RestartAsError, StopError};
use session_supervisor::{Exit, Options, SessionPage, SessionSupervisor};

use crate::support::{Order, Probe, back, end, supervisor};

async fn filled(n: usize, probe: &Probe) -> SessionSupervisor {
    let sessions = supervisor(Options::new()).await;
    for i in 0..n {
        let start = sessions.start_session(&format!("s{i:04}"), probe.spec());
        start.await.unwrap();
    }
    sessions
}

fn ids(page: &SessionPage) -> Vec<String> {
    let ids = page.sessions.iter().map(|info| info.id.to_string());
    ids.collect()
}

/// "A session that is alive while all pages are taken appears exactly once."
#[tokio::test(start_paused = true)]
async fn pages_show_each_session_once_although_others_come_and_go() {
    let probe = Probe::default();
    for most in [0, 1, 7, 256, 257, 1_000] {
        let sessions = filled(600, &probe).await;
        let mut seen = Vec::new();
        let mut after = None;
        let mut turn = 0;
        loop {
            let page = sessions.list_page(after, most).await.unwrap();
            assert!(page.sessions.len() <= most.max(1));
            seen.extend(ids(&page));
            let Some(next) = page.next else { break };
            // The last one of this page ends, and comes back under its id, at the end.
            if turn == 2 {
                let last = page.sessions.last().unwrap().id.clone();
                sessions.stop_session(&last).await.unwrap();
                if most > 1 {
                    sessions.start_session(&last, probe.spec()).await.unwrap();
                }
            }
            // So does one that comes later.
            if turn == 3 && most > 7 {
                sessions.stop_session("s0599").await.ok();
            }
            turn += 1;
            after = Some(next);
        }
        let others: BTreeSet<_> = seen.iter().cloned().collect();
        assert!(others.len() >= 599, "most {most}: {}", others.len());
        assert!(seen.len() <= others.len() + 1, "most {most}");
        sessions.stop().await.unwrap();
    }
    let sessions = filled(3, &probe).await;
    let page = sessions.list_page(None, 3).await.unwrap();
    assert_eq!(ids(&page), ["s0000", "s0001", "s0002"]);
    assert!(page.next.is_none(), "there is nothing more");
    // A restart does not move one.
    let first = sessions.find_session_as::<Order>("s0000").unwrap();
    end(&first, Order::Crash).await;
    back(&sessions, "s0000").await;
    let page = sessions.list_page(None, 2).await.unwrap();
    assert_eq!(ids(&page), ["s0000", "s0001"]);
    sessions.stop().await.unwrap();
    assert!(sessions.list_page(page.next, 2).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_the_predicate_picks_is_stopped_and_nothing_else() {
    let probe = Probe::default();
    let sessions = filled(2_500, &probe).await;
    let ends = sessions.stop_where(|info| info.id.ends_with('7')).await;
    let ends = ends.unwrap();
    assert_eq!(ends.len(), 250);
    assert!(
        ends.iter()
            .all(|stopped| stopped.id.ends_with('7') && stopped.end == Ok(Exit::Shutdown))
    );
    assert_eq!(sessions.count_sessions().await.unwrap().active, 2_250);
    assert_eq!(sessions.stop_where(|_| false).await.unwrap().len(), 0);
    sessions.stop().await.unwrap();
    assert!(sessions.stop_where(|_| true).await.is_err());
}

/// A predicate is the caller's code: it panics in the caller's task, before anything is stopped.
#[tokio::test(start_paused = true)]
async fn a_predicate_that_panics_stops_nothing() {
    let probe = Probe::default();
    let sessions = filled(3, &probe).await;
    let mut seen = 0;
    let call = sessions.stop_where(move |_| {
        seen += 1;
        assert!(seen < 3, "the third");
        true
    });
    assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    assert_eq!(sessions.count_sessions().await.unwrap().active, 3);
    sessions.stop().await.unwrap();
}

/// What a session takes that is no `Order`.
#[derive(Clone, Debug)]
struct Word;

#[cfg(feature = "cluster")]
impl ractor::Message for Word {}

struct Takes;

#[ractor::actor(message = Word, state = Probe, arguments = Probe)]
impl Takes {
    async fn pre_start(
        &self,
        _myself: ractor::ActorRef<Word>,
        probe: Probe,
    ) -> Result<Probe, ractor::ActorProcessingErr> {
        Ok(probe)
    }

    async fn handle(
        &self,
        _myself: ractor::ActorRef<Word>,
        _word: Word,
        probe: &mut Probe,
    ) -> Result<(), ractor::ActorProcessingErr> {
        probe.note("taken");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_to_all_reaches_those_who_take_its_type() {
    let probe = Probe::default();
    let sessions = filled(10, &probe).await;
    let takes = probe.clone();
    let spec = session_supervisor::ChildSpec::new(move |_| (Takes, takes.clone()));
    for i in 0..1_200 {
        let start = sessions.start_session(&format!("h{i}"), spec.clone());
        start.await.unwrap();
    }
    let told = sessions.broadcast(Word).await.unwrap();
    assert_eq!((told.sent, told.refused), (1_200, 0));
    probe.until(|tally| tally.notes.len() == 1_200).await;
    sessions.stop().await.unwrap();
    assert!(sessions.broadcast(Word).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_yields_a_typed_reference() {
    let probe = Probe::default();
    let sessions = filled(1, &probe).await;
    let session = sessions.restart_session_as::<Order>("s0000").await.unwrap();
    session.cast(Order::Crash).unwrap();
    back(&sessions, "s0000").await;
    let wrong = sessions
        .restart_session_as::<u64>("s0000")
        .await
        .unwrap_err();
    assert!(matches!(wrong, RestartAsError::WrongMessageType { .. }));
    assert_eq!(wrong.kind(), ErrorKind::WrongMessageType);
    let unknown = sessions.restart_session_as::<Order>("").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(!unknown.is_retryable() && !StopError::NotFound.is_retryable());
    assert!(StopError::Stuck.is_retryable());
    sessions.stop().await.unwrap();
}
