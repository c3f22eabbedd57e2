//! Why a session is over (D39): what those are told who wait for its end is what those are told who
//! follow its supervisor. And why a supervisor has ended.

use std::fmt::Debug;
use std::time::Duration;

use session_supervisor::error::WaitEndError;
use session_supervisor::{
    AutoShutdown, ChildSpec, Drain, EndReason, EventKind, Exit, Expiry, OnRestartLimit, Options,
    Restart, RestartLimit, SessionEnd, SessionSupervisor, StopCause, Subscription, Supervisor,
    TreeSpec,
};
use tokio::task::JoinHandle;

use crate::support::{Gate, Order, Probe, Worker, answered, asked, end, supervisor};

const SHORT: Duration = Duration::from_millis(300);
const MINUTE: Duration = Duration::from_secs(60);

/// On what road a session comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    Itself,
    FailsForGood,
    Idle,
    Lifetime,
    Stopped,
    StoppedWithOthers,
    StoppedInItsPause,
    UsesUpItsLimit,
    EndsTheSupervisor,
    UsesUpTheLimitOfAll,
    Discarded,
    FailsToStart,
    TheSupervisorStops,
    TheSupervisorDrains,
    OthersStopTheSupervisor,
    OthersKillTheSupervisor,
}

use Road::{
    Discarded, EndsTheSupervisor, FailsForGood, FailsToStart, Idle, Itself, Lifetime,
    OthersKillTheSupervisor, OthersStopTheSupervisor, Stopped, StoppedInItsPause,
    StoppedWithOthers, TheSupervisorDrains, TheSupervisorStops, UsesUpItsLimit,
    UsesUpTheLimitOfAll,
};

const ROADS: [Road; 16] = [
    Itself,
    FailsForGood,
    Idle,
    Lifetime,
    Stopped,
    StoppedWithOthers,
    StoppedInItsPause,
    UsesUpItsLimit,
    EndsTheSupervisor,
    UsesUpTheLimitOfAll,
    Discarded,
    FailsToStart,
    TheSupervisorStops,
    TheSupervisorDrains,
    OthersStopTheSupervisor,
    OthersKillTheSupervisor,
];

impl Road {
    fn options(self) -> Options {
        let options = Options::new().without_park_trial();
        match self {
            UsesUpItsLimit => options.on_restart_limit(OnRestartLimit::Remove),
            EndsTheSupervisor => options.on_restart_limit(OnRestartLimit::Escalate),
            UsesUpTheLimitOfAll => options.total_restart_limit(0, MINUTE),
            Discarded => options.max_parked(1),
            _ => options,
        }
    }

    fn spec(self, probe: &Probe, gate: &Gate) -> ChildSpec<Worker> {
        let spec = probe.spec();
        match self {
            Idle => spec.idle_timeout(SHORT),
            Lifetime => spec.max_lifetime(SHORT),
            FailsForGood => spec.restart(Restart::Temporary),
            StoppedInItsPause => spec.backoff(session_supervisor::Backoff::constant(MINUTE)),
            UsesUpItsLimit | EndsTheSupervisor | Discarded => spec.restart_limit(0, MINUTE),
            FailsToStart => {
                let gate = gate.clone();
                let fails = probe.script().launch(move |_| {
                    let gate = gate.clone();
                    async move {
                        gate.pass().await;
                        Err("no paper".into())
                    }
                });
                fails.spec()
            }
            _ => spec,
        }
    }

    fn why(self) -> EndReason {
        let limit = RestartLimit::new(0, MINUTE).expect("a minute");
        match self {
            Itself | FailsForGood => EndReason::Itself,
            Idle => EndReason::Expired(Expiry::Idle(SHORT)),
            Lifetime => EndReason::Expired(Expiry::Lifetime(SHORT)),
            Stopped | StoppedWithOthers | StoppedInItsPause => EndReason::Requested,
            UsesUpItsLimit | EndsTheSupervisor => EndReason::Limit(limit),
            UsesUpTheLimitOfAll => EndReason::TotalLimit(limit),
            Discarded => EndReason::Discarded,
            FailsToStart => EndReason::NotStarted,
            TheSupervisorStops => EndReason::Supervisor(StopCause::Requested),
            TheSupervisorDrains => EndReason::Supervisor(StopCause::Drained),
            OthersStopTheSupervisor => EndReason::Supervisor(StopCause::Foreign),
            OthersKillTheSupervisor => EndReason::Supervisor(StopCause::Killed),
        }
    }

