//! The types that the engine passes on, as the simulation fills them.
//!
//! Absent on purpose: behaviour; that is `world`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use session_supervisor::engine::{
    self, Domain, Ending, Key, Life, Mark, Policy, ShutdownReport, Spec,
};

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
    type Ticket = Waiter;
}

#[derive(Clone, Debug)]
pub(crate) struct SimSpec(pub(crate) Rc<(Policy, Pauses)>);

impl Spec for SimSpec {
    fn policy(&self) -> &Policy {
        &self.0.0
    }
}

#[derive(Clone, Debug)]
pub(crate) struct SimLife(pub(crate) Rc<Cells>);

#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) key: Key,
    pub(crate) actor: Cell<Option<u64>>,
    pub(crate) mark: Cell<Mark>,
    pub(crate) ending: Cell<Ending>,
    pub(crate) report: Cell<Option<ShutdownReport>>,
    /// It was a supervisor, and its own children are all that is left.
    pub(crate) outlived: Cell<bool>,
}

impl Life for SimLife {
    fn new(key: Key) -> Self {
        Self(Rc::new(Cells {
            key,
            actor: Cell::new(None),
            mark: Cell::new(Mark::Missing),
            ending: Cell::new(Ending::No),
            report: Cell::new(None),
            outlived: Cell::new(false),
        }))
    }
    fn actor(&self) -> Option<u64> {
        self.0.actor.get()
    }
    fn mark(&self) -> Mark {
        self.0.mark.get()
    }
    fn ending(&self) -> Ending {
        self.0.ending.get()
    }
    fn report(&self) -> Option<ShutdownReport> {
        self.0.report.get()
    }
    fn is_outlived(&self) -> bool {
        self.0.outlived.get()
    }
}
