//! The children: by id, by slot, and in the order of their first start, with the counts per state.
//!
//! Invariants, recounted by the simulation:
//! 1. every occupied slot is in the index under its id, and once in the order;
//! 2. a count, that of a group included, is changed by [`Table::change`], `fill` and `remove` alone,
//!    and equals the number of children shown in that state, or of that group in a place;
//! 3. a cursor stands on an occupied slot or past the end; removing that slot moves it on.
//!
//! The slots lie in chunks that never move: growing one of a million would stall a single insert.

use std::sync::Arc;

use super::child::Child;
use super::claim::Claim;
use super::counts::{Counts, SessionState, Shown};
use super::exit::Exit;
use super::groups::Groups;
use super::index::Index;
use super::io::{Domain, Spec};
use super::moment::Moment;
use super::rejection::Rejection;
use super::restart::ChildKind;

const CHUNK: usize = 1_024;
const NONE: u32 = u32::MAX;

/// What is known of one session.
#[derive(Debug)]
pub struct Info<'a, D: Domain> {
    /// Its id.
    pub id: &'a Arc<str>,
    /// What people call it.
    pub label: Option<&'a Arc<str>>,
    /// What it claims.
    pub claims: &'a [Claim],
    /// Its group, if there is a quota.
    pub group: Option<&'a Arc<str>>,
    /// What it is doing.
    pub state: SessionState,
    /// Its present or last incarnation.
    pub incarnation: u64,
    /// How often it was restarted.
    pub restarts: u64,
    /// The present launch.
    pub life: Option<&'a D::Life>,
    /// When its first incarnation was started, if it was.
    pub first_started: Option<Moment>,
    /// When the present incarnation was started, if it was.
    pub started: Option<Moment>,
    /// How the last incarnation ended.
    pub last_exit: Option<&'a Exit>,
    /// Whether it is a supervisor itself.
    pub kind: ChildKind,
    /// Its place in the order of first starts: a later one is greater.
    pub position: u64,
}

#[derive(Debug)]
struct Node<D: Domain> {
    child: Option<Child<D>>,
    previous: u32,
    next: u32,
    position: u64,
}

/// Where the child of an id is, or is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Known(u32),
    New(Reserved),
}

/// A vacant slot that was given to an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserved {
    pub(super) slot: u32,
    hash: u32,
}

/// A place in the order of first starts; opened by a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Cursor(usize);

#[derive(Debug)]
pub(super) struct Table<D: Domain> {
    index: Index,
    chunks: Vec<Vec<Node<D>>>,
    vacant: u32,
    first: u32,
    last: u32,
    /// How many were put into the order so far.
    positions: u64,
    cursors: Vec<Option<u32>>,
    len: usize,
    counts: Counts,
    /// Absent without a quota.
    groups: Option<Box<Groups>>,
    /// How many launches are under way.
    launching: usize,
}

