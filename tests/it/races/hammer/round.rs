//! What the tasks of one round do: the calls, the deeds of others, and the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::error::{EnsureError, RestartError, StartError, StopError};
use session_supervisor::{
    Backoff, ChildSpec, Counts, Options, Restart, SessionSupervisor, Shutdown,
};

use super::rng::Rng;
use super::{CALLS, End, IDS, TASKS};
use crate::support::{
    Order, Probe, Remains, Tie, Worker, answered, ask_and_go, names_of, supervisor, yields,
};

/// Longer than the shortest grace. It ends, since a start waits for a session that ends by itself
/// however long that takes.
const DALLY: Duration = Duration::from_millis(8);

/// What the tasks of one round share.
pub(super) struct Round {
    pub(super) seed: u64,
    pub(super) end: End,
    pub(super) sessions: SessionSupervisor,
    pub(super) probe: Probe,
    pub(super) tie: Tie,
    /// How many states of each id live.
    pub(super) lives: Arc<[AtomicUsize; IDS.len()]>,
    pub(super) overlaps: Arc<AtomicUsize>,
    /// Every actor that began its `pre_start`.
    pub(super) cells: Arc<Mutex<Vec<ActorCell>>>,
    pub(super) calls: AtomicUsize,
    /// The call at which the end is asked for.
    pub(super) end_at: usize,
    pub(super) ending: AtomicBool,
}

impl Round {
    pub(super) async fn new(seed: u64, end: End) -> (Arc<Self>, Remains) {
        let mut rng = Rng::new(seed);
        let options = Options::new()
            .max_sessions(rng.pick(&[IDS.len(), IDS.len() - 1]))
            .session_restart_limit(3, Duration::from_millis(50));
        let (tie, remains) = Tie::new();
        let round = Self {
            seed,
            end,
            sessions: supervisor(options).await,
            probe: Probe::default(),
            tie,
            lives: Arc::default(),
            overlaps: Arc::default(),
            cells: Arc::default(),
            calls: AtomicUsize::new(0),
            end_at: rng.below(TASKS * CALLS),
            ending: AtomicBool::new(false),
        };
        (Arc::new(round), remains)
    }

    async fn answered<F: Future>(&self, what: &str, call: F) -> F::Output {
        answered(
            &format!("{what}, RACE_SEED={} {:?}", self.seed, self.end),
            call,
        )
        .await
    }

