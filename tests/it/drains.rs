//! `Shutdown::Drain`: a session handles the messages that it has, then stops.

use std::time::Duration;

use ractor::factory::queues::DefaultQueue;
use ractor::factory::routing::QueuerRouting;
use ractor::factory::{
    Factory, FactoryArguments, FactoryMessage, Job, Worker as FactoryWorker, WorkerBuilder,
    WorkerId,
};
use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    ChildSpec, Exit, Options, SessionSupervisor, Shutdown, Supervisor, TreeSpec,
};
use tokio::time::{Instant, sleep};

use crate::support::{Order, Probe, Worker, asked, died, supervisor};

const SECOND: Duration = Duration::from_secs(1);
const ONE: Duration = Duration::from_millis(100);

/// A message that takes a while, and is noted when it has been handled.
fn work(probe: &Probe, n: usize) -> Order {
    let probe = probe.clone();
    Order::run(move |_| async move {
        sleep(ONE).await;
        probe.note(format!("{n}"));
        Ok(())
    })
}

/// A session whose `post_stop` is noted, with so many messages in its mailbox.
async fn laden(
    sessions: &SessionSupervisor,
    probe: &Probe,
    id: &str,
    shutdown: Shutdown,
    many: usize,
) -> ActorRef<Order> {
    let noted = probe.clone();
    let script = probe.script().post_stop(move |_, _| {
        noted.note("post_stop");
        async { Ok(()) }
    });
    let spec = script.spec().shutdown(shutdown);
    let session = sessions.start_session(id, spec).await.unwrap();
    for n in 0..many {
        session.cast(work(probe, n)).unwrap();
    }
    session
}

