//! The types that the engine passes on, as the simulation fills them. A spec and a life notice when
//! the engine drops the last one that it holds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use session_supervisor::engine::{
    self, Cause, Claim, Domain, Ending, Key, Life, Mark, Moment, Policy, ShutdownReport, Spec, Use,
};

use crate::checkpoints::{Carried, Slot};
use crate::drops::Noticed;
use crate::rules::Pauses;

/// The number of a caller.
pub(crate) type Ticket = usize;

thread_local! {
    /// The callers of this thread's history that have gone away.
    static GONE: RefCell<BTreeSet<Ticket>> = const { RefCell::new(BTreeSet::new()) };
}

/// A caller, as the engine has it.
#[derive(Debug)]
pub(crate) struct Waiter(pub(crate) Ticket);

impl Waiter {
    /// A new history begins: its callers are all there.
    pub(crate) fn all_are_there() {
        GONE.with_borrow_mut(BTreeSet::clear);
    }
}

impl Waiter {
    /// A caller goes away.
    pub(crate) fn goes(ticket: Ticket) {
        GONE.with_borrow_mut(|gone| gone.insert(ticket));
    }
}

impl engine::Ticket for Waiter {
    fn is_gone(&self) -> bool {
        GONE.with_borrow(|gone| gone.contains(&self.0))
    }
}

#[derive(Debug)]
pub(crate) struct SimDomain;

impl Domain for SimDomain {
    type Spec = SimSpec;
    type Life = SimLife;
    type Found = SimFound;
    type Ticket<A> = Waiter;
}

#[derive(Clone, Debug)]
pub(crate) struct SimSpec(
    pub(crate) Rc<(Policy, Pauses, Vec<Claim>)>,
    #[expect(dead_code, reason = "only its drop counts")] Rc<Noticed>,
    Option<Arc<str>>,
);

impl SimSpec {
    pub(crate) fn new(policy: Policy, pauses: Pauses) -> Self {
        Self::claiming(policy, pauses, Vec::new())
    }

    pub(crate) fn claiming(policy: Policy, pauses: Pauses, claims: Vec<Claim>) -> Self {
        let rules = Rc::new((policy, pauses, claims));
        Self(rules, Rc::new(Noticed("a spec")), None)
    }

    /// The same spec, kept outside the engine.
    pub(crate) fn kept(&self) -> Self {
        let group = self.2.clone();
        Self(Rc::clone(&self.0), Rc::new(Noticed("a spec")), group)
    }

    /// The same of a session that is of a group.
    pub(crate) fn of_group(mut self, group: Option<Arc<str>>) -> Self {
        self.2 = group;
        self
    }
}

impl Spec for SimSpec {
    fn policy(&self) -> &Policy {
        &self.0.0
    }

    fn claims(&self) -> &[Claim] {
        &self.0.2
    }

    fn group(&self) -> Option<&Arc<str>> {
        self.2.as_ref()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct SimLife(
    pub(crate) Rc<Cells>,
    #[expect(dead_code, reason = "only its drop counts")] Rc<Noticed>,
);

impl SimLife {
    /// The same life, kept outside the engine.
    pub(crate) fn kept(&self) -> Self {
        Self(Rc::clone(&self.0), Rc::new(Noticed("a life")))
    }

    /// Where it saves, if it has done so or those before it have.
    pub(crate) fn slot(&self) -> Option<Rc<Slot>> {
        self.0.slot.borrow().clone()
    }

    /// Where it saves. After its end none is made.
    pub(crate) fn checkpoint(&self) -> Option<Rc<Slot>> {
        if !self.0.left.get() {
            let key = self.0.key;
            self.0
                .slot
                .borrow_mut()
                .get_or_insert_with(|| Slot::of(key));
        }
        self.slot()
    }
}

/// A run, as a caller gets to hold it.
#[derive(Clone, Debug)]
pub(crate) struct SimFound(pub(crate) Rc<Cells>);

#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) key: Key,
    pub(crate) actor: Cell<Option<u64>>,
    pub(crate) mark: Cell<Mark>,
    pub(crate) cause: RefCell<Option<Cause>>,
    pub(crate) ending: Cell<Ending>,
    pub(crate) report: Cell<Option<ShutdownReport>>,
    /// It was a supervisor, and its own children are all that is left.
    pub(crate) outlived: Cell<bool>,
    pub(crate) used: Cell<Use>,
    slot: RefCell<Option<Rc<Slot>>>,
    /// The engine has taken what it leaves.
    left: Cell<bool>,
}

impl Life for SimLife {
    type Found = SimFound;
    type Checkpoint = Carried;
    fn new(key: Key, checkpoint: Option<Carried>) -> Self {
        let cells = Cells {
            key,
            actor: Cell::new(None),
            mark: Cell::new(Mark::Missing),
            cause: RefCell::new(None),
            ending: Cell::new(Ending::No),
            report: Cell::new(None),
            outlived: Cell::new(false),
            used: Cell::new(Use::Until(Moment::START)),
            slot: RefCell::new(checkpoint.map(|carried| carried.hand_over(key))),
            left: Cell::new(false),
        };
        Self(Rc::new(cells), Rc::new(Noticed("a life")))
    }
    fn leave(&self) -> Option<Carried> {
        let again = self.0.left.replace(true);
        assert!(!again, "what it leaves is taken twice");
        self.0.slot.borrow().as_ref().map(Carried::new)
    }
    fn found(&self) -> Option<SimFound> {
        Some(SimFound(Rc::clone(&self.0)))
    }
    fn actor(&self) -> Option<u64> {
        self.0.actor.get()
    }
    fn mark(&self) -> Mark {
        self.0.mark.get()
    }
    fn failure(&self) -> (Option<Cause>, Option<Arc<str>>) {
        let text = self.error_text();
        (self.0.cause.take(), text)
    }
    fn error_text(&self) -> Option<Arc<str>> {
        let cause = self.0.cause.borrow();
        cause.as_ref().map(|cause| cause.to_string().into())
    }
    fn ending(&self) -> Ending {
        self.0.ending.get()
    }
    fn used(&self) -> Use {
        self.0.used.get()
    }
    fn report(&self) -> Option<ShutdownReport> {
        self.0.report.get()
    }
    fn is_outlived(&self) -> bool {
        self.0.outlived.get()
    }
}