    /// A spec that is random in all its rules, and whose sessions behave by chance too.
    fn spec(&self, rng: &mut Rng, id: usize) -> ChildSpec<Worker> {
        let tie = self.tie.clone();
        let (cells, overlaps) = (Arc::clone(&self.cells), Arc::clone(&self.overlaps));
        let (lives, dropped) = (Arc::clone(&self.lives), Arc::clone(&self.lives));
        let chances = rng.next();
        let chance = move |incarnation: u64, salt: u64| Rng::new(chances ^ incarnation << 8 ^ salt);
        let spec = self
            .probe
            .script()
            .launch(move |start| {
                let mut rng = chance(start.incarnation, 1);
                async move {
                    yields(rng.below(3)).await;
                    match rng.below(16) {
                        0 => Err("the start function fails".into()),
                        1 => Ok(false),
                        _ => Ok(true),
                    }
                }
            })
            .pre_start(move |start, myself| {
                cells.lock().unwrap().push(myself.get_cell());
                let (lives, overlaps) = (Arc::clone(&lives), Arc::clone(&overlaps));
                let mut rng = chance(start.incarnation, 2);
                async move {
                    yields(rng.below(3)).await;
                    match rng.below(16) {
                        0 => return Err("pre_start fails".into()),
                        1 => silent_panic("pre_start panics"),
                        2 => myself.stop(None),
                        3 => myself.kill(),
                        _ => {}
                    }
                    // Nothing is awaited from here to the making of the state.
                    if lives[id].fetch_add(1, Ordering::SeqCst) > 0 {
                        overlaps.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(())
                }
            })
            .post_start(move |start, myself| {
                let mut rng = chance(start.incarnation, 3);
                async move {
                    match rng.below(16) {
                        0 => Err("post_start fails".into()),
                        1 => {
                            myself.stop(None);
                            Ok(())
                        }
                        _ => Ok(()),
                    }
                }
            })
            .post_stop(move |start, _| {
                let mut rng = chance(start.incarnation, 4);
                async move {
                    yields(rng.below(3)).await;
                    match rng.below(12) {
                        0 => Err("post_stop fails".into()),
                        1 => silent_panic("post_stop panics"),
                        2 => {
                            tokio::time::sleep(DALLY).await;
                            Ok(())
                        }
                        _ => Ok(()),
                    }
                }
            })
            .on_drop(move |_| {
                let _ = &tie;
                dropped[id].fetch_sub(1, Ordering::SeqCst);
            })
            .spec()
            .restart(rng.pick(&[Restart::Permanent, Restart::Transient, Restart::Temporary]))
            .shutdown(rng.pick(&[
                Shutdown::BrutalKill,
                Shutdown::Timeout(Duration::from_millis(2)),
                Shutdown::Timeout(Duration::from_millis(20)),
            ]));
        match rng.below(4) {
            0 => spec.backoff(Backoff::constant(Duration::from_millis(2))),
            1 => spec.without_restart_limit(),
            _ => spec,
        }
    }

    /// A refusal for the supervisor's end must not come before that was asked for.
    fn down(&self, is_down: bool) {
        assert!(
            !is_down || self.ending.load(Ordering::SeqCst),
            "refused before the end, RACE_SEED={} {:?}",
            self.seed,
            self.end
        );
    }

    pub(super) async fn one_call(&self, rng: &mut Rng) {
        let at = rng.below(IDS.len());
        let id = IDS[at];
        let sessions = &self.sessions;
        match rng.below(20) {
            0..=3 => {
                let start = sessions.start_session(id, self.spec(rng, at));
                match self.answered("a start", start).await {
                    Ok(session) => assert_eq!(session.get_name(), Some(self.name(id))),
                    Err(error) => self.start_error(&error),
                }
            }
            4 | 5 => {
                let ensure = sessions.ensure_session(id, self.spec(rng, at));
                match self.answered("an ensure", ensure).await {
                    Ok(found) => assert_eq!(found.into_inner().get_name(), Some(self.name(id))),
                    Err(EnsureError::Start(error)) => self.start_error(&error),
                    Err(error) => panic!("{error}, RACE_SEED={}", self.seed),
                }
            }
            6 | 7 => match self.answered("a stop", sessions.stop_session(id)).await {
                Ok(_) | Err(StopError::NotFound) => {}
                Err(error) => self.down_or(error == StopError::SupervisorDown, &error),
            },
            8 | 9 => match self
                .answered("a restart", sessions.restart_session(id))
                .await
            {
                Ok(cell) => assert_eq!(cell.get_name(), Some(self.name(id))),
                Err(
                    RestartError::NotFound
                    | RestartError::Ignored
                    | RestartError::Failed { .. }
                    | RestartError::MaxSessions { .. }
                    | RestartError::Stopped,
                ) => {}
                Err(error) => {
                    self.down_or(matches!(error, RestartError::SupervisorDown), &error);
                }
            },
            10 => self.questions(id).await,
            11 => match rng.below(4) {
                0 => ask_and_go(sessions.start_session(id, self.spec(rng, at))).await,
                1 => ask_and_go(sessions.stop_session(id)).await,
                2 => ask_and_go(sessions.restart_session(id)).await,
                _ => ask_and_go(sessions.list_sessions()).await,
            },
            _ => self.foreign_deed(rng, id),
        }
        yields(rng.below(4)).await;
    }

    /// What others do to the session, past the supervisor.
    fn foreign_deed(&self, rng: &mut Rng, id: &str) {
        let Ok(session) = self.sessions.find_session_as::<Order>(id) else {
            return;
        };
        match rng.below(10) {
            0 | 1 => drop(session.cast(Order::Crash)),
            2 | 3 => drop(session.cast(Order::run(|_| async { silent_panic("told to panic") }))),
            4 => session.kill(),
            5 | 6 => session.stop(None),
            7 => drop(session.drain()),
            8 => drop(session.cast(Order::run(|_| async {
                tokio::time::sleep(DALLY).await;
                Ok(())
            }))),
            _ => drop(session.cast(Order::run(|myself| async move {
                if let Some(root) = myself.try_get_supervisor() {
                    myself.unlink(root);
                }
                Ok(())
            }))),
        }
    }

    async fn questions(&self, id: &str) {
        let sessions = &self.sessions;
        match self.answered("a list", sessions.list_sessions()).await {
            Ok(list) => {
                let mut ids: Vec<_> = list.iter().map(|info| info.id.to_string()).collect();
                ids.sort();
                ids.dedup();
                assert_eq!(ids.len(), list.len(), "RACE_SEED={}", self.seed);
            }
            Err(_) => self.down(true),
        }
        match self.answered("a count", sessions.count_sessions()).await {
            Ok(c) => {
                let states = [c.active, c.starting, c.restarting, c.stopping, c.parked];
                assert_eq!(
                    states.iter().sum::<usize>(),
                    c.specs,
                    "RACE_SEED={}",
                    self.seed
                );
                assert_eq!(c.stuck, 0, "RACE_SEED={}", self.seed);
                let stats = sessions.stats();
                let (started, ended) = (stats.starts.started, stats.exits.total());
                assert!(ended <= started, "{stats:?}, RACE_SEED={}", self.seed);
            }
            Err(_) => self.down(true),
        }
        match self.answered("an info", sessions.session_info(id)).await {
            Ok(info) => assert!(info.is_none_or(|info| &*info.id == id)),
            Err(_) => self.down(true),
        }
    }

    fn start_error(&self, error: &StartError) {
        match error {
            StartError::AlreadyStarted { .. }
            | StartError::Ignored
            | StartError::Failed { .. }
            | StartError::Parked
            | StartError::MaxSessions { .. }
            | StartError::Stopped => {}
            error => self.down_or(matches!(error, StartError::SupervisorDown), error),
        }
    }

    fn down_or(&self, is_down: bool, error: &dyn std::error::Error) {
        assert!(is_down, "{error}, RACE_SEED={} {:?}", self.seed, self.end);
        self.down(true);
    }

    fn name(&self, id: &str) -> String {
        session_supervisor::names::session(self.sessions.name(), id)
    }

    pub(super) async fn finish(&self, rng: &mut Rng) {
        self.ending.store(true, Ordering::SeqCst);
        let root = self.sessions.get_cell();
        match self.end {
            End::Quiet => return,
            End::Stop => {
                let report = self.answered("the stop", self.sessions.stop()).await;
                assert_eq!(report.map(|report| report.stuck), Ok(0));
            }
            End::StopWithin => {
                let within = Duration::from_millis(rng.next() % 10);
                let stop = self.sessions.stop_within(within);
                let report = self.answered("the stop", stop).await;
                assert_eq!(report.map(|report| report.stuck), Ok(0));
            }
            End::ForeignStop => root.stop(None),
            End::ForeignDrain => drop(root.drain()),
            End::ForeignKill => root.kill(),
        }
        self.answered("the root's end", root.wait(None))
            .await
            .unwrap();
    }

    /// Stops all ids, after which nothing may be left, and then the supervisor.
    pub(super) async fn stop_quietly(&self) {
        self.ending.store(false, Ordering::SeqCst);
        for (at, id) in IDS.iter().enumerate() {
            match self
                .answered("a last stop", self.sessions.stop_session(id))
                .await
            {
                Ok(_) | Err(StopError::NotFound) => {}
                Err(error) => panic!("{error}, RACE_SEED={}", self.seed),
            }
            let lives = self.lives[at].load(Ordering::SeqCst);
            assert_eq!(lives, 0, "{id} lives, RACE_SEED={}", self.seed);
        }
        let counts = self
            .answered("the count", self.sessions.count_sessions())
            .await;
        assert_eq!(counts, Ok(Counts::default()), "RACE_SEED={}", self.seed);
        assert_eq!(self.probe.alive(), 0, "RACE_SEED={}", self.seed);
        assert_eq!(
            names_of(self.sessions.name()).len(),
            1,
            "RACE_SEED={}",
            self.seed
        );
        let report = self
            .answered("the stop", self.sessions.stop())
            .await
            .unwrap();
        assert_eq!((report.stopped, report.not_running), (0, 0));
    }
}

/// A panic that is not printed: thousands of them are expected.
fn silent_panic(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}
