//! Asks a supervisor and all supervisors below it what they have, and makes a [`Tree`] of the
//! answers.
//!
//! It asks level by level, several supervisors at once, and waits in the caller's task. It keeps
//! nothing. What it has been told and does not return is dropped elsewhere, as it may hold errors
//! of the user's.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ractor::ActorCell;
use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::actor::directory;
use crate::actor::item::PageQuery;
use crate::actor::shared::{Query, Shared};
use crate::actor::unwind::guard;
use crate::ask::{self, Awaited};
use crate::engine::Counts;
use crate::error::SupervisorDown;
use crate::info::{ChildInfo, SessionInfo, SessionPage};
use crate::{SessionSupervisor, Supervisor, Tree, TreeKind, TreePlace, TreeState, Unseen};

/// How many supervisors are asked at once.
const AT_ONCE: usize = 100;

/// How long the answers of those that were asked at once are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(5);

impl SessionSupervisor {
    /// The supervisor with its sessions, and what is below those that are supervisors: as text, as
    /// a graph, or as data. A level with more than [`Tree::WIDEST`] shows the first ones and counts
    /// the others.
    ///
    /// It waits at most 1 s for a supervisor, and 5 s in all. One that ends meanwhile, or does not
    /// answer, is shown as such. Each supervisor is asked two short questions; no caller and no
    /// session waits for that. The answers are not of one instant.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// let sessions = SessionSupervisor::start(Options::new().name("rooms")).await.unwrap();
    /// sessions.start_session("lobby", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// assert_eq!(
    ///     sessions.tree().await.unwrap().to_string(),
    ///     "rooms: session supervisor, running, 1 session (1 running)\n\
    ///      └── lobby: running"
    /// );
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn tree(
        &self,
    ) -> impl Future<Output = Result<Tree, SupervisorDown>> + Send + 'static + use<> {
        survey(Arc::clone(&self.shared))
    }
}

impl Supervisor {
    /// The supervisor with its children, and what is below those that are supervisors, as
    /// [`SessionSupervisor::tree`] shows it.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn tree(
        &self,
    ) -> impl Future<Output = Result<Tree, SupervisorDown>> + Send + 'static + use<> {
        survey(Arc::clone(&self.shared))
    }
}

async fn survey(top: Arc<Shared>) -> Result<Tree, SupervisorDown> {
    ask::alive(&top)?;
    let mut longest = Patience::new(&top, LONGEST);
    let mut found = Found::new(&top);
    let mut level = vec![(0, Arc::clone(&top))];
    for depth in 0..=Tree::DEEPEST {
        let mut below = Vec::new();
        for group in level.chunks(AT_ONCE) {
            let full = depth == Tree::DEEPEST || found.is_full();
            if full || longest.is_over() {
                for (at, _) in group {
                    found.unseen(*at, Unseen::LeftOut);
                }
                continue;
            }
            let asked: Vec<_> = group.iter().map(|(_, shared)| Asked::new(shared)).collect();
            let mut patience = Patience::new(&top, PATIENCE);
            for ((at, shared), asked) in group.iter().zip(asked) {
                let answer = until(asked.answer(), [&mut patience, &mut longest]).await;
                match answer {
                    Some(Ok(told)) => found.take(*at, shared, told, &mut below),
                    Some(Err(SupervisorDown)) if *at == 0 => return Err(SupervisorDown),
                    Some(Err(SupervisorDown)) => found.unseen(*at, Unseen::Ended),
                    None => found.unseen(*at, Unseen::NoAnswer),
                }
            }
        }
        level = below;
    }
    found.into_tree().ok_or(SupervisorDown)
}

/// What a supervisor says of what it has.
enum Told {
    Sessions(Counts, SessionPage),
    Children(Counts, Vec<ChildInfo>),
}

/// The questions to one supervisor.
enum Asked<'a> {
    Sessions(Awaited<'a, Counts>, Awaited<'a, SessionPage>),
    Children(Awaited<'a, Counts>, Awaited<'a, Vec<ChildInfo>>),
}

impl<'a> Asked<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        let counts = ask::query_now(shared, Query::count);
        if !shared.has_sessions() {
            return Self::Children(counts, ask::query_now(shared, Query::children));
        }
        let page = |reply| {
            Query::Page(PageQuery {
                after: None,
                most: Tree::WIDEST,
                reply,
            })
        };
        Self::Sessions(counts, ask::query_now(shared, page))
    }

    async fn answer(self) -> Result<Told, SupervisorDown> {
        Ok(match self {
            Self::Sessions(mut counts, mut page) => {
                Told::Sessions(counts.answer().await?, page.answer().await?)
            }
            Self::Children(mut counts, mut children) => {
                Told::Children(counts.answer().await?, children.answer().await?)
            }
        })
    }
}

/// What was found so far, level by level. Each has its place in `trees`, and the place of what is
/// above it.
struct Found<'a> {
    top: &'a Shared,
    trees: Vec<(usize, Tree)>,
}

impl<'a> Found<'a> {
    fn new(top: &'a Shared) -> Self {
        let mut tree = Tree {
            name: top.name().into(),
            place: TreePlace::Top,
            kind: TreeKind::Actor,
            supervisor: None,
            label: None,
            state: if top.is_stopping() {
                TreeState::Stopping
            } else {
                TreeState::Running
            },
            incarnation: 0,
            restarts: 0,
            last_exit: None,
            counts: None,
            children: Vec::new(),
            more: 0,
            unseen: None,
        };
        supervises(&mut tree, top);
        Self {
            top,
            trees: vec![(0, tree)],
        }
    }

