//! The ways in which a value can end, each played up to the point where it is being dropped.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::{ChildSpec, Drain, Options, Restart, SessionSupervisor, Shutdown};

use crate::asks::{later, time_out};
use crate::harm::{Harm, LONG};
use crate::holder::{Holder, Msg, Plan, Start, Value, plain, spec};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    // Of a session that runs.
    Stop,
    StopItself,
    Kill,
    BrutalStop,
    RestartByHand,
    Crash,
    CrashAndRestart,
    CrashTwice,
    ParkAndDiscard,
    SupervisorStop,
    SupervisorDrain,
    SupervisorKill,
    ForeignStop,
    RuntimeDropped,
    // Of a start.
    StartFails,
    StartFailsAndNobodyWaits,
    StopBeforeItFails,
    SupervisorStopBeforeItFails,
    TimedOut,
    Cancelled,
    RestartFails,
    // Of a start that is refused.
    AlreadyStarted,
    Parked,
    ClaimTaken,
    MaxSessions,
    QueuedBehindAStop,
    SupervisorDown,
}

impl End {
    pub(crate) const ALL: [Self; 27] = [
        Self::Stop,
        Self::StopItself,
        Self::Kill,
        Self::BrutalStop,
        Self::RestartByHand,
        Self::Crash,
        Self::CrashAndRestart,
        Self::CrashTwice,
        Self::ParkAndDiscard,
        Self::SupervisorStop,
        Self::SupervisorDrain,
        Self::SupervisorKill,
        Self::ForeignStop,
        Self::RuntimeDropped,
        Self::StartFails,
        Self::StartFailsAndNobodyWaits,
        Self::StopBeforeItFails,
        Self::SupervisorStopBeforeItFails,
        Self::TimedOut,
        Self::Cancelled,
        Self::RestartFails,
        Self::AlreadyStarted,
        Self::Parked,
        Self::ClaimTaken,
        Self::MaxSessions,
        Self::QueuedBehindAStop,
        Self::SupervisorDown,
    ];

    /// Whether the supervisor is there afterwards.
    pub(crate) fn leaves_the_supervisor(self) -> bool {
        !matches!(
            self,
            Self::SupervisorStop
                | Self::SupervisorDrain
                | Self::SupervisorKill
                | Self::ForeignStop
                | Self::RuntimeDropped
                | Self::SupervisorStopBeforeItFails
                | Self::SupervisorDown
        )
    }

    fn starts(self) -> (Start, Start) {
        match self {
            Self::StartFails => (Start::Fails, Start::Fails),
            Self::StartFailsAndNobodyWaits => (Start::FailsLater, Start::Runs),
            Self::StopBeforeItFails | Self::SupervisorStopBeforeItFails => {
                (Start::FailsAtLast, Start::Runs)
            }
            Self::TimedOut | Self::Cancelled => (Start::Hangs, Start::Runs),
            Self::RestartFails => (Start::Runs, Start::Fails),
            _ => (Start::Runs, Start::Runs),
        }
    }
}

/// Plays a case, with so many sessions at once, up to the drops.
pub(crate) async fn play(
    end: End,
    value: Value,
    harm: &Harm,
    sessions: &SessionSupervisor,
    many: usize,
) {
    let plan = Plan {
        harm: harm.clone(),
        value,
        starts: end.starts(),
        later: Arc::new(tokio::sync::Semaphore::new(0)),
        at_last: Arc::new(std::sync::Barrier::new(2)),
        began: Arc::new(tokio::sync::Semaphore::new(0)),
    };
    let ids: Vec<_> = (0..many).map(|n| format!("case {n}")).collect();
    match end {
        End::StartFails
        | End::StartFailsAndNobodyWaits
        | End::StopBeforeItFails
        | End::SupervisorStopBeforeItFails
        | End::TimedOut
        | End::Cancelled => starts(end, &plan, sessions, &ids).await,
        End::AlreadyStarted
        | End::Parked
        | End::ClaimTaken
        | End::MaxSessions
        | End::QueuedBehindAStop
        | End::SupervisorDown => refused(end, &plan, sessions, &ids).await,
        _ => lives(end, &plan, sessions, &ids).await,
    }
}

async fn starts(end: End, plan: &Plan, sessions: &SessionSupervisor, ids: &[String]) {
    if end == End::TimedOut {
        return time_out(plan, sessions, ids).await;
    }
    for id in ids {
        let spec = spec(plan)
            .restart(Restart::Temporary)
            .start_timeout(Duration::from_secs(60));
        let start = sessions.start_session(id, spec);
        if end == End::StartFailsAndNobodyWaits {
            // Polled once, and given up.
            tokio::select! {
                biased;
                _ = start => {}
                () = std::future::ready(()) => {}
            }
        } else {
            later(start).await;
        }
    }
    if end == End::StartFails {
        return;
    }
    plan.began
        .acquire_many(u32::try_from(ids.len()).unwrap())
        .await
        .unwrap()
        .forget();
    match end {
        End::StopBeforeItFails | End::Cancelled => {
            for id in ids {
                later(sessions.stop_session(id)).await;
            }
            // Taken before what was asked before it.
            sessions.count_sessions().await.unwrap();
        }
        End::SupervisorStopBeforeItFails => {
            later(sessions.stop()).await;
            sessions.count_sessions().await.ok();
        }
        _ => {}
    }
    if matches!(
        end,
        End::StopBeforeItFails | End::SupervisorStopBeforeItFails
    ) {
        // This thread is no worker.
        plan.at_last.wait();
    }
    plan.later.add_permits(ids.len());
}

