//! Random calls, crashes, kills and ends on one session that is a tree, then an end of its
//! supervisor.
//!
//! What must hold whatever the order: every call is answered; two children of one role never live
//! at the same time, also not one of a tree and one of the tree before; no name is held by what is
//! gone; and after the end nothing is left. `TREE_SEED` and `TREE_ROUNDS` repeat a failure and look
//! for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{ActorCell, ActorRef};
use session_supervisor::error::{StartChildError, StartError, StartSupervisorError};
use session_supervisor::{
    AutoShutdown, Backoff, ChildSpec, Options, Restart, SessionSupervisor, Strategy, Supervisor,
    TreeSpec,
};
use tokio::task::JoinSet;

use super::scenery::{Census, nothing_left};
use crate::support::{Order, Probe, Remains, Worker, answered, supervisor};

const ROLES: [&str; 4] = ["a", "b", "c", "d"];
const TASKS: u64 = 6;
const CALLS: usize = 80;
const ROUNDS: u64 = 30;

/// A generator of numbers that look random (xorshift).
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        rng.below(2);
        rng
    }

    fn below(&mut self, n: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 20) % n).unwrap()
    }

    fn role(&mut self) -> &'static str {
        ROLES[self.below(4)]
    }
}

#[derive(Clone, Debug)]
struct Round {
    seed: u64,
    sessions: SessionSupervisor,
    probe: Probe,
    census: Census,
    /// How many children of each role live.
    lives: Arc<[AtomicUsize; 4]>,
    overlaps: Arc<AtomicUsize>,
    launches: Arc<AtomicUsize>,
    held_names: Arc<AtomicUsize>,
}

impl Round {
    async fn new(seed: u64) -> (Self, Remains) {
        let (census, remains) = Census::new();
        let round = Self {
            seed,
            sessions: supervisor(Options::new()).await,
            probe: Probe::default(),
            census,
            lives: Arc::default(),
            overlaps: Arc::default(),
            launches: Arc::default(),
            held_names: Arc::default(),
        };
        (round, remains)
    }

    /// A child; every tenth launch of all fails.
    fn child(&self, role: &'static str) -> ChildSpec<Worker> {
        let place = ROLES.iter().position(|other| *other == role).unwrap();
        let (launches, entered) = (Arc::clone(&self.launches), self.clone());
        let (lives, trees) = (Arc::clone(&self.lives), self.census.clone());
        let script = self
            .probe
            .script()
            .launch(move |start| {
                trees.enter(start.tree.expect("a child").get_cell());
                let fails = launches.fetch_add(1, Ordering::SeqCst) % 10 == 9;
                async move {
                    if fails {
                        Err("no luck".into())
                    } else {
                        Ok(true)
                    }
                }
            })
            .pre_start(move |_, myself: ActorRef<Order>| {
                entered.census.enter(myself.get_cell());
                if entered.lives[place].fetch_add(1, Ordering::SeqCst) > 0 {
                    entered.overlaps.fetch_add(1, Ordering::SeqCst);
                }
                async { Ok(()) }
            })
            .on_drop(move |_| {
                lives[place].fetch_sub(1, Ordering::SeqCst);
            });
        let kind = [
            Restart::Permanent,
            Restart::Transient,
            Restart::Temporary,
            Restart::Transient,
        ];
        let spec = script.spec().restart(kind[place]);
        if role == "d" {
            spec.significant()
        } else {
            spec
        }
    }

    fn tree(&self) -> ChildSpec<Supervisor> {
        let round = self.clone();
        let strategy = match self.seed % 3 {
            0 => Strategy::OneForOne,
            1 => Strategy::OneForAll,
            _ => Strategy::RestForOne,
        };
        let rule = match self.seed % 2 {
            0 => AutoShutdown::Never,
            _ => AutoShutdown::AnySignificant,
        };
        let spec = ChildSpec::tree(move |_| {
            ROLES[..3]
                .iter()
                .fold(TreeSpec::new(strategy), |tree, role| {
                    tree.child(*role, round.child(role))
                })
                .restart_limit(2, Duration::from_secs(5))
                .auto_shutdown(rule)
        });
        spec.restart(Restart::Permanent)
            .without_restart_limit()
            .backoff(Backoff::none())
    }