    /// Brings about the end of session "a".
    async fn take(self, sessions: &SessionSupervisor, probe: &Probe, gate: &Gate) {
        let session = sessions.find_session_as::<Order>("a");
        match self {
            Idle | Lifetime => {}
            FailsToStart => gate.open(),
            Itself => session.unwrap().stop(Some("done".to_owned())),
            FailsForGood | UsesUpItsLimit | EndsTheSupervisor | UsesUpTheLimitOfAll => {
                end(&session.unwrap(), Order::Crash).await;
            }
            Stopped => drop(sessions.stop_session("a").await.unwrap()),
            StoppedWithOthers => drop(sessions.stop_where(|_| true).await.unwrap()),
            StoppedInItsPause => {
                end(&session.unwrap(), Order::Crash).await;
                assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
            }
            Discarded => {
                end(&session.unwrap(), Order::Crash).await;
                let spec = self.spec(probe, gate);
                let other = sessions.start_session("b", spec).await.unwrap();
                end(&other, Order::Crash).await;
            }
            TheSupervisorStops => drop(sessions.stop().await.unwrap()),
            TheSupervisorDrains => drop(sessions.drain(Drain::within(MINUTE)).await.unwrap()),
            OthersStopTheSupervisor => sessions.get_cell().stop(None),
            OthersKillTheSupervisor => sessions.get_cell().kill(),
        }
    }
}

/// What those who follow are told of the end of session "a": how, if it ran, and why it is over.
async fn followed(feed: &mut Subscription) -> (Option<String>, EndReason) {
    let mut exit = None;
    loop {
        let event = answered("an event", feed.next()).await;
        let event = event.expect("it is not over").expect("nothing is lost");
        match &event.kind {
            _ if event.id.as_deref() != Some("a") => {}
            EventKind::Exited { cause, .. } => exit = Some(cause.to_string()),
            EventKind::Gone(why) => return (exit, *why),
            _ => {}
        }
    }
}

type Waits = JoinHandle<Result<SessionEnd, WaitEndError>>;

async fn ended(what: impl Debug, waits: Waits) -> SessionEnd {
    let end = answered("the end", waits).await.unwrap();
    end.unwrap_or_else(|error| panic!("{what:?}: {error}"))
}

