//! Sessions and strangers that misuse ractor: unlink, re-link, squat on names, stop themselves
//! oddly.

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::error::StartError;
use session_supervisor::{Exit, Options, SessionState, SessionSupervisor, names};

use crate::support::{Order, Probe, asked, back, died, sessions_of, supervisor};

/// An actor of others.
struct Stranger;

#[derive(Debug)]
enum Deed {
    Fail,
    Panic,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Deed {}

#[ractor::actor(message = Deed, state = (), arguments = ())]
impl Stranger {
    async fn handle(
        &self,
        _myself: ActorRef<Deed>,
        deed: Deed,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match deed {
            Deed::Fail => Err("a stranger fails".into()),
            Deed::Panic => panic!("a stranger panics"),
        }
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Deed>,
        _event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn stranger(name: Option<String>) -> ActorRef<Deed> {
    let spawned = Stranger::spawn(name, Stranger, ()).await;
    spawned.expect("the name is free").0
}

/// How a session ends unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stop,
    Crash,
    Panic,
    Kill,
}

async fn end(session: &ActorRef<Order>, way: Way) {
    match way {
        Way::Stop => session.stop(None),
        Way::Crash => session.cast(Order::Crash).unwrap(),
        Way::Panic => session.cast(Order::Panic).unwrap(),
        Way::Kill => session.kill(),
    }
    died(&session.get_cell()).await;
}

/// What a session does with its link to the supervisor.
#[derive(Clone, Copy, Debug)]
enum Link {
    Cut,
    Elsewhere,
    CutAndBack,
}

fn linking(probe: &Probe, link: Link, other: ractor::ActorCell) -> crate::support::Script {
    probe
        .script()
        .post_start(move |start, myself: ActorRef<Order>| {
            let (root, other) = (sessions_of(&start).get_cell(), other.clone());
            async move {
                if start.incarnation > 1 {
                    return Ok(());
                }
                match link {
                    Link::Cut => myself.unlink(root),
                    Link::Elsewhere => myself.link(other),
                    Link::CutAndBack => {
                        myself.unlink(root.clone());
                        myself.link(root);
                    }
                }
                Ok(())
            }
        })
}

#[tokio::test(start_paused = true)]
async fn a_session_that_plays_with_its_link_is_judged_by_how_it_ended() {
    for link in [Link::Cut, Link::Elsewhere, Link::CutAndBack] {
        for way in [Way::Stop, Way::Crash, Way::Panic, Way::Kill] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let other = stranger(None).await;
            let spec = linking(&probe, link, other.get_cell()).spec();
            let session = sessions.start_session("a", spec).await.unwrap();
            probe.until(|tally| tally.ready == 1).await;
            let found = sessions.is_running("a");
            assert_eq!(found, matches!(link, Link::CutAndBack), "{link:?}");
            let list = sessions.list_sessions().await.unwrap();
            assert_eq!((list.len(), list[0].state), (1, SessionState::Running));
            end(&session, way).await;
            if way == Way::Stop {
                probe.until(|tally| tally.alive == 0).await;
                // The start waits for what is left of it, and the id is new.
                sessions.start_session("a", probe.spec()).await.unwrap();
                let info = sessions.session_info("a").await.unwrap().unwrap();
                assert_eq!(info.incarnation, 1, "{link:?}");
            } else {
                let again = back(&sessions, "a").await;
                assert_ne!(again.get_id(), session.get_id(), "{link:?} {way:?}");
            }
            assert_eq!((probe.starts(), probe.alive()), (2, 1), "{link:?} {way:?}");
            sessions.stop().await.unwrap();
            assert_eq!(probe.alive(), 0);
            other.stop_and_wait(None, None).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_linked_to_the_root_end_in_every_way_and_nothing_is_remembered() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    for n in 0..1_000 {
        let stranger = stranger(None).await;
        stranger.link(sessions.get_cell());
        match n % 4 {
            0 => stranger.stop(None),
            1 => stranger.cast(Deed::Fail).unwrap(),
            2 => stranger.cast(Deed::Panic).unwrap(),
            _ => stranger.kill(),
        }
        died(&stranger.get_cell()).await;
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1, 1));
    assert_eq!(
        sessions.find_session("a").unwrap().get_id(),
        session.get_id()
    );
    let left = stranger(None).await;
    left.link(sessions.get_cell());
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (1, 0));
    // ractor kills what is linked to an actor that ends.
    died(&left.get_cell()).await;
}

#[tokio::test(start_paused = true)]
async fn a_squatter_on_a_sessions_name_delays_its_restart_and_is_never_adopted() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let name = names::session(sessions.name(), "a");
    let note = probe.clone();
    // The dying session's name is free in its post_stop already, and its successor comes later.
    let script = probe.script().on_drop(move |start| {
        note.note(format!("{} dropped", start.incarnation));
    });
    let pause = session_supervisor::Backoff::constant(std::time::Duration::from_secs(1));
    let spec = script.spec().backoff(pause).without_restart_limit();
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Way::Crash).await;
    let squatter = stranger(Some(name.clone())).await;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Restarting);
    assert!(info.restarts > 5, "it is tried again and again");
    assert!(sessions.find_session("a").is_none());
    let taken = asked(sessions.restart_session("a")).await;
    assert!(taken.await.unwrap().is_err());
    squatter.stop_and_wait(None, None).await.unwrap();
    let again = back(&sessions, "a").await;
    assert_eq!(ractor::call!(again, Order::Echo, 1).unwrap(), 1);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_may_end_itself_in_odd_ways() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for reason in ["killed", "shutdown", "actor_task_cancelled", ""] {
        let session = sessions.start_session("a", probe.spec()).await.unwrap();
        let stop = Order::run(move |myself: ActorRef<Order>| async move {
            myself.stop(Some(reason.to_owned()));
            Ok(())
        });
        session.cast(stop).unwrap();
        died(&session.get_cell()).await;
        assert_eq!(
            sessions.count_sessions().await.unwrap().specs,
            0,
            "{reason:?} is normal"
        );
    }
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let drain = Order::run(|myself: ActorRef<Order>| async move {
        myself.drain()?;
        Ok(())
    });
    session.cast(drain).unwrap();
    died(&session.get_cell()).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);

    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let kill = Order::run(|myself: ActorRef<Order>| async move {
        myself.kill();
        Ok(())
    });
    session.cast(kill).unwrap();
    died(&session.get_cell()).await;
    back(&sessions, "a").await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.last_exit, Some(Exit::Killed));

    // Killed in its own pre_start: a failed start that leaves nothing.
    let suicide = probe
        .script()
        .pre_start(|_, myself: ActorRef<Order>| async move {
            myself.kill();
            std::future::pending().await
        });
    let start = sessions.start_session("b", suicide.spec()).await;
    assert!(matches!(start, Err(StartError::Failed { .. })), "{start:?}");
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

async fn goes_on(sessions: &SessionSupervisor, probe: &Probe) {
    sessions.start_session("new", probe.spec()).await.unwrap();
    assert_eq!(sessions.stop_session("new").await, Ok(Exit::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn the_roots_cell_in_strangers_hands() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = stranger(None).await;
    let root = sessions.get_cell();
    // Stray wake-ups, messages of another type, links up and down, and back again.
    for _ in 0..100 {
        root.send_message::<()>(()).unwrap();
    }
    assert!(root.send_message::<u64>(7).is_err());
    root.link(other.get_cell());
    goes_on(&sessions, &probe).await;
    root.unlink(other.get_cell());
    goes_on(&sessions, &probe).await;
    other.link(root.clone());
    other.unlink(root);
    goes_on(&sessions, &probe).await;
    sessions.stop().await.unwrap();
    other.stop_and_wait(None, None).await.unwrap();
}
