//! What a user writes (`spec.rs`), without its type.

use std::fmt;
use std::future::{Future, ready};
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;

use ractor::ActorProcessingErr;

use super::guarded::drop_guarded;
use crate::engine::{self, Claim, Policy};

/// How to start a session, and by which rules it lives. The start function is given an order `O`
/// and answers an `F`.
pub(crate) struct Plan<O, F> {
    pub(crate) policy: Policy,
    /// Absent, if it has none.
    pub(crate) terms: Option<Box<Terms>>,
    pub(crate) starter: Arc<StartFunction<O, F>>,
}

/// What few plans have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// What people call it.
    pub(crate) label: Option<Arc<str>>,
    /// By which a program tells its session from a later one of the same id.
    pub(crate) tag: Option<NonZeroU64>,
    /// What its sessions claim, each claim once.
    pub(crate) claims: Vec<Claim>,
    /// The group of the session, if there is a quota. It is no part of what a user writes.
    pub(crate) group: Option<Arc<str>>,
}

impl<O, F> Plan<O, F> {
    /// What few plans have, to be set.
    pub(crate) fn terms(&mut self) -> &mut Terms {
        self.terms.get_or_insert_default()
    }
}

impl<O, F> Clone for Plan<O, F> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy,
            terms: self.terms.clone(),
            starter: Arc::clone(&self.starter),
        }
    }
}

impl<O, F> fmt::Debug for Plan<O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<O: 'static, F: Send + 'static> engine::Spec for Arc<Plan<O, F>> {
    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn label(&self) -> Option<&Arc<str>> {
        self.terms.as_ref()?.label.as_ref()
    }

    fn tag(&self) -> Option<NonZeroU64> {
        self.terms.as_ref()?.tag
    }

    fn claims(&self) -> &[Claim] {
        self.terms.as_ref().map_or(&[], |terms| &terms.claims)
    }

    fn has_children(&self) -> bool {
        self.starter.makes() == Makes::Tree
    }

    fn group(&self) -> Option<&Arc<str>> {
        self.terms.as_ref()?.group.as_ref()
    }
}

/// A user's start function, with a guard around the drop of what it has captured: several specs are
/// often dropped in one go, as those of a tree are, and two that panic then would end the process.
pub(crate) struct StartFunction<O, F>(Option<Box<dyn Starter<O, F>>>);

impl<O: 'static, F: Send + 'static> StartFunction<O, F> {
    pub(crate) fn new(starter: impl Starter<O, F>) -> Self {
        Self(Some(Box::new(starter)))
    }

    /// Calls it and spawns the actor.
    pub(crate) fn start(&self, order: O) -> Starting<F> {
        match &self.0 {
            Some(starter) => starter.start(order),
            // It is taken only by the last who holds it.
            None => Box::pin(ready(Err(SpawnFailure::Refused))),
        }
    }

    /// What it starts.
    pub(crate) fn makes(&self) -> Makes {
        self.0
            .as_ref()
            .map_or(Makes::Actor, |starter| starter.makes())
    }

    /// What is to be dropped.
    pub(super) fn take(mut self) -> Option<Box<dyn Starter<O, F>>> {
        self.0.take()
    }
}

impl<O, F> Drop for StartFunction<O, F> {
    fn drop(&mut self) {
        if let Some(starter) = self.0.take() {
            drop_guarded(starter);
        }
    }
}

/// A user's start function behind one type.
pub(crate) trait Starter<O, F>: Send + Sync + 'static {
    /// Calls it and spawns the actor.
    fn start(&self, order: O) -> Starting<F>;

    /// What it starts.
    fn makes(&self) -> Makes {
        Makes::Actor
    }
}

/// What a start function starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Makes {
    /// An actor of the user's.
    Actor,
    /// A future.
    Task,
    /// A supervisor.
    Tree,
}

pub(crate) type Starting<F> = Pin<Box<dyn Future<Output = Result<F, SpawnFailure>> + Send>>;

/// Why no actor was spawned and linked.
#[derive(Debug)]
pub(crate) enum SpawnFailure {
    Ignored,
    /// The name, which another actor has.
    NameTaken(String),
    /// The supervisor is ending and takes no more links.
    Refused,
    Failed(ActorProcessingErr),
}
