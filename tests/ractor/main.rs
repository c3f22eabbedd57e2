//! What ractor does, shown with ractor alone: the facts of `docs/ractor.md` of which a change would
//! else be noticed by nobody. Each test has the number of its fact.
//!
//! One thread, so that the order of what happens is known.

mod puppet;
mod spans;
mod waits;

use std::time::Duration;

use puppet::{
    Do, Plan, Puppet, Watch, end, fail, held, noted, spawn, spawn_under, step, supervisor,
    terminated,
};
use ractor::rpc::CallResult;
use ractor::thread_local::{ThreadLocalActor, ThreadLocalActorSpawner};
use ractor::{
    Actor, ActorProcessingErr, ActorRef, ActorRuntime, ActorStatus, SpawnErr, SupervisionEvent,
    registry,
};
use tokio::sync::{mpsc, oneshot};

/// What is called before there is a future.
#[cfg(not(feature = "async-trait"))]
struct PanicsInItsCall;

#[cfg(not(feature = "async-trait"))]
impl Actor for PanicsInItsCall {
    type Msg = Do;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Do>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    fn post_start(
        &self,
        myself: ActorRef<Do>,
        _state: &mut (),
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        assert!(myself.get_name().is_some(), "told to panic");
        std::future::ready(Ok(()))
    }
}

#[cfg(not(feature = "async-trait"))]
#[tokio::test]
async fn r4_a_panic_in_the_call_that_makes_the_future_is_told_as_a_cancelled_task() {
    let (parent, mut events) = supervisor().await;
    let spawned = Actor::spawn_linked(None, PanicsInItsCall, (), parent.get_cell()).await;
    let (_, task) = spawned.unwrap();
    assert!(task.await.unwrap_err().is_panic());
    let told = terminated(end(&mut events).await);
    assert_eq!(told, (Some("actor_task_cancelled".to_owned()), false));
}

#[tokio::test]
async fn r5_the_state_of_an_actor_that_ended_travels_in_the_event() {
    let (parent, mut events) = supervisor().await;
    let watch = Watch::default();
    let plan = Plan {
        remains: Some(watch.remains()),
        ..Plan::default()
    };
    let child = spawn_under(&parent, plan).await;
    watch.looks_at(&child);
    child.stop(Some("enough".to_owned()));
    let event = end(&mut events).await;
    assert_eq!(watch.dropped_at(), [], "it is in the event");
    assert_eq!(terminated(event), (Some("enough".to_owned()), true));
    assert_eq!(watch.dropped_at(), [ActorStatus::Stopped]);
}

#[tokio::test]
async fn r6_and_r39_what_an_actor_held_is_dropped_after_it_shows_its_end() {
    let watch = Watch::default();
    let plan = Plan {
        remains: Some(watch.remains()),
        ..Plan::default()
    };
    let its_own = Puppet(Some(watch.remains()));
    let (puppet, task) = Actor::spawn(None, its_own, plan).await.unwrap();
    watch.looks_at(&puppet);
    let fails = step(|_| async { Err("told to fail".into()) });
    puppet.cast(Do(fails)).unwrap();
    task.await.unwrap();
    assert_eq!(watch.dropped_at(), [ActorStatus::Stopped; 2]);
}

#[tokio::test]
async fn r9_a_child_that_stops_or_drains_survives_the_end_of_its_supervisor() {
    let parent = spawn(Plan::default()).await;
    let (in_post_stop, stopping, finish) = held();
    let plan = Plan {
        post_stop: Some(in_post_stop),
        ..Plan::default()
    };
    let stops = spawn_under(&parent, plan).await;
    stops.stop(None);
    stopping.await.unwrap();
    let drains = spawn_under(&parent, Plan::default()).await;
    let (in_handler, busy, go_on) = held();
    drains.cast(Do(in_handler)).unwrap();
    busy.await.unwrap();
    drains.drain().unwrap();

    parent.kill();
    parent.wait(None).await.unwrap();
    tokio::task::yield_now().await;
    for (child, status) in [
        (&stops, ActorStatus::Stopping),
        (&drains, ActorStatus::Draining),
    ] {
        assert_eq!(child.get_status(), status);
        assert!(child.try_get_supervisor().is_none());
    }
    finish.send(()).unwrap();
    go_on.send(()).unwrap();
    stops.wait(None).await.unwrap();
    drains.wait(None).await.unwrap();
}

