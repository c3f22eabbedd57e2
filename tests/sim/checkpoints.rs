//! What sessions and children save for their next incarnations (D29): the places where they do, and
//! what the engine must make of them. In these histories the runs of the world save and take at
//! random, also such as are over long ago. The engine is told of none of that.
//!
//! It holds:
//! 1. what a launch finds is what was saved last by the same session, or by the same child, and no
//!    other one ever finds it: not one of another id, and not a later one of the same id;
//! 2. the engine hands it out to be dropped once, when nothing of the session is known any more, and
//!    not before. It drops none itself (`drops`), also when it is taken apart;
//! 3. a run saves until a later one of its session is launched, or the session is gone.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use session_supervisor::engine::Key;

use crate::domain::SimLife;
use crate::drops::Noticed;
use crate::frame::{History, World};
use crate::rng::Rng;
use crate::variant::More;
use crate::world::Run;

/// A place where one session saves, as the shell makes it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The launch that has it; none if it is closed.
    holder: Cell<Option<Key>>,
    saved: Cell<Option<u64>>,
}

impl Slot {
    pub(crate) fn of(key: Key) -> Rc<Self> {
        Rc::new(Self {
            holder: Cell::new(Some(key)),
            saved: Cell::new(None),
        })
    }

    pub(crate) fn is_of(&self, key: Key) -> bool {
        self.holder.get() == Some(key)
    }

    pub(crate) fn saved(&self) -> Option<u64> {
        self.saved.get()
    }

    pub(crate) fn save(&self, value: u64) {
        self.saved.set(Some(value));
    }
}

/// The same as the engine has it, between two launches.
#[derive(Debug)]
pub(crate) struct Carried(Rc<Slot>, Noticed);

impl Carried {
    pub(crate) fn new(slot: &Rc<Slot>) -> Self {
        Self(Rc::clone(slot), Noticed("a checkpoint"))
    }

    /// The next launch has it.
    pub(crate) fn hand_over(self, key: Key) -> Rc<Slot> {
        let Self(slot, noticed) = self;
        // This happens inside the engine, and is no drop.
        std::mem::forget(noticed);
        slot.holder.set(Some(key));
        slot
    }

    /// The session is gone.
    pub(crate) fn close(self) -> Rc<Slot> {
        self.0.holder.set(None);
        self.0
    }

    pub(crate) fn saved(&self) -> Option<u64> {
        self.0.saved()
    }
}

/// What the world knows of all of them. A session is known by its first run.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// In most histories no run saves.
    used: bool,
    saves: u64,
    /// The session of each run.
    sessions: Vec<usize>,
    /// The places that were not handed out to be dropped.
    slots: BTreeMap<usize, Rc<Slot>>,
    /// What was saved last.
    saved: BTreeMap<usize, u64>,
    /// The sessions whose places were.
    over: BTreeSet<usize>,
}

/// Whether a launch goes on with what the last one of its id has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    Anew,
    WhereItWas,
}

impl Checkpoints {
    /// A run is launched, of the id that `runs` were of before it.
    pub(crate) fn launched(&mut self, begins: Begins, before: Option<usize>, life: &SimLife) {
        let run = self.sessions.len();
        let session = match (begins, before) {
            (Begins::WhereItWas, Some(before)) => self.sessions[before],
            (Begins::Anew, _) | (_, None) => run,
        };
        self.sessions.push(session);
        assert!(
            !self.over.contains(&session),
            "it was given up, and goes on"
        );
        match (self.slots.get(&session), life.slot()) {
            (None, None) => {}
            (Some(left), Some(found)) => {
                assert!(Rc::ptr_eq(left, &found), "it finds what another has left");
                let saved = self.saved.get(&session).copied();
                assert_eq!(found.saved(), saved, "it finds what was not saved last");
                assert!(found.is_of(life.0.key), "an earlier launch still has it");
            }
            (Some(_), None) => panic!("what was left for it is not passed on"),
            (None, Some(_)) => panic!("it finds what another has left"),
        }
    }