fn all_of(many: usize) -> Vec<String> {
    let handled = (0..many).map(|n| n.to_string());
    handled.chain(["post_stop".to_owned()]).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_mailbox_is_handled_before_post_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = laden(&sessions, &probe, "a", Shutdown::Drain(10 * SECOND), 10).await;
    let began = Instant::now();
    let stop = asked(sessions.stop_session("a")).await;
    // It takes no more.
    sleep(ONE / 2).await;
    assert!(session.cast(work(&probe, 99)).is_err());
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    assert_eq!(began.elapsed(), 10 * ONE);
    assert_eq!(probe.notes(), all_of(10));
    // By the usual rule only the one that is being handled is done.
    let probe = Probe::default();
    laden(&sessions, &probe, "b", Shutdown::Timeout(10 * SECOND), 10).await;
    sleep(ONE / 2).await;
    assert_eq!(sessions.stop_session("b").await, Ok(Exit::Shutdown));
    assert_eq!(probe.notes(), all_of(1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_through_in_time_is_killed() {
    let sessions = supervisor(Options::new()).await;
    for within in [Duration::ZERO, SECOND] {
        let probe = Probe::default();
        laden(&sessions, &probe, "a", Shutdown::Drain(within), 100).await;
        sleep(ONE / 2).await;
        let began = Instant::now();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
        assert_eq!(began.elapsed(), within);
        assert!(!probe.notes().contains(&"post_stop".to_owned()));
        assert_eq!(probe.alive(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_drains_it_first() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    laden(&sessions, &probe, "a", Shutdown::Drain(10 * SECOND), 5).await;
    sessions.restart_session("a").await.unwrap();
    assert_eq!(probe.notes(), all_of(5));
    assert_eq!((probe.starts(), probe.alive()), (2, 1));
    assert!(sessions.is_running("a"));
}

/// Nor is one restarted that fails while it drains, since it was asked to end.
#[tokio::test(start_paused = true)]
async fn one_that_fails_while_it_drains_is_over() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = laden(&sessions, &probe, "a", Shutdown::Drain(10 * SECOND), 2).await;
    session.cast(Order::Crash).unwrap();
    session.cast(work(&probe, 3)).unwrap();
    let exit = sessions.stop_session("a").await.unwrap();
    assert!(matches!(exit, Exit::Failed { .. }), "{exit:?}");
    sleep(60 * SECOND).await;
    assert_eq!((probe.starts(), probe.alive()), (1, 0));
    assert_eq!(probe.notes(), ["0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_mass_stop_no_session_loses_a_message() {
    const MANY: usize = 3_000;
    for within in [None, Some(25 * SECOND)] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        for n in 0..MANY {
            let id = format!("s{n}");
            laden(&sessions, &probe, &id, Shutdown::Drain(10 * SECOND), n % 11).await;
        }
        let began = Instant::now();
        let report = match within {
            Some(within) => sessions.stop_within(within).await.unwrap(),
            None => sessions.stop().await.unwrap(),
        };
        assert_eq!((report.stopped, report.killed), (MANY, 0), "{report:?}");
        let messages: usize = (0..MANY).map(|n| n % 11).sum();
        assert_eq!(probe.notes().len(), MANY + messages);
        assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_draining() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b"] {
        laden(&sessions, &probe, id, Shutdown::Drain(60 * SECOND), 100).await;
    }
    laden(&sessions, &probe, "c", Shutdown::Drain(60 * SECOND), 5).await;
    let report = sessions.stop_within(SECOND).await.unwrap();
    assert_eq!((report.stopped, report.killed), (1, 2), "{report:?}");
    assert_eq!(report.took, SECOND);
}

#[tokio::test(start_paused = true)]
async fn children_of_a_tree_drain_one_after_another() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let child = |probe: &Probe| -> ChildSpec<Worker> {
        probe.spec().shutdown(Shutdown::Drain(10 * SECOND))
    };
    for (id, shutdown) in [
        ("as it is", Shutdown::Infinity),
        ("drained itself", Shutdown::Drain(30 * SECOND)),
    ] {
        let probe = probe.clone();
        let inner = probe.clone();
        let tree = ChildSpec::tree(move |_| {
            TreeSpec::one_for_all()
                .child("a", child(&inner))
                .child("b", child(&inner))
        });
        let tree: Supervisor = sessions
            .start_session(id, tree.shutdown(shutdown))
            .await
            .unwrap();
        let before = probe.notes().len();
        for role in ["a", "b"] {
            let child: ActorRef<Order> = tree.find_child_as(role).unwrap();
            for n in 0..10 {
                child.cast(work(&probe, n)).unwrap();
            }
        }
        let began = Instant::now();
        assert_eq!(sessions.stop_session(id).await, Ok(Exit::Shutdown));
        assert_eq!(probe.notes().len(), before + 20, "{id}");
        // The first has worked meanwhile.
        assert_eq!(began.elapsed(), 10 * ONE, "{id}");
    }
    assert_eq!((probe.stops(), probe.alive()), (4, 0));
}

#[derive(Debug)]
struct Task;

#[cfg(feature = "cluster")]
impl ractor::Message for Task {}

type Message = FactoryMessage<u64, Task>;

/// Does one job after another, each of which takes a while.
struct Hand(Probe);

#[cfg_attr(feature = "async-trait", ractor::async_trait)]
impl FactoryWorker for Hand {
    type Key = u64;
    type Message = Task;
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _id: WorkerId,
        _factory: &ActorRef<Message>,
        _arguments: (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _id: WorkerId,
        _factory: &ActorRef<Message>,
        job: Job<u64, Task>,
        _state: &mut (),
    ) -> Result<u64, ActorProcessingErr> {
        sleep(ONE).await;
        self.0.note(format!("{}", job.key));
        Ok(job.key)
    }
}

struct Hands(Probe);

impl WorkerBuilder<Hand, ()> for Hands {
    fn build(&mut self, _id: WorkerId) -> (Hand, ()) {
        (Hand(self.0.clone()), ())
    }
}

type Jobs = Factory<u64, Task, (), Hand, QueuerRouting<u64, Task>, DefaultQueue<u64, Task>>;

async fn factory(sessions: &SessionSupervisor, probe: &Probe) -> ActorRef<Message> {
    let probe = probe.clone();
    let spec = ChildSpec::new(move |_| {
        let arguments = FactoryArguments::builder()
            .worker_builder(Box::new(Hands(probe.clone())))
            .num_initial_workers(3)
            .router(QueuerRouting::default())
            .queue(DefaultQueue::default())
            .build();
        (Jobs::default(), arguments)
    });
    let spec = spec.shutdown(Shutdown::Drain(10 * SECOND));
    let factory = sessions.start_session("factory", spec).await.unwrap();
    for key in 0..20 {
        let job = Job::builder().key(key).msg(Task).build();
        factory.cast(FactoryMessage::Dispatch(job)).unwrap();
    }
    factory
}

/// A factory keeps jobs in queues of its own, which no drain of its mailbox empties. Its own
/// message does, and then it ends by itself.
#[tokio::test(start_paused = true)]
async fn a_factory_that_was_told_to_drain_loses_no_job() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let factory = factory(&sessions, &probe).await;
    factory.cast(FactoryMessage::DrainRequests).unwrap();
    died(&factory.get_cell()).await;
    assert_eq!(probe.notes().len(), 20);
    assert!(sessions.session_info("factory").await.unwrap().is_none());
}
