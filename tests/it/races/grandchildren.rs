//! A restart that meets the names which a session's linked actors still hold, at all levels:
//! children of its children, and the sessions of a supervisor of ours that it has linked to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::{Backoff, ChildSpec, Options, Restart, SessionSupervisor};

use crate::support::{Order, Probe, Worker, answered, back, died, sessions_of, supervisor};

/// How many actors are linked to the one that the session has linked to itself.
const GRANDCHILDREN: usize = 50;
/// How many lives are ended in each way.
const LIVES: usize = 300;
const THREADS: [usize; 3] = [1, 2, 4];

/// An actor with linked ones of its own, and these with theirs, down to a level.
struct Helper;

/// Its name, how many it has, and how many levels are below it.
struct Below(String, usize, usize);

#[ractor::actor(message = (), state = (), arguments = Below)]
impl Helper {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        Below(name, number, levels): Below,
    ) -> Result<(), ActorProcessingErr> {
        for n in 0..number {
            link(format!("{name}/{n}"), 1, levels, myself.get_cell()).await?;
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        _event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn link(
    name: String,
    number: usize,
    levels: usize,
    parent: ractor::ActorCell,
) -> Result<ActorRef<()>, ActorProcessingErr> {
    let number = if levels == 0 { 0 } else { number };
    let below = Below(name.clone(), number, levels.saturating_sub(1));
    let (actor, _) = Box::pin(Helper::spawn_linked(Some(name), Helper, below, parent)).await?;
    Ok(actor)
}

/// How a life is ended.
#[derive(Clone, Copy, Debug)]
enum How {
    Crash,
    Kill,
    ByHand,
    StopAndStart,
}

const WAYS: [How; 4] = [How::Crash, How::Kill, How::ByHand, How::StopAndStart];

fn on_each_number_of_threads<Fut: Future<Output = ()>>(test: impl Fn() -> Fut) {
    for threads in THREADS {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build();
        runtime.expect("the machine has threads").block_on(test());
    }
}

/// Ends lives of the session "a" in each way. Each of its launches has to succeed.
async fn each_launch_succeeds(probe: Probe, spec: ChildSpec<Worker>, lives: usize) {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let spec = spec.backoff(Backoff::none()).restart(Restart::Permanent);
    let start = || sessions.start_session("a", spec.clone());
    let mut session = start().await.expect("the first start");
    for how in WAYS {
        let before = probe.starts();
        for life in 0..lives {
            match how {
                How::Crash => session.cast(Order::Crash).expect("it runs"),
                How::Kill => session.kill(),
                How::ByHand => {
                    let restart = answered("the restart", sessions.restart_session("a")).await;
                    restart.unwrap_or_else(|error| panic!("{how:?} {life}: {error}"));
                }
                How::StopAndStart => {
                    answered("the stop", sessions.stop_session("a"))
                        .await
                        .expect("it runs");
                    let started = answered("the start", start()).await;
                    started.unwrap_or_else(|error| panic!("{how:?} {life}: {error}"));
                }
            }
            answered("the end", died(&session.get_cell())).await;
            session = answered("the way back", back(&sessions, "a")).await;
            assert_eq!(
                probe.starts(),
                before + life + 1,
                "{how:?}: a launch failed"
            );
        }
    }
    sessions.stop().await.expect("it runs");
}

/// A session that links one actor to itself, which has so many, and so many levels below.
fn with_helpers(probe: &Probe, number: usize, levels: usize) -> ChildSpec<Worker> {
    let script = probe.script().pre_start(move |start, myself| async move {
        let name = format!("helper of {}", sessions_of(&start).name());
        link(name, number, levels, myself.get_cell()).await?;
        Ok(())
    });
    script.spec()
}

#[test]
fn no_launch_meets_the_names_of_fifty_grandchildren() {
    on_each_number_of_threads(|| async {
        let probe = Probe::default();
        let spec = with_helpers(&probe, GRANDCHILDREN, 1);
        each_launch_succeeds(probe, spec, LIVES).await;
    });
}

#[test]
fn no_launch_meets_the_names_of_actors_five_levels_down() {
    on_each_number_of_threads(|| async {
        let probe = Probe::default();
        let spec = with_helpers(&probe, 3, 5);
        each_launch_succeeds(probe, spec, 100).await;
    });
}

/// The supervisor has a name of its own, and its sessions fixed ids and named actors that they have
/// linked.
fn with_supervisor(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script().pre_start(|start, myself| async move {
        let name = format!("inner of {}", sessions_of(&start).name());
        let options = Options::new().name(name.clone());
        let inner = SessionSupervisor::start_link(myself.get_cell(), options).await?;
        for n in 0..10 {
            let spec = with_helpers_named(format!("{name}, {n}"));
            inner.start_session(&format!("s{n}"), spec).await?;
        }
        Ok(())
    });
    script.spec()
}

fn with_helpers_named(name: String) -> ChildSpec<Worker> {
    let script = Probe::default().script().pre_start(move |_, myself| {
        let name = name.clone();
        async move {
            link(name, 2, 1, myself.get_cell()).await?;
            Ok(())
        }
    });
    script.spec()
}

#[test]
fn no_launch_meets_the_names_of_a_supervisor_that_the_session_has_linked() {
    on_each_number_of_threads(|| async {
        let probe = Probe::default();
        let spec = with_supervisor(&probe);
        each_launch_succeeds(probe, spec, 100).await;
    });
}

/// The actor that the session has linked ends first, and with it the session: the grandchildren are
/// not below the session any more when it ends.
#[test]
fn no_launch_meets_the_names_of_grandchildren_whose_parent_ended_just_before() {
    on_each_number_of_threads(|| async {
        let sessions = supervisor(Options::new().without_session_restart_limit()).await;
        let launches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&launches);
        let spec = ChildSpec::new(move |start| {
            counted.fetch_add(1, Ordering::Relaxed);
            (
                EndsWithIt,
                format!("helper of {}", sessions_of(&start).name()),
            )
        });
        let spec = spec.backoff(Backoff::none()).restart(Restart::Permanent);
        let mut session = sessions.start_session("a", spec).await.expect("starts");
        for life in 0..LIVES {
            let name = format!("helper of {}", sessions.name());
            let helper = ractor::registry::where_is(name).expect("it runs");
            helper.stop(None);
            answered("the end", died(&session.get_cell())).await;
            let next =
                sessions.ensure_session("a", ChildSpec::new(|_| (EndsWithIt, String::new())));
            session = answered("the way back", next)
                .await
                .expect("it runs")
                .into_inner();
            let launches = launches.load(Ordering::Relaxed);
            assert_eq!(launches, life + 2, "a launch failed");
        }
        sessions.stop().await.expect("it runs");
    });
}

/// A session with ractor's own supervision handler, which ends it with the first actor that is
/// linked to it.
struct EndsWithIt;

#[ractor::actor(message = (), state = (), arguments = String)]
impl EndsWithIt {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        name: String,
    ) -> Result<(), ActorProcessingErr> {
        link(name, GRANDCHILDREN, 1, myself.get_cell()).await?;
        Ok(())
    }
}

