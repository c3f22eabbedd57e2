//! When a value is dropped, and that no later session finds it.

use std::sync::mpsc;
use std::time::Duration;

use session_supervisor::{Backoff, ChildSpec, OnRestartLimit, Options, Restart, SessionSupervisor};
use tokio::runtime::Builder;

use super::{Handles, Saved, dropped};
use crate::support::{Order, Probe, Worker, ask_and_go, asked, died, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// How a session comes to be gone for good, when the supervisor goes on.
#[derive(Clone, Copy, Debug)]
enum Road {
    Stop,
    /// While another start of the id waits.
    StopBeforeAStart,
    ItsOwnEnd,
    ItsFailure,
    ItsLimit,
    /// Parked, and stopped then.
    StopWhileParked,
    /// Parked, and the one parked longest when there is no room for it.
    NoRoom,
    /// During a pause.
    StopInAPause,
    FirstStartFails,
    FirstStartIsIgnored,
    RestartIsIgnored,
    Expires,
}

const ROADS: [Road; 12] = [
    Road::Stop,
    Road::StopBeforeAStart,
    Road::ItsOwnEnd,
    Road::ItsFailure,
    Road::ItsLimit,
    Road::StopWhileParked,
    Road::NoRoom,
    Road::StopInAPause,
    Road::FirstStartFails,
    Road::FirstStartIsIgnored,
    Road::RestartIsIgnored,
    Road::Expires,
];

fn options(road: Road) -> Options {
    let options = Options::new().without_park_trial();
    match road {
        Road::ItsLimit => options.on_restart_limit(OnRestartLimit::Remove),
        Road::NoRoom => options.max_parked(0),
        _ => options,
    }
}

/// Sessions that save at once, and whose starts do what the road says.
fn spec(road: Road, probe: &Probe) -> ChildSpec<Worker> {
    let noted = probe.clone();
    let script = probe.script().launch(move |start| {
        let saved = start.checkpoint();
        assert!(saved.get().unwrap().is_none() || start.incarnation > 1);
        saved.save(Saved::new(1, &noted)).unwrap();
        async move {
            match (road, start.incarnation) {
                (Road::FirstStartFails, 1) => Err("it does not start".into()),
                (Road::FirstStartIsIgnored, 1) | (Road::RestartIsIgnored, 2) => Ok(false),
                _ => Ok(true),
            }
        }
    });
    let spec = match road {
        Road::StopInAPause => script
            .spec_as_it_comes()
            .backoff(Backoff::constant(60 * SECOND)),
        _ => script.spec(),
    };
    match road {
        Road::ItsFailure => spec.restart(Restart::Temporary),
        Road::ItsLimit | Road::StopWhileParked | Road::NoRoom => spec.restart_limit(0, SECOND),
        Road::Expires => spec.max_lifetime(SECOND),
        _ => spec,
    }
}

async fn goes(sessions: &SessionSupervisor, road: Road, probe: &Probe) {
    let start = sessions.start_session("a", spec(road, probe)).await;
    if matches!(road, Road::FirstStartFails | Road::FirstStartIsIgnored) {
        start.unwrap_err();
        return;
    }
    let session = start.unwrap();
    assert_eq!(dropped(probe).len(), 0);
    match road {
        Road::Stop => drop(sessions.stop_session("a").await.unwrap()),
        Road::StopBeforeAStart => {
            let stop = asked(sessions.stop_session("a")).await;
            let handles = Handles::default();
            let next = handles.script(probe).spec();
            sessions.start_session("a", next).await.unwrap();
            stop.await.unwrap().unwrap();
            assert_eq!(handles.found(), None);
            sessions.stop_session("a").await.unwrap();
        }
        Road::ItsOwnEnd => session.stop(None),
        Road::Expires => tokio::time::sleep(2 * SECOND).await,
        _ => end(&session, Order::Crash).await,
    }
    died(&session.get_cell()).await;
    if let Road::StopWhileParked | Road::StopInAPause = road {
        assert_eq!(dropped(probe).len(), 0);
        sessions.stop_session("a").await.unwrap();
    }
}

/// "The value is dropped then, outside the supervisor, and a later session of the same id finds
/// nothing of it."
#[tokio::test(start_paused = true)]
async fn it_is_dropped_once_by_whatever_road_the_session_goes() {
    for road in ROADS {
        let sessions = supervisor(options(road)).await;
        let probe = Probe::default();
        goes(&sessions, road, &probe).await;
        let saves = match road {
            // Each of the two launches has saved.
            Road::RestartIsIgnored => 2,
            _ => 1,
        };
        probe.until(|tally| tally.notes.len() == saves).await;
        let handles = Handles::default();
        let next = handles.script(&probe).spec();
        sessions.start_session("a", next).await.unwrap();
        assert_eq!(handles.found(), None, "{road:?}");
        sessions.stop().await.unwrap();
        assert_eq!(dropped(&probe).len(), saves, "{road:?}");
    }
}

/// The one parked longest makes room, and its value goes with it.
#[tokio::test(start_paused = true)]
async fn the_value_of_a_parked_one_that_is_discarded_is_dropped() {
    let sessions = supervisor(Options::new().without_park_trial().max_parked(1)).await;
    let probe = Probe::default();
    let mut handles = Vec::new();
    for (number, id) in (1..).zip(["a", "b"]) {
        let seen = Handles::default();
        let spec = seen.script(&probe).spec().restart_limit(0, SECOND);
        let session = sessions.start_session(id, spec).await.unwrap();
        seen.last().save(Saved::new(number, &probe)).unwrap();
        end(&session, Order::Crash).await;
        handles.push(seen);
    }
    probe.until(|tally| !tally.notes.is_empty()).await;
    assert_eq!(dropped(&probe), ["1 is dropped"]);
    sessions.restart_session("b").await.unwrap();
    assert_eq!(handles[1].found(), Some(2));
    sessions.stop().await.unwrap();
    assert_eq!(dropped(&probe).len(), 2);
}

/// How the supervisor ends.
#[derive(Clone, Copy, Debug)]
enum Over {
    Stop,
    StopAtOnce,
    Foreign,
    Kill,
}

#[tokio::test(start_paused = true)]
async fn it_is_dropped_with_the_supervisor() {
    for over in [Over::Stop, Over::StopAtOnce, Over::Foreign, Over::Kill] {
        let sessions = supervisor(Options::new().without_park_trial()).await;
        let probe = Probe::default();
        let mut kept = Vec::new();
        // One that runs, one that is parked, one that waits for its restart, one that starts.
        for (number, id) in (1..).zip(["runs", "parked", "pauses", "starts"]) {
            let (handles, noted) = (Handles::default(), probe.clone());
            let seen = handles.clone();
            let script = probe.script().launch(move |start| {
                seen.see(&start);
                seen.last().save(Saved::new(number, &noted)).unwrap();
                async move {
                    if number == 4 {
                        std::future::pending::<()>().await;
                    }
                    Ok(true)
                }
            });
            let spec = script.spec();
            let spec = match id {
                "parked" => spec.restart_limit(0, SECOND),
                "pauses" => spec.backoff(Backoff::constant(60 * SECOND)),
                _ => spec,
            };
            match id {
                "starts" => ask_and_go(sessions.start_session(id, spec)).await,
                "runs" => drop(sessions.start_session(id, spec).await.unwrap()),
                _ => {
                    let session = sessions.start_session(id, spec).await.unwrap();
                    end(&session, Order::Crash).await;
                }
            }
            // A handle that is kept does not keep the value.
            kept.push(handles);
        }
        probe.until(|tally| tally.starts == 4).await;
        match over {
            Over::Stop => drop(sessions.stop().await.unwrap()),
            Over::StopAtOnce => drop(sessions.stop_within(Duration::ZERO).await.unwrap()),
            Over::Foreign => sessions.get_cell().stop(None),
            Over::Kill => sessions.get_cell().kill(),
        }
        died(&sessions.get_cell()).await;
        probe.until(|tally| tally.notes.len() == 4).await;
        let mut all = dropped(&probe);
        all.sort();
        let each = [
            "1 is dropped",
            "2 is dropped",
            "3 is dropped",
            "4 is dropped",
        ];
        assert_eq!(all, each, "{over:?}");
        let late = kept[0].last().save(Saved::new(9, &probe));
        drop(late.unwrap_err());
        assert_eq!(dropped(&probe).len(), 5);
    }
}

#[test]
fn it_is_dropped_with_the_runtime() {
    for workers in [0, 2] {
        let mut builder = match workers {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build().unwrap();
        let (probe, handles) = (Probe::default(), Handles::default());
        let (tell, told) = mpsc::channel();
        let (inner, seen) = (probe.clone(), handles.clone());
        runtime.block_on(async move {
            let sessions = supervisor(Options::new()).await;
            for (number, id) in (1..).zip(["a", "b", "c"]) {
                let spec = seen.script(&inner).spec();
                sessions.start_session(id, spec).await.unwrap();
                seen.last().save(Saved::new(number, &inner)).unwrap();
            }
            tell.send(sessions).unwrap();
        });
        let sessions = told.recv().unwrap();
        assert_eq!(dropped(&probe).len(), 0);
        drop(runtime);
        assert_eq!(dropped(&probe).len(), 3, "{workers} workers");
        drop((sessions, handles));
    }
}