#[tokio::test]
async fn r11_a_failure_outranks_a_stop_that_waits_and_a_kill_outranks_both() {
    let (parent, mut events) = supervisor().await;
    let fails = spawn_under(&parent, Plan::default()).await;
    let (begins, begun) = oneshot::channel();
    let (release, gone) = oneshot::channel::<()>();
    let waits = step(move |_| async move {
        begins.send(()).unwrap();
        gone.await?;
        Err("told to fail".into())
    });
    fails.cast(Do(waits)).unwrap();
    begun.await.unwrap();
    fails.stop(None);
    release.send(()).unwrap();
    let event = end(&mut events).await;
    assert!(
        matches!(event, SupervisionEvent::ActorFailed(..)),
        "{event:?}"
    );

    let (post_stop, ran) = noted();
    let plan = Plan {
        post_stop: Some(post_stop),
        ..Plan::default()
    };
    let killed = spawn_under(&parent, plan).await;
    killed.stop(None);
    killed.kill();
    let told = terminated(end(&mut events).await);
    assert_eq!(told.0.as_deref(), Some("killed"));
    assert!(!*ran.lock().unwrap());
}

#[tokio::test]
async fn r12_the_name_is_free_while_post_stop_runs() {
    const NAME: &str = "ractor::r12";
    let (in_post_stop, stopping, finish) = held();
    let plan = Plan {
        post_stop: Some(in_post_stop),
        ..Plan::default()
    };
    let named = |plan| Actor::spawn(Some(NAME.to_owned()), Puppet::default(), plan);
    let (first, _) = named(plan).await.unwrap();
    first.stop(None);
    stopping.await.unwrap();
    assert!(registry::where_is(NAME).is_none());
    let (second, _) = named(Plan::default()).await.unwrap();
    assert_eq!(first.get_status(), ActorStatus::Stopping);
    finish.send(()).unwrap();
    first.wait(None).await.unwrap();
    second.stop_and_wait(None, None).await.unwrap();
}

#[tokio::test]
async fn r21_a_child_that_drains_itself_is_refused_as_if_its_supervisor_ended() {
    let parent = spawn(Plan::default()).await;
    let drains = step(|myself| async move { Ok(myself.drain()?) });
    let plan = Plan {
        pre_start: Some(drains),
        ..Plan::default()
    };
    let spawned = Actor::spawn_linked(None, Puppet::default(), plan, parent.get_cell()).await;
    match spawned {
        Err(SpawnErr::StartupFailed(error)) => {
            assert_eq!(error.to_string(), "Supervisor is shutting down");
        }
        other => panic!("{other:?}"),
    }
    assert!(parent.get_status() < ActorStatus::Draining);
}

#[tokio::test]
async fn r22_in_its_post_stop_an_actor_reads_no_event_and_a_kill_cuts_it_off() {
    let (grandparent, mut told) = supervisor().await;
    let (events, mut read) = mpsc::unbounded_channel();
    let (in_post_stop, stopping, finish) = held();
    let plan = Plan {
        post_stop: Some(in_post_stop),
        told: Some(events),
        ..Plan::default()
    };
    let parent = spawn_under(&grandparent, plan).await;
    let child = spawn_under(&parent, Plan::default()).await;
    assert!(matches!(
        read.recv().await,
        Some(SupervisionEvent::ActorStarted(_))
    ));
    parent.stop(None);
    stopping.await.unwrap();
    child.stop_and_wait(None, None).await.unwrap();
    tokio::task::yield_now().await;
    assert!(read.try_recv().is_err());
    parent.kill();
    let ended = terminated(end(&mut told).await);
    assert_eq!(ended, (Some("killed".to_owned()), false));
    assert!(finish.is_closed());
}

