//! Owners: each has an id that no other worker touches, plays one scene after another on it, and
//! knows every answer. After each scene the id is free.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ractor::ActorRef;
use session_supervisor::error::{RestartError, StartError, StopError};
use session_supervisor::{Exit, SessionInfo, SessionState, names};

use crate::ask::{PATIENCE, ask, within};
use crate::callers;
use crate::census::{Entry, ROLES};
use crate::claims;
use crate::drop_kinds::Careful;
use crate::endings;
use crate::expiry;
use crate::foretold;
use crate::impatience;
use crate::lives;
use crate::rng::Rng;
use crate::saves;
use crate::scenes;
use crate::session::{Msg, Plan};
use crate::stalls;
use crate::succession::{End, Instance, Kind, Over, Succession};
use crate::tally::{self, Deed};
use crate::tasks;
use crate::trees;
use crate::verdict::{contradiction, must};

/// One id and its owner, under one supervisor.
pub(crate) struct Owned<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) entry: &'a Arc<Entry>,
    pub(crate) rng: &'a mut Rng,
    /// The machine was too busy for the scene.
    is_busy: AtomicBool,
}

/// How many scenes there are.
const SCENES: usize = 40;
/// What the first owners play first, so that a short run has all of it.
const FIRST: [usize; 9] = [25, 27, 28, 29, 32, 34, 35, 37, 38];

/// Plays one scene.
pub(crate) async fn step(succession: &Succession, id: usize, rng: &mut Rng) {
    let scene = rng.below(SCENES);
    play_one(succession, id, scene, rng).await;
}

/// Plays the first scene of this owner, of all owners.
pub(crate) async fn first_step(succession: &Succession, id: usize, owner: usize, rng: &mut Rng) {
    play_one(succession, id, FIRST[owner % FIRST.len()], rng).await;
}

async fn play_one(succession: &Succession, id: usize, scene: usize, rng: &mut Rng) {
    let instance = succession.current();
    let mut owned = Owned {
        instance: &instance,
        entry: instance.census.entry(id),
        rng,
        is_busy: AtomicBool::new(false),
    };
    if play(&mut owned, scene).await.is_err() && !owned.is_busy.into_inner() {
        succession.renew(&instance).await;
    }
}

async fn play(owned: &mut Owned<'_>, scene: usize) -> Result<(), Over> {
    if owned.instance.kind == Kind::Trying {
        lives::one_on_trial(owned).await?;
        return owned.is_unknown().await;
    }
    match scene {
        0..3 => scenes::an_uneventful_life(owned).await?,
        3 => scenes::a_failed_start(owned).await?,
        4 => scenes::a_failed_restart(owned).await?,
        5 => scenes::callers_who_leave(owned).await?,
        6 => scenes::many_callers_at_once(owned).await?,
        7 => scenes::a_stop_before_the_start_is_done(owned).await?,
        8 => scenes::one_that_leaves_its_supervisor(owned).await?,
        9 => endings::crashes_up_to_the_limit(owned).await?,
        10 => endings::an_end_by_itself(owned).await?,
        11 => endings::a_stop_by_its_rule(owned).await?,
        12 => scenes::a_hung_restart(owned).await?,
        13 => impatience::callers_who_give_up(owned).await?,
        14 => impatience::many_restarts_by_hand(owned).await?,
        15 | 16 => trees::a_tree_comes_back(owned).await?,
        17 => trees::a_tree_does_not_start(owned).await?,
        18 => trees::a_tree_is_changed(owned).await?,
        19 => trees::a_tree_uses_up_its_limit(owned).await?,
        20 => lives::one_with_a_family(owned).await?,
        21 => lives::one_whose_linked_actor_fails(owned).await?,
        22 => lives::one_with_bad_drops(owned).await?,
        23 => lives::one_that_drains(owned).await?,
        24 => endings::a_stop_amid_a_crash(owned).await?,
        25 | 26 => expiry::messages_at_idle_ends(owned).await?,
        27 => expiry::one_that_is_leased(owned).await?,
        28 => expiry::one_with_a_lifetime(owned).await?,
        29..32 => claims::one_who_competes(owned).await?,
        32 | 33 => saves::one_that_saves(owned).await?,
        34 => callers::many_who_wait(owned).await?,
        35 | 36 => tasks::a_task_as_a_session(owned).await?,
        37 => tasks::tasks_as_children(owned).await?,
        _ => foretold::a_failure_that_was_foretold(owned).await?,
    }
    owned.is_unknown().await
}

