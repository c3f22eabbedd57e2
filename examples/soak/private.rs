//! Private supervisors: whose every session is known to one worker, so that counts, list and report
//! can be told to the last one.

use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Options, SessionState, SessionSupervisor, ShutdownReport};

use crate::ask::{ask, ask_and_leave, within};
use crate::closing::{close, close_with, until};
use crate::drop_kinds::Careful;
use crate::figures::Stuck;
use crate::rng::Rng;
use crate::session::{LONG, Msg, Plan, StartKind, StopKind};
use crate::succession::{End, Instance, Kind, Over, alone};
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

/// What a session will have come to when the supervisor stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stopped,
    Failed,
    Killed,
    Parked,
    Starting,
}

const FATES: [Fate; 8] = [
    Fate::Stopped,
    Fate::Stopped,
    Fate::Stopped,
    Fate::Stopped,
    Fate::Failed,
    Fate::Killed,
    Fate::Parked,
    Fate::Starting,
];

fn number(fates: &[Fate], fate: Fate) -> usize {
    fates.iter().filter(|other| **other == fate).count()
}

/// One private supervisor, from its beginning to its end.
pub(crate) async fn step(rng: &mut Rng) {
    let fates: Vec<Fate> = (0..4 + rng.below(20)).map(|_| rng.pick(&FATES)).collect();
    let instance = alone(Options::new().unique_name(), fates.len()).await;
    if carry_out(&instance, &fates, rng).await.is_err() {
        contradiction("a private supervisor is down, and was not ended");
    }
    let end = rng.pick(&End::ALL);
    let report = match end {
        End::Stop => {
            let second = ask(Deed::StopSupervisor, instance.sessions.stop());
            let (report, second) = tokio::join!(instance.end(end), second);
            // The second may come when all is over.
            let same = second.is_err() || report == second.ok();
            must(report.is_some() && same, || {
                format!("two stops say {report:?} and {second:?}")
            });
            report
        }
        _ => instance.end(end).await,
    };
    judge(&fates, end, report);
    close(&instance).await;
}

/// Starts all sessions and waits until each is what it is to be.
async fn carry_out(instance: &Instance, fates: &[Fate], rng: &mut Rng) -> Result<(), Over> {
    let sessions = &instance.sessions;
    for (n, fate) in fates.iter().enumerate() {
        let entry = instance.census.entry(n);
        let start = sessions.start_session(&entry.id, plan(*fate, rng).spec(entry));
        if *fate == Fate::Starting {
            ask_and_leave(Deed::Start, start).await;
            continue;
        }
        match ask(Deed::Start, start).await {
            Ok(session) if *fate == Fate::Parked => {
                drop(session.cast(Msg::Fail));
                tally::did(Deed::Crash);
            }
            Ok(_) => {}
            Err(error) => contradiction(&format!("a private supervisor's start says: {error}")),
        }
    }
    let parked = number(fates, Fate::Parked);
    let starting = number(fates, Fate::Starting);
    let all_parked = async {
        loop {
            match ask(Deed::Count, sessions.count_sessions()).await {
                Ok(counts) if counts.parked == parked => return Ok(counts),
                Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(_) => return Err(Over),
            }
        }
    };
    let counts = within(all_parked, || {
        "a private supervisor's sessions do not park".to_owned()
    })
    .await?;
    let all = fates.len();
    let adds_up = (counts.specs, counts.workers, counts.supervisors) == (all, all, 0)
        && counts.active == all - parked - starting
        && (counts.starting, counts.restarting) == (starting, 0)
        && (counts.stopping, counts.stuck, counts.places()) == (0, 0, all - parked);
    must(adds_up, || format!("{fates:?} are counted as {counts:?}"));
    let list = ask(Deed::List, sessions.list_sessions()).await;
    let list = Careful::new(list.map_err(|_| Over)?);
    let fits = list.len() == all
        && list.iter().enumerate().all(|(n, info)| {
            let state = match fates[n] {
                Fate::Parked => SessionState::Parked,
                Fate::Starting => SessionState::Starting,
                _ => SessionState::Running,
            };
            (&*info.id, info.state) == (instance.census.entry(n).id.as_str(), state)
        });
    must(fits, || format!("{fates:?} are listed as {list:?}"));
    Ok(())
}

fn plan(fate: Fate, rng: &mut Rng) -> Plan {
    match fate {
        Fate::Stopped => Plan::FINE,
        Fate::Failed => Plan::stopping(rng.pick(&[StopKind::Fails, StopKind::Panics])),
        Fate::Killed if rng.one_in(2) => Plan::BRUTAL,
        Fate::Killed => Plan::stopping(StopKind::Hangs),
        Fate::Parked => Plan::FINE.limit(0),
        Fate::Starting => Plan::starting([StartKind::Hangs; 3]).start_timeout(LONG),
    }
}

