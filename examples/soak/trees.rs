//! Sessions that are trees, with trees inside: every operation on them, on their roots and on their
//! children.

use std::sync::Arc;

use session_supervisor::error::{FindError, StartError, StopError};
use session_supervisor::{
    ChildSpec, Exit, Options, Restart, SessionState, SessionSupervisor, Strategy, Supervisor,
    TreeSpec,
};

use crate::ask::{ask, ask_and_leave};
use crate::census::{Entry, ROLES};
use crate::owner::Owned;
use crate::rng::Rng;
use crate::session::{Msg, Plan, SHORT, StartKind, StopKind};
use crate::succession::Over;
use crate::tally::{self, Deed};

/// What a tree is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    strategy: Strategy,
    /// How many children it has, three at most.
    children: usize,
    has_tree: bool,
    has_sessions: bool,
    stops_together: bool,
    /// How many restarts of its children.
    limit: u32,
    /// How its last child is born and dies; all others are without a fault.
    pub(crate) last: Plan,
}

impl Shape {
    pub(crate) fn any(rng: &mut Rng) -> Self {
        let strategies = [
            Strategy::OneForOne,
            Strategy::OneForAll,
            Strategy::RestForOne,
        ];
        Self {
            strategy: rng.pick(&strategies),
            children: 1 + rng.below(3),
            has_tree: rng.one_in(2),
            has_sessions: rng.one_in(3),
            stops_together: rng.one_in(2),
            limit: 9,
            last: Plan::FINE.restart(Restart::Permanent),
        }
    }

    pub(crate) fn last(self, last: Plan) -> Self {
        Self { last, ..self }
    }

    fn describe(self, entry: &Entry) -> TreeSpec {
        let long = crate::session::LONG;
        let mut tree = TreeSpec::new(self.strategy).restart_limit(self.limit, long);
        let sound = Plan::FINE.restart(Restart::Permanent);
        for (n, role) in ROLES.iter().enumerate().take(self.children) {
            let plan = match n + 1 == self.children {
                true => self.last,
                false => sound,
            };
            tree = tree.child(*role, plan.spec(&entry.children[n]));
        }
        if self.has_tree {
            let egg = sound.spec(&entry.children[3]);
            let inner = TreeSpec::one_for_all().child(ROLES[3], egg);
            tree = tree.child("inner", Supervisor::child_spec(inner));
        }
        if self.has_sessions {
            let options = Options::new().unique_name();
            tree = tree.child("branch", SessionSupervisor::child_spec(options));
        }
        tree = tree.child_on_demand("later", ChildSpec::new(|_| (Idle, ())));
        match self.stops_together {
            true => tree.stop_together(),
            false => tree,
        }
    }

    pub(crate) fn spec(self, entry: &Arc<Entry>) -> ChildSpec<Supervisor> {
        let entry = Arc::clone(entry);
        ChildSpec::tree(move |_start| {
            entry.tree_is_launched();
            self.describe(&entry)
        })
        .start_timeout(self.last.start_timeout)
        .restart(self.last.restart)
    }
}

/// A child that does nothing.
#[derive(Debug)]
struct Idle;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Idle {}

async fn started(own: &Owned<'_>, spec: ChildSpec<Supervisor>) -> Result<Supervisor, Over> {
    let start = own.instance.sessions.start_session(own.id(), spec);
    match ask(Deed::Start, start).await {
        Ok(tree) => Ok(tree),
        Err(StartError::SupervisorDown | StartError::Draining) => {
            Err(own.instance.over("a start says that it is down"))
        }
        Err(error) => {
            own.check(false, || format!("a start of a tree says: {error}"))?;
            Err(Over)
        }
    }
}

/// This life of the tree runs, with all its children.
async fn runs(own: &Owned<'_>, shape: Shape, life: u64) -> Result<(), Over> {
    own.until("a running tree", |info| {
        info.as_ref()
            .is_some_and(|info| (info.state, info.incarnation) == (SessionState::Running, life))
    })
    .await?;
    for role in &ROLES[..shape.children] {
        child_works(own, role).await?;
    }
    Ok(())
}

/// A child that must be found, or be back soon, and that works.
async fn child_works(own: &Owned<'_>, role: &str) -> Result<(), Over> {
    let (sessions, id) = (&own.instance.sessions, own.id());
    let works = || async move {
        tally::did(Deed::Find);
        let Ok(child) = sessions.find_child_as::<Msg>(id, role) else {
            return false;
        };
        let answer = ask(Deed::Work, child.call(Msg::Work, None)).await;
        matches!(answer, Ok(ractor::rpc::CallResult::Success(_)))
    };
    own.until_async(&format!("a child {role} that works"), works)
        .await
}

/// A tree whose children fail, whose root is killed, and which is restarted by hand: it is back
/// each time under the same names.
pub(crate) async fn a_tree_comes_back(own: &mut Owned<'_>) -> Result<(), Over> {
    let shape = Shape::any(own.rng);
    let tree = started(
        own,
        shape.spec(own.entry).restart_limit(9, crate::session::LONG),
    )
    .await?;
    tally::TREES.one();
    runs(own, shape, 1).await?;
    let sessions = &own.instance.sessions;
    tally::did(Deed::Find);
    let as_actor = sessions.find_session_as::<Msg>(own.id());
    own.check(matches!(as_actor, Err(FindError::WrongMessageType)), || {
        format!("a tree is found as a session that works: {as_actor:?}")
    })?;
    if let Ok(child) = sessions.find_child_as::<Msg>(own.id(), ROLES[0]) {
        drop(child.cast(match own.rng.one_in(2) {
            true => Msg::Fail,
            false => Msg::Panic,
        }));
        tally::did(Deed::Crash);
        own.until_or_over(
            || child.get_status() >= ractor::ActorStatus::Stopping,
            "crashed",
        )
        .await?;
        runs(own, shape, 1).await?;
    }
    let mut life = 1;
    for _ in 0..1 + own.rng.below(3) {
        life += 1;
        if own.rng.one_in(2) {
            let restart = ask(Deed::Restart, sessions.restart_session(own.id())).await;
            let restarted = restart.is_ok();
            own.check(restarted, || {
                format!("a restart of a tree says {restart:?}")
            })?;
        } else if let Some(root) = sessions.find_session(own.id()) {
            root.kill();
            tally::did(Deed::ForeignKill);
        } else {
            return own.check(false, || "a tree runs and is not found".to_owned());
        }
        runs(own, shape, life).await?;
    }
    let late = ask(Deed::Count, tree.count_children()).await;
    own.check(late.is_err(), || {
        format!("a handle of a tree that is over says {late:?}")
    })?;
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::Shutdown, || {
        format!("a good tree was stopped: {exit}")
    })
}