#[tokio::test(start_paused = true)]
async fn r25_the_timeout_of_a_call_does_not_cancel_the_request() {
    let puppet = spawn(Plan::default()).await;
    let (in_handler, busy, go_on) = held();
    puppet.cast(Do(in_handler)).unwrap();
    busy.await.unwrap();
    let (says, said) = oneshot::channel();
    let request = |reply: ractor::RpcReplyPort<()>| {
        Do(step(move |_| async move {
            says.send(reply.is_closed()).unwrap();
            Ok(())
        }))
    };
    let answer = puppet.call(request, Some(Duration::from_millis(1))).await;
    assert!(matches!(answer, Ok(CallResult::Timeout)));
    go_on.send(()).unwrap();
    assert!(said.await.unwrap(), "it is handled for nobody");
}

/// Fails in its `pre_start`, after it has looked whether it is linked.
#[derive(Default)]
struct OnOneThread;

impl ThreadLocalActor for OnOneThread {
    type Msg = Do;
    type State = ();
    type Arguments = oneshot::Sender<bool>;

    async fn pre_start(
        &self,
        myself: ActorRef<Do>,
        linked: oneshot::Sender<bool>,
    ) -> Result<(), ActorProcessingErr> {
        linked.send(myself.try_get_supervisor().is_some()).unwrap();
        Err("it does not start".into())
    }
}

#[tokio::test]
async fn r27_a_thread_local_actor_is_linked_before_its_pre_start() {
    let parent = spawn(Plan::default()).await;
    let (says, linked) = oneshot::channel();
    let spawner = ThreadLocalActorSpawner::new();
    let spawned = OnOneThread::spawn_linked(None, says, parent.get_cell(), spawner).await;
    assert!(matches!(spawned, Err(SpawnErr::StartupFailed(_))));
    assert!(linked.await.unwrap());
}

#[cfg(feature = "monitors")]
#[tokio::test]
async fn r28_a_supervisor_that_also_monitors_a_child_is_told_of_its_end_twice() {
    let (parent, mut events) = supervisor().await;
    let child = spawn_under(&parent, Plan::default()).await;
    parent.monitor(child.get_cell());
    child.stop(None);
    assert_eq!(terminated(end(&mut events).await), (None, false));
    assert_eq!(terminated(end(&mut events).await), (None, true));
}

#[tokio::test]
async fn r29_a_start_that_did_not_wait_tells_its_failure_by_its_join_handle_alone() {
    let (parent, mut events) = supervisor().await;
    let fails = step(|_| async { Err("it does not start".into()) });
    let plan = Plan {
        pre_start: Some(fails),
        ..Plan::default()
    };
    let spawned =
        ActorRuntime::spawn_linked_instant(None, Puppet::default(), plan, parent.get_cell());
    let (puppet, start) = spawned.unwrap();
    let request = |_reply: ractor::RpcReplyPort<()>| Do(step(|_| async { Ok(()) }));
    let answer = puppet.call(request, None).await;
    assert!(matches!(answer, Ok(CallResult::SenderError)));
    assert!(matches!(start.await, Ok(Err(SpawnErr::StartupFailed(_)))));
    parent.stop_and_wait(None, None).await.unwrap();
    assert!(events.recv().await.is_none(), "nothing was told");
}

#[tokio::test]
async fn r30_what_is_linked_to_an_actor_that_does_not_start_outlives_the_spawn() {
    const NAME: &str = "ractor::r30";
    let fails = step(|myself| async move {
        let name = Some(NAME.to_owned());
        let plan = Plan::default();
        Actor::spawn_linked(name, Puppet::default(), plan, myself.get_cell()).await?;
        Err("it does not start".into())
    });
    let plan = Plan {
        pre_start: Some(fails),
        ..Plan::default()
    };
    let spawned = Actor::spawn(None, Puppet::default(), plan).await;
    assert!(matches!(spawned, Err(SpawnErr::StartupFailed(_))));
    let linked = registry::where_is(NAME).expect("it still has its name");
    linked.wait(None).await.unwrap();
    assert!(registry::where_is(NAME).is_none());
}

#[tokio::test]
async fn r31_an_error_in_a_handler_kills_the_children_without_post_stop() {
    let parent = spawn(Plan::default()).await;
    let (post_stop, ran) = noted();
    let plan = Plan {
        post_stop: Some(post_stop),
        ..Plan::default()
    };
    let child = spawn_under(&parent, plan).await;
    fail(&parent).await;
    child.wait(None).await.unwrap();
    assert!(!*ran.lock().unwrap());
}