impl Owned<'_> {
    pub(crate) fn id(&self) -> &str {
        &self.entry.id
    }

    /// A contradiction unless it holds or the supervisor was ended.
    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Over> {
        let id = self.id();
        self.instance.check(holds, || format!("{id}: {}", what()))
    }

    pub(crate) async fn start(
        &self,
        plan: Plan,
    ) -> Result<Result<ActorRef<Msg>, StartError>, Over> {
        let sessions = &self.instance.sessions;
        let start = sessions.start_session(self.id(), plan.spec(self.entry));
        match ask(Deed::Start, start).await {
            Err(StartError::SupervisorDown | StartError::Draining) => {
                Err(self.instance.over("a start says that it is down"))
            }
            other => Ok(other),
        }
    }

    /// A start that must succeed, as the first life of the id.
    pub(crate) async fn is_started(&self, plan: Plan) -> Result<ActorRef<Msg>, Over> {
        match self.start(plan).await? {
            Ok(session) => Ok(session),
            Err(error) => {
                self.check(false, || format!("a start of {plan:?} says: {error}"))?;
                Err(Over)
            }
        }
    }

    pub(crate) async fn info(&self) -> Result<Careful<Option<SessionInfo>>, Over> {
        let info = ask(Deed::Info, self.instance.sessions.session_info(self.id())).await;
        info.map(Careful::new)
            .map_err(|_| self.instance.over("an info says that it is down"))
    }

    /// The session runs, and this is its incarnation.
    pub(crate) async fn runs(&self, session: &ActorRef<Msg>, life: u64) -> Result<(), Over> {
        let info = self.info().await?;
        let actor = session.get_id();
        let as_told = info.as_ref().is_some_and(|info| {
            let cell = info.cell.as_ref().map(ractor::ActorCell::get_id);
            (info.state, info.incarnation, cell) == (SessionState::Running, life, Some(actor))
        });
        self.check(as_told, || format!("life {life} runs, told of {info:?}"))?;
        tally::did(Deed::Find);
        let found = self.instance.sessions.find_session(self.id());
        let is_found = found.as_ref().is_some_and(|cell| cell.get_id() == actor);
        self.check(is_found, || format!("life {life} runs, found {found:?}"))?;
        let alive = self.entry.alive();
        self.check(alive == 1, || format!("it runs, and {alive} are alive"))?;
        let call = session.call(Msg::Work, None);
        let answer = ask(Deed::Work, call).await;
        let answers = matches!(answer, Ok(ractor::rpc::CallResult::Success(n)) if n == life);
        self.check(answers, || {
            format!("life {life} runs, but its answer is {answer:?}")
        })?;
        self.is_followed(info.as_ref()).await
    }

    /// Those who follow the supervisor come to see what was told of the id.
    async fn is_followed(&self, info: Option<&SessionInfo>) -> Result<(), Over> {
        match self.instance.followers() {
            Some(followers) if !followers.agrees(self.id(), info).await => {
                Err(self.instance.over("the feed says that it has ended"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn restart(&self) -> Result<Result<ActorRef<Msg>, RestartError>, Over> {
        match ask(
            Deed::Restart,
            self.instance.sessions.restart_session(self.id()),
        )
        .await
        {
            Err(RestartError::SupervisorDown | RestartError::Draining) => {
                Err(self.instance.over("a restart says that it is down"))
            }
            Err(error) => Ok(Err(error)),
            Ok(cell) => {
                must(cell.is_message_type_of::<Msg>() == Some(true), || {
                    format!("a restart yields {cell:?}")
                });
                Ok(Ok(cell.into()))
            }
        }
    }

    /// A restart that must succeed.
    pub(crate) async fn is_restarted(&self) -> Result<ActorRef<Msg>, Over> {
        match self.restart().await? {
            Ok(session) => Ok(session),
            Err(error) => {
                self.check(false, || format!("a restart says: {error}"))?;
                Err(Over)
            }
        }
    }

    /// A stop, after which nothing is left.
    pub(crate) async fn stop(&self) -> Result<Result<Exit, StopError>, Over> {
        let stop = ask(Deed::Stop, self.instance.sessions.stop_session(self.id())).await;
        match stop {
            Err(StopError::SupervisorDown) => {
                Err(self.instance.over("a stop says that it is down"))
            }
            Ok(exit) => {
                self.nothing_is_left(&format!("its stop said {exit}"));
                Ok(Ok(exit))
            }
            Err(StopError::Stuck) if stalls::is_busy() => {
                // The scene is over when the session is gone.
                self.is_busy.store(true, Ordering::Relaxed);
                self.until("gone", Option::is_none).await?;
                Err(Over)
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// A stop that must find something.
    pub(crate) async fn is_stopped(&self) -> Result<Exit, Over> {
        match self.stop().await? {
            Ok(exit) => Ok(exit),
            Err(error) => {
                self.check(false, || format!("a stop says: {error}"))?;
                Err(Over)
            }
        }
    }

    /// No life, no name. This holds whatever becomes of the supervisor meanwhile, but for the state
    /// of one that was killed while its supervisor was ended from outside: it lies in the root's
    /// event port, which is not read any more.
    pub(crate) fn nothing_is_left(&self, why: &str) {
        let (id, alive) = (self.id(), self.entry.alive());
        let end = self.instance.ended();
        let is_read = !matches!(end, Some(End::ForeignStop | End::Drain | End::Kill));
        must(alive == 0 || !is_read, || {
            format!("{id}: {why}, but {alive} are alive ({end:?})")
        });
        let sessions = &self.instance.sessions;
        must(sessions.find_session(id).is_none(), || {
            format!("{id}: {why}, but it is found")
        });
        let name = names::session(sessions.name(), id);
        must(ractor::registry::where_is(name).is_none(), || {
            format!("{id}: {why}, but its name is taken")
        });
        for role in ROLES {
            let name = names::session_child(sessions.name(), role, id);
            must(ractor::registry::where_is(name).is_none(), || {
                format!("{id}: {why}, but the name of its child {role} is taken")
            });
        }
    }

    /// The id is free, and the supervisor knows nothing of it.
    pub(crate) async fn is_unknown(&self) -> Result<(), Over> {
        self.nothing_is_left("it is free");
        let info = self.info().await?;
        self.check(info.is_none(), || format!("it is free, told of {info:?}"))?;
        self.is_followed(None).await?;
        let stop = self.stop().await?;
        self.check(stop == Err(StopError::NotFound), || {
            format!("it is free, and a stop says {stop:?}")
        })?;
        let restart = self.restart().await?;
        self.check(matches!(restart, Err(RestartError::NotFound)), || {
            format!("it is free, and a restart says {restart:?}")
        })
    }

    /// Waits until an incarnation is through its `pre_start`.
    pub(crate) async fn is_up(&self, incarnation: u64) -> Result<(), Over> {
        let root = self.instance.sessions.get_cell();
        let up = async {
            tokio::select! {
                () = self.entry.is_up(incarnation) => Ok(()),
                _ = root.wait(None) => Err(Over),
            }
        };
        let what = || format!("{}: life {incarnation} does not come up", self.id());
        match within(up, what).await {
            Ok(()) => Ok(()),
            Err(Over) => Err(self.instance.over("its root has ended")),
        }
    }

    /// Asks for the id until what is told is what must come.
    pub(crate) async fn until(
        &self,
        what: &str,
        comes: impl Fn(&Option<SessionInfo>) -> bool,
    ) -> Result<(), Over> {
        let began = Instant::now();
        loop {
            let info = self.info().await?;
            if comes(&info) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let id = self.id();
                contradiction(&format!("{id}: not {what} for {PATIENCE:?}: {info:?}"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until it holds, or the supervisor has ended.
    pub(crate) async fn until_or_over(
        &self,
        holds: impl Fn() -> bool,
        what: &str,
    ) -> Result<(), Over> {
        self.until_async(what, || std::future::ready(holds())).await
    }

    /// The same with a look that waits.
    pub(crate) async fn until_async<F: Future<Output = bool>>(
        &self,
        what: &str,
        holds: impl Fn() -> F,
    ) -> Result<(), Over> {
        let began = Instant::now();
        while !holds().await {
            if self.instance.sessions.get_cell().get_status() >= ractor::ActorStatus::Stopping {
                return Err(self.instance.over("its root is stopping"));
            }
            if began.elapsed() > PATIENCE {
                contradiction(&format!("{}: not {what} for {PATIENCE:?}", self.id()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// The session that runs, if it does.
    pub(crate) async fn running(&self) -> Result<Option<ActorRef<Msg>>, Over> {
        // A start waits until the launch is reported.
        Ok(match self.start(Plan::FINE).await? {
            Err(error) => error.already_started::<Msg>(),
            Ok(_) => None,
        })
    }

    /// The session of this life, which must come, with so many restarts counted.
    pub(crate) async fn came_back(&self, life: u64, restarts: u64) -> Result<ActorRef<Msg>, Over> {
        self.is_up(life).await?;
        let Some(session) = self.running().await? else {
            self.check(false, || format!("life {life} is up, but does not run"))?;
            return Err(Over);
        };
        self.runs(&session, life).await?;
        let info = self.info().await?;
        let counted = info.as_ref().map(|info| info.restarts);
        self.check(counted == Some(restarts), || {
            format!("life {life} after {restarts} restarts, told of {counted:?}")
        })?;
        Ok(session)
    }
}