/// A tree that does not start leaves nothing behind.
pub(crate) async fn a_tree_does_not_start(own: &mut Owned<'_>) -> Result<(), Over> {
    let start_kinds = [
        StartKind::Fails,
        StartKind::Panics,
        StartKind::StartFunctionFails,
        StartKind::StartFunctionPanics,
        StartKind::Hangs,
    ];
    let start_kind = own.rng.pick(&start_kinds);
    let mut last = Plan::starting([start_kind; 3]).restart(Restart::Permanent);
    if start_kind == StartKind::Hangs {
        last.start_timeout = SHORT;
    }
    let spec = Shape::any(own.rng).last(last).spec(own.entry);
    let start = own.instance.sessions.start_session(own.id(), spec);
    let answer = ask(Deed::Start, start).await;
    tally::TREES.one();
    let fits = match (&answer, start_kind) {
        (Err(StartError::SupervisorDown | StartError::Draining), _) => {
            return Err(own.instance.over("a start says that it is down"));
        }
        (Err(StartError::TimedOut), StartKind::Hangs) => true,
        (Err(StartError::Failed { .. }), _) => true,
        _ => false,
    };
    own.check(fits, || {
        format!("{start_kind:?}, and the start of its tree says {answer:?}")
    })?;
    match own.stop().await? {
        Ok(Exit::NotRunning) | Err(StopError::NotFound) => Ok(()),
        other => own.check(false, || {
            format!("{start_kind:?}, its start says {answer:?}, and a stop {other:?}")
        }),
    }
}

/// Its children are added, ended, started and removed, while it may be stopped.
pub(crate) async fn a_tree_is_changed(own: &mut Owned<'_>) -> Result<(), Over> {
    let shape = Shape {
        children: 2,
        ..Shape::any(own.rng)
    };
    let tree = started(own, shape.spec(own.entry)).await?;
    tally::TREES.one();
    let added = tree.start_child(ROLES[2], Plan::FINE.spec(&own.entry.children[2]));
    let added = ask(Deed::Start, added).await;
    own.check(added.is_ok(), || format!("a child is added: {added:?}"))?;
    let demanded = ask(Deed::Restart, tree.restart_child("later")).await;
    own.check(demanded.is_ok(), || {
        format!("a child on demand is asked for: {demanded:?}")
    })?;
    let ended = ask(Deed::Stop, tree.terminate_child(ROLES[1])).await;
    own.check(matches!(ended, Ok(Exit::Shutdown)), || {
        format!("a child is ended: {ended:?}")
    })?;
    if own.rng.one_in(3) {
        let restart = tree.restart_child(ROLES[1]);
        ask_and_leave(Deed::Restart, restart).await;
    } else {
        let back = ask(Deed::Restart, tree.restart_child(ROLES[1])).await;
        own.check(back.is_ok(), || {
            format!("a child is started again: {back:?}")
        })?;
        let ended = ask(Deed::Stop, tree.terminate_child(ROLES[2])).await;
        own.check(ended.is_ok(), || format!("a child is ended: {ended:?}"))?;
        let removed = ask(Deed::Stop, tree.delete_child(ROLES[2])).await;
        own.check(removed.is_ok(), || {
            format!("a child is removed: {removed:?}")
        })?;
    }
    own.is_stopped().await.map(drop)
}

/// One that uses up its limit has failed, and is started anew as a session; or the whole is stopped
/// at the same time.
pub(crate) async fn a_tree_uses_up_its_limit(own: &mut Owned<'_>) -> Result<(), Over> {
    let shape = Shape {
        limit: 0,
        children: 1,
        ..Shape::any(own.rng)
    };
    let dies = [StopKind::Fine, StopKind::Fails, StopKind::Takes(20)];
    let last = Plan::stopping(own.rng.pick(&dies)).restart(Restart::Permanent);
    let shape = shape.last(last);
    let spec = shape.spec(own.entry).restart_limit(9, crate::session::LONG);
    started(own, spec).await?;
    tally::TREES.one();
    let sessions = &own.instance.sessions;
    let Ok(child) = sessions.find_child_as::<Msg>(own.id(), ROLES[0]) else {
        return own.check(false, || "a tree runs without its child".to_owned());
    };
    drop(child.cast(Msg::Fail));
    tally::did(Deed::Crash);
    if own.rng.one_in(3) {
        return own.is_stopped().await.map(drop);
    }
    runs(own, shape, 2).await?;
    let info = own.info().await?;
    let failed = info
        .as_ref()
        .is_some_and(|info| matches!(&info.last_exit, Some(Exit::Failed { .. })));
    own.check(failed, || {
        "a tree used up its limit and has not failed".to_owned()
    })?;
    drop(own.is_stopped().await?);
    Ok(())
}