async fn refused(end: End, plan: &Plan, sessions: &SessionSupervisor, ids: &[String]) {
    match end {
        End::Parked => {
            let fails = plain().restart_limit(0, Duration::from_secs(5));
            let session = sessions.start_session("one", fails).await.unwrap();
            session.cast(Msg::Fail(None)).unwrap();
            session.get_cell().wait(None).await.unwrap();
        }
        End::ClaimTaken | End::MaxSessions | End::AlreadyStarted | End::QueuedBehindAStop => {
            let one = plain().claim("number", "one");
            sessions.start_session("one", one).await.unwrap();
        }
        _ => drop(sessions.stop().await),
    }
    if end == End::QueuedBehindAStop {
        later(sessions.restart_session("one")).await;
    }
    for id in ids {
        let id = match end {
            End::MaxSessions | End::ClaimTaken => id,
            _ => "one",
        };
        let spec = match end {
            End::ClaimTaken => spec(plan).claim("number", "one"),
            _ => spec(plan),
        };
        later(sessions.start_session(id, spec)).await;
    }
    if end == End::QueuedBehindAStop {
        later(sessions.stop_session("one")).await;
    }
}

/// The rules of the sessions of a case.
fn ruled(end: End, plan: &Plan) -> ChildSpec<Holder> {
    let spec = spec(plan);
    match end {
        End::BrutalStop => spec.shutdown(Shutdown::BrutalKill),
        End::CrashAndRestart | End::CrashTwice | End::RestartFails => {
            spec.restart(Restart::Permanent).without_restart_limit()
        }
        End::ParkAndDiscard => spec.restart_limit(0, Duration::from_secs(5)),
        End::SupervisorStop | End::SupervisorDrain if plan.value == Value::CallbackError => {
            spec.restart(Restart::Permanent).without_restart_limit()
        }
        _ => spec.restart(Restart::Temporary),
    }
}

async fn lives(end: End, plan: &Plan, sessions: &SessionSupervisor, ids: &[String]) {
    let mut all = Vec::new();
    for id in ids {
        all.push(sessions.start_session(id, ruled(end, plan)).await.unwrap());
    }
    let error = (plan.value == Value::CallbackError).then(|| plan.harm.clone());
    for (session, id) in all.iter().zip(ids) {
        let carried = plan.value == Value::Message;
        if carried && end != End::StopItself {
            // A session that is killed before its first turn is over has just woken the root, which
            // tokio put into a slot of its thread that no other takes from, and calls nothing of
            // ours before ractor drops its mailbox. What blocks there keeps the root.
            ractor::call!(session, Msg::Echo).unwrap();
            let fails = matches!(end, End::Crash | End::CrashAndRestart);
            if fails {
                session.cast(Msg::Wait(Arc::clone(&plan.later))).unwrap();
                session.cast(Msg::Fail(None)).unwrap();
            } else {
                session.cast(Msg::Hang).unwrap();
            }
            // What lies behind that in the mailbox is never handled.
            session.cast(Msg::Carry(plan.harm.trap())).unwrap();
            plan.later.add_permits(usize::from(fails));
        }
        match end {
            End::Stop | End::BrutalStop if carried => session.kill(),
            End::Stop | End::BrutalStop => later(sessions.stop_session(id)).await,
            End::RestartByHand if carried => session.kill(),
            End::RestartByHand => later(sessions.restart_session(id)).await,
            End::StopItself => {
                if carried {
                    // It may yet be handled before the stop is seen.
                    session.cast(Msg::Carry(plan.harm.trap())).unwrap();
                }
                session.stop(None);
            }
            End::Kill => session.kill(),
            End::Crash
            | End::CrashAndRestart
            | End::RestartFails
            | End::ParkAndDiscard
            | End::CrashTwice => match (plan.value, &error) {
                (Value::Message, _) => {}
                (Value::CallbackPayload, _) => session.cast(Msg::Panic(plan.harm.clone())).unwrap(),
                _ => session.cast(Msg::Fail(error.clone())).unwrap(),
            },
            End::SupervisorStop | End::SupervisorDrain if error.is_some() => {
                session.cast(Msg::Fail(error.clone())).unwrap();
                session.get_cell().wait(None).await.unwrap();
            }
            _ => {}
        }
    }
    for (session, id) in all.iter().zip(ids) {
        match end {
            End::ParkAndDiscard => {
                session.get_cell().wait(None).await.unwrap();
                later(sessions.stop_session(id)).await;
            }
            End::CrashTwice => {
                session.get_cell().wait(None).await.unwrap();
                let back = sessions
                    .ensure_session(id, plain())
                    .await
                    .unwrap()
                    .into_inner();
                back.cast(Msg::Fail(None)).unwrap();
            }
            _ => {}
        }
    }
    match end {
        End::SupervisorStop if plan.value == Value::Message => {
            later(sessions.stop_within(Duration::ZERO)).await;
        }
        End::SupervisorStop => later(sessions.stop()).await,
        End::SupervisorDrain if plan.value == Value::Message => {
            later(sessions.drain(Drain::within(Duration::ZERO))).await;
        }
        End::SupervisorDrain => later(sessions.drain(Drain::within(6 * LONG))).await,
        End::SupervisorKill => sessions.get_cell().kill(),
        End::ForeignStop if plan.value == Value::Message => sessions.get_cell().kill(),
        End::ForeignStop => sessions.get_cell().stop(None),
        _ => {}
    }
}

pub(crate) async fn supervisor(end: End) -> SessionSupervisor {
    let options = Options::new().unique_name();
    let options = match end {
        End::MaxSessions => options.max_sessions(1),
        _ => options,
    };
    SessionSupervisor::start(options).await.unwrap()
}