/// What has changed hands, or was unlinked, is not waited for: neither by others nor by the session
/// itself.
#[tokio::test(start_paused = true)]
async fn what_is_not_linked_any_more_is_not_waited_for() {
    for by_others in [false, true] {
        for handed_over in [false, true] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let spec = probe
                .spec()
                .backoff(Backoff::none())
                .restart(Restart::Permanent);
            let session = sessions.start_session("a", spec).await.expect("starts");
            let name = format!("helper of {}", sessions.name());
            let (helper, _) = Helper::spawn(None, Helper, Below(name.clone(), 0, 0))
                .await
                .unwrap();
            let (tell, told) = tokio::sync::oneshot::channel();
            let recorder = helper.get_cell();
            let order = Order::run(move |myself| async move {
                let mut linked = Vec::new();
                for n in 0..100 {
                    let actor = link(format!("{name} {n}"), 0, 0, myself.get_cell()).await?;
                    linked.push(actor.get_cell());
                }
                tell.send(linked).ok();
                Ok(())
            });
            session.cast(order).unwrap();
            let linked = told.await.unwrap();
            // Its event about each has been read.
            session
                .call(|reply| Order::Echo(1, reply), None)
                .await
                .unwrap();
            let change = {
                let (linked, session) = (linked.clone(), session.get_cell());
                move || {
                    for actor in &linked {
                        if handed_over {
                            actor.link(recorder.clone());
                        } else {
                            actor.unlink(session.clone());
                        }
                    }
                }
            };
            if by_others {
                change();
            } else {
                let order = Order::run(move |_| async move {
                    change();
                    Ok(())
                });
                session.cast(order).unwrap();
                session
                    .call(|reply| Order::Echo(1, reply), None)
                    .await
                    .unwrap();
            }
            let before = tokio::time::Instant::now();
            session.kill();
            died(&session.get_cell()).await;
            back(&sessions, "a").await;
            let took = before.elapsed();
            assert!(took < Duration::from_millis(100), "waited for {took:?}");
            for actor in linked {
                assert!(
                    actor.get_status() < ractor::ActorStatus::Draining,
                    "it lives on"
                );
                actor.stop(None);
            }
            helper.stop(None);
            sessions.stop().await.expect("it runs");
        }
    }
}