    fn is_full(&self) -> bool {
        self.trees.len() > Tree::MOST
    }

    fn unseen(&mut self, at: usize, why: Unseen) {
        if let Some((_, tree)) = self.trees.get_mut(at) {
            tree.unseen = Some(why);
        }
    }

    /// Takes what one of them has told. Adds the supervisors in it to those that are `below`.
    fn take(
        &mut self,
        at: usize,
        shared: &Arc<Shared>,
        told: Told,
        below: &mut Vec<(usize, Arc<Shared>)>,
    ) {
        let before = self.trees.len();
        let (counts, all) = match told {
            Told::Sessions(counts, SessionPage { sessions, next }) => {
                let all = match next {
                    None => sessions.len(),
                    // The two answers may be of two instants.
                    Some(_) => counts.specs.max(sessions.len() + 1),
                };
                for info in sessions {
                    self.add(at, info.cell.clone(), Tree::of_session(info), below);
                }
                (counts, all)
            }
            Told::Children(counts, mut children) => {
                let all = children.len();
                let rest = children.split_off(all.min(Tree::WIDEST));
                shared.undelivered(rest);
                for info in children {
                    self.add(at, info.cell.clone(), Tree::of_child(info), below);
                }
                (counts, all)
            }
        };
        let shown = self.trees.len() - before;
        if let Some((_, tree)) = self.trees.get_mut(at) {
            tree.counts = Some(counts);
            tree.more = all.saturating_sub(shown);
        }
    }

    fn add(
        &mut self,
        above: usize,
        actor: Option<ActorCell>,
        mut tree: Tree,
        below: &mut Vec<(usize, Arc<Shared>)>,
    ) {
        if self.is_full() {
            self.top.undelivered(tree.last_exit);
            return;
        }
        if let Some(shared) = actor.as_ref().and_then(directory::find) {
            supervises(&mut tree, &shared);
            below.push((self.trees.len(), shared));
        }
        self.trees.push((above, tree));
    }

    /// Puts each below what is above it, the last ones first.
    fn into_tree(mut self) -> Option<Tree> {
        while let Some((above, mut tree)) = self.trees.pop() {
            tree.children.reverse();
            match self.trees.get_mut(above) {
                Some((_, above)) => above.children.push(tree),
                None => return Some(tree),
            }
        }
        None
    }
}

/// The caller has gone away, or the supervisor has ended.
impl Drop for Found<'_> {
    fn drop(&mut self) {
        for (_, tree) in std::mem::take(&mut self.trees) {
            self.top.undelivered(tree.last_exit);
        }
    }
}

/// It is a supervisor that runs.
fn supervises(tree: &mut Tree, shared: &Shared) {
    tree.kind = if shared.has_sessions() {
        TreeKind::SessionSupervisor
    } else {
        TreeKind::Supervisor
    };
    tree.supervisor = Some(shared.name().into());
}

impl Tree {
    fn of_session(info: SessionInfo) -> Self {
        Self {
            name: info.id.shared(),
            place: TreePlace::Session,
            kind: TreeKind::Actor,
            supervisor: None,
            label: info.label,
            state: info.state.into(),
            incarnation: info.incarnation,
            restarts: info.restarts,
            last_exit: info.last_exit,
            counts: None,
            children: Vec::new(),
            more: 0,
            unseen: None,
        }
    }

    fn of_child(info: ChildInfo) -> Self {
        Self {
            name: info.role,
            place: TreePlace::Child,
            kind: TreeKind::Actor,
            supervisor: None,
            label: info.label,
            state: info.state.into(),
            incarnation: info.incarnation,
            restarts: info.restarts,
            last_exit: info.last_exit,
            counts: None,
            children: Vec::new(),
            more: 0,
            unseen: None,
        }
    }
}

/// A limit of time.
struct Patience(Option<Pin<Box<Sleep>>>);

impl Patience {
    /// By the clock of the caller's runtime: that of a supervisor whose threads are all blocked
    /// stands still. A caller outside of any runtime has only that one.
    fn new(supervisor: &Shared, limit: Duration) -> Self {
        let sleep = || Box::pin(tokio::time::sleep(limit));
        if Handle::try_current().is_ok()
            // tokio panics if a runtime was made without timers.
            && let Ok(sleep) = guard(sleep)
        {
            return Self(Some(sleep));
        }
        let _there = supervisor.runtime().enter();
        Self(guard(sleep).ok())
    }

    fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(|sleep| sleep.is_elapsed())
    }
}

/// Waits for an answer for as long as these allow it.
async fn until<T>(answer: impl Future<Output = T>, mut limits: [&mut Patience; 2]) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    poll_fn(|context| {
        if let Poll::Ready(answer) = answer.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        for Patience(limit) in limits.iter_mut() {
            // tokio panics if the runtime is shut down.
            let over = limit.as_mut().is_none_or(|sleep| {
                guard(|| sleep.as_mut().poll(context).is_ready()).unwrap_or(true)
            });
            if over {
                *limit = None;
                return Poll::Ready(None);
            }
        }
        Poll::Pending
    })
    .await
}