    /// A run saves, or takes what is saved, whatever has become of it. Answers what came of it.
    fn save(&mut self, run: usize, life: &SimLife, rng: &mut Rng) -> String {
        let session = self.sessions[run];
        let last = self.sessions.iter().rposition(|&of| of == session) == Some(run);
        let slot = life.checkpoint();
        if let Some(slot) = &slot
            && last
            && !self.over.contains(&session)
        {
            let before = self.slots.insert(session, Rc::clone(slot));
            let same = before.is_none_or(|before| Rc::ptr_eq(&before, slot));
            assert!(same, "it has another place than the launch before it");
        }
        let own = slot.filter(|slot| slot.is_of(life.0.key));
        let known = last && !self.over.contains(&session);
        let Some(slot) = own else {
            // One that never saved while it could has none.
            let had_one = self.slots.contains_key(&session);
            assert!(!known || !had_one, "what it saves is refused");
            return "is refused".to_owned();
        };
        assert!(known, "what it saves will never be found");
        let saved = self.saved.get(&session).copied();
        assert_eq!(slot.saved(), saved, "it does not find what it saved");
        if rng.chance(15) {
            slot.saved.set(None);
            self.saved.remove(&session);
            return format!("takes {saved:?}");
        }
        self.saves += 1;
        slot.save(self.saves);
        self.saved.insert(session, self.saves);
        format!("saves {}", self.saves)
    }

    /// The engine hands one out to be dropped.
    pub(crate) fn given_up(&mut self, carried: Carried, runs: &[Run]) {
        let session = self.apart(carried);
        let mut of_it = runs.iter().zip(&self.sessions);
        let lives = of_it.any(|(run, of)| *of == session && !run.gone());
        assert!(!lives, "it is given up while something of it is left");
    }

    /// The same, of an engine that is taken apart.
    pub(crate) fn apart(&mut self, carried: Carried) -> usize {
        let slot = carried.close();
        let mut slots = self.slots.iter();
        let of = slots.find(|(_, known)| Rc::ptr_eq(known, &slot));
        let (&session, _) = of.expect("it is handed out once");
        let saved = self.saved.remove(&session);
        assert_eq!(
            slot.saved(),
            saved,
            "what was saved last is kept from its drop"
        );
        self.slots.remove(&session);
        self.over.insert(session);
        session
    }

    /// What is known of is kept, and nothing else. `is_known`: whether the engine knows an id.
    pub(crate) fn check(&self, runs: &[Run], is_known: impl Fn(usize) -> bool) {
        let runs = || runs.iter().zip(&self.sessions).rev();
        for session in self.slots.keys() {
            let (last, _) = runs().find(|(_, of)| *of == session).expect("a launch");
            let (_, present) = runs().find(|(run, _)| run.id == last.id).expect("a launch");
            let known = present == session && is_known(last.id);
            assert!(!last.gone() || known, "it is forgotten, and not given up");
        }
    }
}

/// One of the runs saves, mostly the one that is about to do something.
pub(crate) fn perhaps_save(world: &mut World, index: usize) {
    if !world.checkpoints.used || !world.rng.chance(30) {
        return;
    }
    let run = match world.rng.chance(80) {
        true => index,
        false => world.rng.below(world.runs.len()),
    };
    let life = &world.runs[run].life;
    let done = world.checkpoints.save(run, life, &mut world.rng);
    world.record.tell(|| format!("  run {} {done}", run + 1));
}

/// Histories in which they save.
#[derive(Debug)]
pub(crate) struct Saving;

impl<H: History> More<H> for Saving {
    fn begin(history: &mut H) {
        history.world().checkpoints.used = true;
    }

    fn end(history: &mut H) {
        // The children of a static supervisor are known until that is taken apart.
        drop(history.take_apart());
        let left = &history.world().checkpoints.slots;
        assert!(left.is_empty(), "never given up: {left:?}");
    }
}
