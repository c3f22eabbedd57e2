//! What each way to end means for the record of a session.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::{
    Decision, EndReason, EventKind, ExitCause, Expiry, Kill, Pending, RestartLimit, SessionId,
    SessionState, StartFailure,
};
use session_supervisor_store::Kept;
use session_supervisor_store::engine::{End, Fates};

fn launching() -> EventKind {
    let state = SessionState::Starting;
    EventKind::Launching { attempt: 1, state }
}

fn started() -> EventKind {
    let took = Duration::ZERO;
    EventKind::Started { took }
}

fn exited(cause: ExitCause, asked: bool, decision: Decision) -> EventKind {
    let uptime = Duration::ZERO;
    EventKind::Exited {
        cause,
        asked,
        uptime,
        decision,
    }
}

const NORMAL: ExitCause = ExitCause::Normal { reason: None };

fn failed() -> ExitCause {
    let error = "no paper".into();
    ExitCause::Failed { error }
}

fn restart() -> Decision {
    Decision::Restart {
        after: Duration::ZERO,
        restarts: 1,
        budget_left: None,
        limit: None,
    }
}

fn crashed(why: &str) -> End {
    End::Keep(Kept::Crashed(why.into()))
}

/// Events of one session; none: the supervisor begins to stop.
fn end(events: Vec<Option<EventKind>>) -> End {
    let mut fates = Fates::default();
    let id = SessionId::try_from("a").expect("an id");
    for event in events {
        match event {
            None => fates.stopping(),
            Some(event) => assert_eq!(fates.happened(7, &id, &event), None, "{event}"),
        }
    }
    let gone = EventKind::Gone(EndReason::Itself);
    fates.happened(7, &id, &gone).expect("it is gone")
}

#[test]
fn the_way_a_session_ends_decides_whether_it_is_forgotten() {
    let runs = || vec![Some(launching()), Some(started())];
    let after = |more: Vec<EventKind>| {
        let more = more.into_iter().map(Some);
        end(runs().into_iter().chain(more).collect())
    };
    let stop = || exited(ExitCause::Shutdown, true, Decision::Forget);
    // By a caller.
    assert_eq!(after(vec![EventKind::Stopping, stop()]), End::Forget);
    let killed = exited(ExitCause::Killed, true, Decision::Forget);
    let kill = EventKind::Killing(Kill::ByRule);
    assert_eq!(after(vec![EventKind::Stopping, kill, killed]), End::Forget);
    let again = exited(failed(), false, restart());
    assert_eq!(
        after(vec![again.clone(), EventKind::Withdrawn]),
        End::Forget
    );
    let cancelled = EventKind::LaunchCancelled {
        state: SessionState::Stopping,
    };
    assert_eq!(
        after(vec![again.clone(), launching(), cancelled.clone()]),
        End::Forget
    );
    // By itself.
    assert_eq!(
        after(vec![exited(NORMAL, false, Decision::Forget)]),
        End::Forget
    );
    let idle = EventKind::Expired(Expiry::Idle(Duration::ZERO));
    let old = EventKind::Expired(Expiry::Lifetime(Duration::ZERO));
    for over in [idle, old] {
        assert_eq!(after(vec![over.clone(), stop()]), End::Keep(Kept::Resting));
        // Also if the supervisor stops meanwhile.
        let mut events = runs();
        events.extend([Some(over.clone()), None, Some(stop())]);
        assert_eq!(end(events), End::Keep(Kept::Resting));
        let crash = exited(failed(), true, Decision::Forget);
        assert_eq!(after(vec![over, crash]), End::Keep(Kept::Resting));
    }
    // A crash, whatever its restart kind.
    let crash = exited(failed(), false, Decision::Forget);
    assert_eq!(after(vec![crash]), crashed("failed: no paper"));
    let kill = exited(ExitCause::Killed, false, Decision::Forget);
    assert_eq!(after(vec![kill]), crashed("killed"));
    assert_eq!(
        after(vec![again.clone(), EventKind::Discarded]),
        crashed("failed: no paper")
    );
    let limit = RestartLimit::new(1, Duration::from_secs(5)).expect("a limit");
    let removed = exited(failed(), false, Decision::Remove(limit));
    assert_eq!(after(vec![removed]), crashed("failed: no paper"));
    let pending = || exited(failed(), false, Decision::Undecided(Pending::Release));
    let told = EventKind::Decided(Decision::Forget);
    assert_eq!(after(vec![pending(), told]), crashed("failed: no paper"));
    // One that its supervisor would have started again ends with it, and so does the one for which it
    // ends: they are started again with the next one.
    for decision in [
        restart(),
        Decision::EscalateAll(limit),
        Decision::Escalate(limit),
    ] {
        let mut events = runs();
        events.extend([Some(exited(failed(), false, decision)), None]);
        assert_eq!(end(events), End::Keep(Kept::SupervisorEnded));
    }
    // A restart by hand is no stop.
    let by_hand = exited(ExitCause::Shutdown, true, Decision::RestartByHand);
    let crash = exited(failed(), false, Decision::Forget);
    let restarted = vec![EventKind::Stopping, by_hand, launching(), started(), crash];
    assert_eq!(after(restarted), crashed("failed: no paper"));
    // The supervisor stops.
    let supervisor_ended = End::Keep(Kept::SupervisorEnded);
    for by in [ExitCause::Shutdown, ExitCause::Killed] {
        let mut events = runs();
        let ended = exited(by, true, Decision::Forget);
        events.extend([None, Some(EventKind::Stopping), Some(ended)]);
        assert_eq!(end(events), supervisor_ended);
    }
    // It is killed, and its sessions with it.
    for cause in [ExitCause::Killed, failed()] {
        let mut events = runs();
        let ended = exited(cause, false, Decision::Forget);
        events.extend([None, Some(ended)]);
        assert_eq!(end(events), supervisor_ended);
    }
    // It cannot be told from a restart by hand that was overtaken.
    let mut events = runs();
    events.extend([Some(EventKind::Stopping), None, Some(stop())]);
    assert_eq!(end(events), supervisor_ended);
    let mut events = runs();
    events.extend([None, Some(exited(NORMAL, false, Decision::Forget))]);
    assert_eq!(end(events), supervisor_ended);
    // A first start that comes to nothing.
    let failure = StartFailure::Failed {
        error: Arc::from("no ink"),
    };
    let fails = EventKind::StartFailed { failure };
    let never = |why: &str| End::NeverRan(Some(why.into()));
    let start = vec![Some(launching()), Some(fails)];
    assert!(matches!(end(start), End::NeverRan(Some(why)) if why.contains("no ink")));
    let timeout = EventKind::StartTimedOut {
        timeout: Duration::from_secs(30),
    };
    let late = vec![Some(launching()), Some(timeout), Some(cancelled.clone())];
    assert_eq!(end(late), never("not started within 30s"));
    assert_eq!(
        end(vec![Some(launching()), None, Some(cancelled)]),
        End::NeverRan(None)
    );
    // One whose beginning nobody has told here.
    let ended = exited(ExitCause::Shutdown, true, Decision::Forget);
    assert_eq!(end(vec![None, Some(ended)]), supervisor_ended);
}