/// The report adds up, and says of each what had to become of it.
fn judge(fates: &[Fate], end: End, report: Option<ShutdownReport>) {
    let Some(report) = report else {
        let asked = matches!(end, End::Stop | End::StopWithin(_) | End::DrainWithin(..));
        return must(!asked, || format!("{end:?} gives no report"));
    };
    let ran = |fate| number(fates, fate);
    let ended = report.stopped + report.failed + report.killed;
    let running = ran(Fate::Stopped) + ran(Fate::Failed) + ran(Fate::Killed);
    let adds_up = ended == running
        && report.stuck == 0
        && report.not_running == ran(Fate::Parked) + ran(Fate::Starting);
    must(adds_up, || format!("{fates:?} are reported as {report:?}"));
    if end == End::Stop {
        let exact = report.stopped == ran(Fate::Stopped) && report.failed == ran(Fate::Failed);
        must(exact, || format!("{fates:?} are reported as {report:?}"));
    }
}

/// A parent that outlives the end of its children.
struct Parent;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Parent {
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        _event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// A supervisor whose parent ends is killed, and so are its sessions.
pub(crate) async fn under_a_parent(rng: &mut Rng) {
    let Ok((parent, parent_task)) = Actor::spawn(None, Parent, ()).await else {
        contradiction("a parent does not start");
    };
    let options = Options::new().unique_name();
    let start = SessionSupervisor::start_link(parent.get_cell(), options);
    let sessions = match ask(Deed::StartSupervisor, start).await {
        Ok(sessions) => sessions,
        Err(error) => contradiction(&format!("under a parent: {error}")),
    };
    let fates: Vec<Fate> = (0..4 + rng.below(8)).map(|_| rng.pick(&FATES)).collect();
    let instance = Instance::of(Kind::Calm, sessions, fates.len());
    if carry_out(&instance, &fates, rng).await.is_err() {
        contradiction("a supervisor under a parent is down, and was not ended");
    }
    instance.will_end(End::Kill);
    parent.stop(None);
    tally::KILLED.one();
    within(parent_task, || "a parent does not end".to_owned())
        .await
        .ok();
    close(&instance).await;
}

/// Sessions that a kill does not end are stuck until they end.
pub(crate) async fn stuck() {
    let instance = alone(Options::new().unique_name(), 2).await;
    let sessions = &instance.sessions;
    let (first, second) = (instance.census.entry(0), instance.census.entry(1));
    for entry in [first, second] {
        let spec = Plan::BRUTAL.spec(entry);
        match ask(Deed::Start, sessions.start_session(&entry.id, spec)).await {
            Ok(session) => drop(session.cast(Msg::Block)),
            Err(error) => contradiction(&format!("a start says: {error}")),
        }
        let reached = entry.gate.is_reached();
        within(reached, || "a session does not block".to_owned()).await;
    }
    let stop = |id| ask(Deed::Stop, sessions.stop_session(id));
    let stops = tokio::join!(stop(&first.id), stop(&second.id));
    must(
        stops == (Err(StopError::Stuck), Err(StopError::Stuck)),
        || format!("it blocks its thread, and stops say {stops:?}"),
    );
    let spec = Plan::FINE.spec(first);
    let start = ask(Deed::Start, sessions.start_session(&first.id, spec.clone())).await;
    must(matches!(start, Err(StartError::Stuck)), || {
        format!("it is stuck, and a start says {start:?}")
    });
    let counts = ask(Deed::Count, sessions.count_sessions()).await;
    must(counts.is_ok_and(|counts| counts.stuck == 2), || {
        format!("two stuck sessions are counted as {counts:?}")
    });
    first.gate.open();
    let freed = async {
        while !matches!(sessions.session_info(&first.id).await, Ok(None)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(freed, || "a stuck session does not end".to_owned()).await;
    let start = ask(Deed::Start, sessions.start_session(&first.id, spec)).await;
    must(start.is_ok(), || {
        format!("a stuck session has ended, and a start says {start:?}")
    });
    let report = instance.end(End::Stop).await;
    let fits = report.is_some_and(|report| (report.stopped, report.stuck) == (1, 1));
    must(fits, || {
        format!("one good session and a stuck one are reported as {report:?}")
    });
    must(second.alive() == 1, || "a stuck session is gone".to_owned());
    second.gate.open();
    until(
        || second.alive() == 0,
        "a stuck session outlives",
        &instance,
    )
    .await;
    close_with(&instance, Stuck(1)).await;
}