impl<D: Domain> Table<D> {
    /// An empty one. `quota`: how many sessions of one group may take a place.
    pub(super) fn new(quota: Option<usize>) -> Self {
        Self {
            index: Index::new(),
            chunks: Vec::new(),
            vacant: NONE,
            first: NONE,
            last: NONE,
            positions: 0,
            cursors: Vec::new(),
            len: 0,
            counts: Counts::default(),
            groups: quota.map(|max| Box::new(Groups::new(max))),
            launching: 0,
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The counts per group, if there is a quota.
    pub(super) fn groups(&self) -> Option<&Groups> {
        self.groups.as_deref()
    }

    /// Why the group of such a child may not have one more, if it may not.
    pub(super) fn full_group(&self, spec: &D::Spec) -> Option<Rejection> {
        self.groups.as_ref()?.full(spec.group()?)
    }

    /// How many launches are under way.
    pub(super) const fn launching(&self) -> usize {
        self.launching
    }

    /// How many slots are occupied, by children shown or hidden.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn find(&self, id: &str) -> Option<u32> {
        self.index.find(id, |slot| is_of(&self.chunks, slot, id))
    }

    /// The child in a slot, if there is one.
    pub(super) fn known(&self, slot: u32) -> Option<&Child<D>> {
        self.node(slot)?.child.as_ref()
    }

    /// The child in a slot that is occupied.
    pub(super) fn get(&self, slot: u32) -> Option<&Child<D>> {
        let child = self.known(slot);
        debug_assert!(child.is_some(), "slot {slot} is vacant");
        child
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Child<D>> {
        let child = self.node_mut(slot).and_then(|node| node.child.as_mut());
        debug_assert!(child.is_some(), "slot {slot} is vacant");
        child
    }

    /// The slot of an id. One that is new is given a vacant slot, which has to be
    /// [filled](Self::fill) before anything else is done.
    #[inline]
    pub(super) fn reserve(&mut self, id: &str) -> Place {
        let is = |slot| is_of(&self.chunks, slot, id);
        match self.index.find_place(id, is) {
            Ok(slot) => Place::Known(slot),
            Err(place) => {
                let slot = vacate(&mut self.chunks, &mut self.vacant);
                let hash = place.fill(slot);
                Place::New(Reserved { slot, hash })
            }
        }
    }

    /// Puts the child into the slot that was reserved for its id, at the end of the order.
    pub(super) fn fill(&mut self, Reserved { slot, hash }: Reserved, mut child: Child<D>) {
        child.life.hash = hash;
        self.counts.enter(child.shown(), child.life.policy().kind);
        if let Some(groups) = &mut self.groups {
            groups.enter(child.life.spec.group(), child.shown());
        }
        self.launching += usize::from(child.is_launching());
        self.len += 1;
        let previous = self.last;
        self.positions += 1;
        let position = self.positions;
        if let Some(node) = self.node_mut(slot) {
            // A child is large, and this moves it once.
            node.child.get_or_insert(child);
            node.position = position;
            node.previous = previous;
            node.next = NONE;
        }
        match self.node_mut(previous) {
            Some(node) => node.next = slot,
            None => self.first = slot,
        }
        self.last = slot;
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Child<D>> {
        let node = node(&self.chunks, slot)?;
        // A child is large, so it is looked at where it lies, and moved once.
        let child = node.child.as_ref()?;
        let (previous, next) = (node.previous, node.next);
        self.index.remove_hashed(child.life.hash, slot);
        self.counts.leave(child.shown(), child.life.policy().kind);
        if let Some(groups) = &mut self.groups {
            groups.leave(child.life.spec.group(), child.shown());
        }
        self.launching -= usize::from(child.is_launching());
        self.len -= 1;
        match self.node_mut(previous) {
            Some(node) => node.next = next,
            None => self.first = next,
        }
        match self.node_mut(next) {
            Some(node) => node.previous = previous,
            None => self.last = previous,
        }
        for cursor in self.cursors.iter_mut().flatten() {
            if *cursor == slot {
                *cursor = next;
            }
        }
        let vacant = std::mem::replace(&mut self.vacant, slot);
        let node = self.node_mut(slot)?;
        node.next = vacant;
        node.child.take()
    }

    /// All children, in no order. Nothing is left of the table.
    pub(super) fn take_all(&mut self) -> Vec<Child<D>> {
        let table = std::mem::replace(self, Self::new(None));
        let nodes = table.chunks.into_iter().flatten();
        nodes.filter_map(|node| node.child).collect()
    }

    /// The one place where the state and the plan of a child change.
    #[inline]
    pub(super) fn change<T>(
        &mut self,
        slot: u32,
        change: impl FnOnce(&mut Child<D>) -> T,
    ) -> Option<T> {
        let child = self.get_mut(slot)?;
        let (shown, launching) = (child.shown(), child.is_launching());
        let result = change(child);
        let (shows, launches) = (child.shown(), child.is_launching());
        if shows != shown {
            let kind = child.life.policy().kind;
            self.counts.leave(shown, kind);
            self.counts.enter(shows, kind);
            if shows.takes_place() != shown.takes_place() {
                self.change_group(slot, shown, shows);
            }
        }
        self.launching += usize::from(launches);
        self.launching -= usize::from(launching);
        Some(result)
    }

    /// A child takes a place from now on, or takes none.
    fn change_group(&mut self, slot: u32, before: Shown, after: Shown) {
        // Few tables have any.
        let Some(mut groups) = self.groups.take() else {
            return;
        };
        let group = self.known(slot).and_then(|child| child.life.spec.group());
        groups.leave(group, before);
        groups.enter(group, after);
        self.groups = Some(groups);
    }

    /// A cursor at the beginning of the order. It must be closed.
    pub(super) fn open(&mut self) -> Cursor {
        self.open_at(self.first)
    }

    /// A cursor behind the child of this id, if that is still the one with this place in the order;
    /// else at the beginning. It must be closed.
    pub(super) fn open_after(&mut self, id: &str, position: u64) -> Cursor {
        let node = self.find(id).and_then(|slot| self.node(slot));
        let after = node.filter(|node| node.position == position);
        self.open_at(after.map_or(self.first, |node| node.next))
    }

    fn open_at(&mut self, first: u32) -> Cursor {
        match self.cursors.iter().position(Option::is_none) {
            Some(free) => {
                self.cursors[free] = Some(first);
                Cursor(free)
            }
            None => {
                self.cursors.push(Some(first));
                Cursor(self.cursors.len() - 1)
            }
        }
    }

    /// The slot under the cursor, which moves on.
    pub(super) fn advance(&mut self, cursor: &Cursor) -> Option<u32> {
        let slot = (*self.cursors.get(cursor.0)?)?;
        let next = self.node(slot)?.next;
        self.cursors[cursor.0] = Some(next);
        Some(slot)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a closed cursor is of no use"
    )]
    pub(super) fn close(&mut self, cursor: Cursor) {
        if let Some(place) = self.cursors.get_mut(cursor.0) {
            *place = None;
        }
    }

    pub(super) fn info(&self, slot: u32) -> Option<Info<'_, D>> {
        let child = self.get(slot)?;
        let Shown::As(state) = child.shown() else {
            return None;
        };
        Some(Info {
            id: &child.life.id,
            label: child.life.spec.label(),
            claims: child.life.spec.claims(),
            group: child.life.spec.group(),
            state,
            incarnation: child.life.incarnation,
            restarts: child.history.as_ref().map_or(0, |history| history.restarts),
            life: child.life.life(),
            first_started: child.first().map(|first| first.started),
            started: child.life.began(),
            last_exit: child.last_exit(),
            kind: child.life.policy().kind,
            position: self.node(slot)?.position,
        })
    }

    fn node(&self, slot: u32) -> Option<&Node<D>> {
        node(&self.chunks, slot)
    }

    fn node_mut(&mut self, slot: u32) -> Option<&mut Node<D>> {
        let slot = slot as usize;
        self.chunks.get_mut(slot / CHUNK)?.get_mut(slot % CHUNK)
    }
}

/// A slot for a child that is new.
fn vacate<D: Domain>(chunks: &mut Vec<Vec<Node<D>>>, vacant: &mut u32) -> u32 {
    let slot = *vacant as usize;
    let node = chunks.get(slot / CHUNK);
    if let Some(node) = node.and_then(|chunk| chunk.get(slot % CHUNK)) {
        return std::mem::replace(vacant, node.next);
    }
    if chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
        chunks.push(Vec::with_capacity(CHUNK));
    }
    let full = chunks.len() - 1;
    let chunk = &mut chunks[full];
    chunk.push(Node {
        child: None,
        previous: NONE,
        next: NONE,
        position: 0,
    });
    u32::try_from(full * CHUNK + chunk.len() - 1).unwrap_or(NONE)
}

/// Whether a slot is that of an id.
fn is_of<D: Domain>(chunks: &[Vec<Node<D>>], slot: u32, id: &str) -> bool {
    let child = node(chunks, slot).and_then(|node| node.child.as_ref());
    child.is_some_and(|child| *child.life.id == *id)
}

fn node<D: Domain>(chunks: &[Vec<Node<D>>], slot: u32) -> Option<&Node<D>> {
    let slot = slot as usize;
    chunks.get(slot / CHUNK)?.get(slot % CHUNK)
}