/// "The reason is the first for which the session was to end and not to come back, and those who
/// follow the supervisor are told the same with `Gone`."
async fn each_road_is_told_to_those_who_wait_and_to_those_who_follow() {
    for road in ROADS {
        let sessions = supervisor(road.options()).await;
        let (probe, gate) = (Probe::default(), Gate::closed());
        let mut feed = sessions.subscribe().await.unwrap();
        let start = asked(sessions.start_session("a", road.spec(&probe, &gate))).await;
        let first = asked(sessions.wait_end("a")).await;
        let second = asked(sessions.wait_end("a")).await;
        if road != FailsToStart {
            // One that is idle may be over by now, where time does not stand still.
            drop(answered("the start", start).await.unwrap().unwrap());
        }
        // On several threads they wait once a later question is answered.
        sessions.count_sessions().await.unwrap();
        road.take(&sessions, &probe, &gate).await;
        let end = ended(road, first).await;
        let (exit, why) = followed(&mut feed).await;
        assert_eq!(end.why, road.why(), "{road:?}");
        assert_eq!(why, road.why(), "{road:?}");
        match end.exit {
            Exit::NotRunning => {}
            ref ran => assert_eq!(exit, Some(ran.to_string()), "{road:?}"),
        }
        assert_eq!(ended(road, second).await, end);
        sessions.stop().await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn each_road_is_told_on_one_thread() {
    each_road_is_told_to_those_who_wait_and_to_those_who_follow().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_road_is_told_on_several_threads() {
    each_road_is_told_to_those_who_wait_and_to_those_who_follow().await;
}

/// "Of several reasons it is the first: a session that is idle and is then stopped while it ends was
/// over for being idle."
#[tokio::test(start_paused = true)]
async fn of_several_reasons_the_first_is_told() {
    let probe = Probe::default();
    let slow = || probe.slow_to_stop(Duration::from_secs(1));

    let sessions = supervisor(Options::new()).await;
    let idle = slow().idle_timeout(SHORT);
    sessions.start_session("idle", idle).await.unwrap();
    sessions.start_session("stopped", slow()).await.unwrap();
    sessions.start_session("restarted", slow()).await.unwrap();
    sessions.start_session("drained", slow()).await.unwrap();
    let mut waits = Vec::new();
    for id in ["idle", "stopped", "restarted", "drained"] {
        waits.push(asked(sessions.wait_end(id)).await);
    }
    tokio::time::sleep(2 * SHORT).await;
    let idle = asked(sessions.stop_session("idle")).await;
    let stopped = asked(sessions.stop_session("stopped")).await;
    let restarted = asked(sessions.restart_session("restarted")).await;
    let again = asked(sessions.stop_session("restarted")).await;
    let drain = asked(sessions.drain(Drain::within(MINUTE))).await;
    tokio::time::sleep(SHORT / 10).await;
    let stop = asked(sessions.stop()).await;
    let mut whys = Vec::new();
    for wait in waits {
        whys.push(ended("each", wait).await.why);
    }
    assert_eq!(
        whys,
        [
            EndReason::Expired(Expiry::Idle(SHORT)),
            EndReason::Requested,
            EndReason::Requested,
            EndReason::Supervisor(StopCause::Drained),
        ]
    );
    for ended in [idle, stopped, again] {
        assert_eq!(answered("a stop", ended).await.unwrap(), Ok(Exit::Shutdown));
    }
    assert!(answered("it", restarted).await.unwrap().is_err());
    let report = answered("the stop", stop).await.unwrap().unwrap();
    assert_eq!(report.cause, StopCause::Drained);
    let drained = answered("the drain", drain).await.unwrap().unwrap();
    assert_eq!(drained.summary, report);
}

/// "Why it began to stop": in the report of those who wait, and in the events.
async fn a_report_says_why_the_supervisor_ended() {
    for (cause, road) in [
        (StopCause::Requested, TheSupervisorStops),
        (StopCause::Drained, TheSupervisorDrains),
        (StopCause::Foreign, OthersStopTheSupervisor),
        (StopCause::Killed, OthersKillTheSupervisor),
        (StopCause::Escalated, EndsTheSupervisor),
    ] {
        let sessions = supervisor(road.options()).await;
        let (probe, gate) = (Probe::default(), Gate::closed());
        let spec = road.spec(&probe, &gate);
        sessions.start_session("a", spec).await.unwrap();
        let mut feed = sessions.subscribe().await.unwrap();
        let wait = asked(sessions.wait()).await;
        road.take(&sessions, &probe, &gate).await;
        let report = answered("its end", wait).await.unwrap();
        assert_eq!(report.map(|report| report.cause), Some(cause), "{road:?}");
        let mut told = Vec::new();
        while let Some(event) = answered("an event", feed.next()).await {
            match &event.expect("nothing is lost").kind {
                EventKind::SupervisorStopping(cause) => told.push(*cause),
                EventKind::SupervisorStopped { report: told } => assert_eq!(*told, report),
                _ => {}
            }
        }
        assert_eq!(told.first(), Some(&cause), "{road:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_says_why_the_supervisor_ended_on_one_thread() {
    a_report_says_why_the_supervisor_ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_says_why_the_supervisor_ended_on_several_threads() {
    a_report_says_why_the_supervisor_ended().await;
}

#[tokio::test(start_paused = true)]
async fn so_does_the_report_of_a_static_one() {
    let probe = Probe::default();
    let tree = || TreeSpec::one_for_one().unique_name();
    let cause = async |tree: TreeSpec, order: Option<Order>| {
        let tree = Supervisor::start(tree).await.unwrap();
        let wait = asked(tree.wait()).await;
        match (order, tree.find_child_as::<Order>("a")) {
            (Some(order), Ok(child)) => end(&child, order).await,
            _ => tree.get_cell().stop(None),
        }
        let report = answered("its end", wait).await.unwrap();
        report.expect("it has ended").cause
    };
    let plain = tree().child("a", probe.spec());
    assert_eq!(cause(plain, None).await, StopCause::Foreign);
    let fails = tree().restart_limit(0, MINUTE).child("a", probe.spec());
    let ended = cause(fails, Some(Order::Crash)).await;
    assert_eq!(ended, StopCause::Escalated);
    let significant = probe.spec().restart(Restart::Temporary).significant();
    let closes = tree().auto_shutdown(AutoShutdown::AnySignificant);
    let ended = cause(closes.child("a", significant), Some(Order::Crash)).await;
    assert_eq!(ended, StopCause::AutoShutdown);
}