    fn root(&self) -> Option<ActorCell> {
        self.sessions.find_session("s")
    }

    async fn one_call(&self, rng: &mut Rng) {
        let role = rng.role();
        let tree = self.root().and_then(|root| Supervisor::try_from(root).ok());
        let Some(tree) = tree else {
            let start = self.sessions.start_session("s", self.tree());
            if let Err(StartError::Failed { cause, .. }) = answered("a start", start).await {
                self.held(cause.downcast_ref());
            }
            return;
        };
        if let Some(root) = self.root() {
            self.census.enter(root);
        }
        let child = tree.find_child_as::<Order>(role).ok();
        match (rng.below(20), child) {
            (0..=2, Some(child)) => drop(child.cast(Order::Crash)),
            (3..=4, Some(child)) => child.kill(),
            (5, Some(child)) => child.stop(None),
            (6, Some(child)) => drop(child.drain()),
            (0..=8, _) => {
                let start = answered("start_child", tree.start_child(role, self.child(role)));
                if let Err(StartChildError::NameTaken { .. }) = start.await {
                    self.held_names.fetch_add(1, Ordering::SeqCst);
                }
            }
            (9..=10, _) => drop(answered("terminate", tree.terminate_child(role)).await),
            (11..=12, _) => drop(answered("restart", tree.restart_child(role)).await),
            (13, _) => drop(answered("delete", tree.delete_child(role)).await),
            (14, _) => drop(answered("children", tree.which_children()).await),
            (15, _) => tree.get_cell().kill(),
            (16, _) => tree.get_cell().stop(None),
            (17, _) => drop(answered("tree stop", tree.stop()).await),
            (18, _) => drop(answered("stop", self.sessions.stop_session("s")).await),
            _ => drop(answered("restart", self.sessions.restart_session("s")).await),
        }
    }

    fn held(&self, error: Option<&StartSupervisorError>) {
        if let Some(StartSupervisorError::ChildFailed {
            error: StartChildError::NameTaken { .. },
            ..
        }) = error
        {
            self.held_names.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn end(&self) {
        let root = self.sessions.get_cell();
        match self.seed % 5 {
            0 => drop(answered("the stop", self.sessions.stop()).await),
            1 => {
                let now = self.sessions.stop_within(Duration::ZERO);
                assert!(answered("the stop", now).await.is_ok());
            }
            2 => root.stop(None),
            3 => root.drain().unwrap(),
            _ => root.kill(),
        }
        self.census.enter(root);
    }
}

async fn round(seed: u64) {
    let (round, remains) = Round::new(seed).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let round = round.clone();
        tasks.spawn(async move {
            let mut rng = Rng::new(seed * 1_000 + task);
            for _ in 0..CALLS {
                round.one_call(&mut rng).await;
            }
        });
    }
    // The end comes in the middle of it.
    if seed.is_multiple_of(2) {
        for _ in 0..TASKS / 2 {
            tasks.join_next().await.unwrap().unwrap();
        }
    } else {
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    }
    round.end().await;
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let (name, probe) = (round.sessions.name().to_owned(), round.probe.clone());
    let (census, overlaps) = (round.census.clone(), Arc::clone(&round.overlaps));
    let held = Arc::clone(&round.held_names);
    // The specs hold the round, and it the census: who was killed with the supervisor is waited for
    // by it.
    drop(round);
    nothing_left(&name, &probe, census, remains).await;
    let overlaps = overlaps.load(Ordering::SeqCst);
    assert_eq!(overlaps, 0, "two children of one role lived at once");
    let held = held.load(Ordering::SeqCst);
    assert_eq!(held, 0, "a name was held by what was gone");
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

async fn rounds() {
    let seeds = match variable("TREE_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=variable("TREE_ROUNDS").unwrap_or(ROUNDS),
    };
    for seed in seeds {
        eprintln!("TREE_SEED={seed}");
        round(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_tree_at_once_nothing_is_left_on_several_threads() {
    rounds().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_done_to_a_tree_at_once_nothing_is_left_on_one_thread() {
    rounds().await;
}
