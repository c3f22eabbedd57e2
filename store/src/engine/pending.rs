//! What is still to be written of one id: the changes since the last write, as few as make the same
//! difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::{Change, Decided, Record, SavedState};

/// Invariant: written in the order of [`changes`](Self::changes), it makes of any stored entry what
/// all changes make that were [added](Self::add), one after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// The least under which any of it was decided. A store refuses what an older owner has decided
    /// together with what came after it.
    epoch: Option<u64>,
    discard: Discard,
    forget: Option<u64>,
    remember: Option<Record>,
    /// With the revision of the session that has saved them.
    saves: BTreeMap<Arc<str>, (u64, SavedState)>,
    /// What was said last of the session of this revision.
    rest: Option<(u64, Rest)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Rests,
    Wakes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Discard {
    #[default]
    No,
    All,
}

impl Pending {
    pub(super) fn add(&mut self, Decided { epoch, change }: Decided) {
        self.epoch = Some(self.epoch.map_or(epoch, |known| known.min(epoch)));
        match change {
            Change::Remember(record) => {
                let known = self.remember.as_ref().map(|record| record.revision);
                if known.max(self.forget) >= Some(record.revision) {
                    return;
                }
                self.saves.clear();
                self.rest = None;
                self.remember = Some(record);
            }
            Change::Rest { revision, .. } => self.rests(revision, Rest::Rests),
            Change::Wake { revision, .. } => self.rests(revision, Rest::Wakes),
            Change::Save {
                revision, state, ..
            } => {
                let known = self.remember.as_ref().map(|record| record.revision);
                let other = known.is_some_and(|known| known != revision);
                let gone = self.discard == Discard::All && known.is_none();
                if other || gone || self.forget >= Some(revision) {
                    return;
                }
                // A store saves nothing for a revision that it does not have, so of two of them one
                // makes no difference; the later one is the one that may be there.
                if let Some((earlier, _)) = self.saves.values().next()
                    && *earlier != revision
                {
                    if *earlier > revision {
                        return;
                    }
                    self.saves.clear();
                }
                self.saves
                    .insert(Arc::clone(&state.slot), (revision, state));
            }
            Change::Forget { revision, .. } => {
                if let Some(record) = &self.remember
                    && record.revision <= revision
                {
                    self.remember = None;
                }
                self.saves.retain(|_, (of, _)| *of > revision);
                self.rest = self.rest.filter(|(of, _)| *of > revision);
                self.forget = self.forget.max(Some(revision));
            }
            Change::Discard { .. } => {
                *self = Self {
                    epoch: self.epoch,
                    discard: Discard::All,
                    forget: self.forget,
                    ..Self::default()
                };
            }
        }
    }

    fn rests(&mut self, revision: u64, rest: Rest) {
        let known = self.remember.as_ref().map(|record| record.revision);
        let other = known.is_some_and(|known| known != revision);
        let gone = self.discard == Discard::All && known.is_none();
        let later = self.rest.is_some_and(|(known, _)| known > revision);
        if !(other || gone || later || self.forget >= Some(revision)) {
            self.rest = Some((revision, rest));
        }
    }

    /// What came after is added.
    pub(super) fn then(mut self, id: &Arc<str>, later: Self) -> Self {
        for change in later.changes(id) {
            self.add(change);
        }
        self
    }

    /// A record that could not be written is not tried again, since its caller is told so. Whether it
    /// is on the disk is not known, so it is forgotten.
    pub(super) fn withdraw(&mut self) {
        if let Some(record) = &self.remember {
            let (id, revision) = (Arc::clone(&record.id), record.revision);
            let epoch = self.epoch.unwrap_or(0);
            self.add(Decided::under(epoch, Change::Forget { id, revision }));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.discard == Discard::No
            && self.forget.is_none()
            && self.remember.is_none()
            && self.saves.is_empty()
            && self.rest.is_none()
    }

    /// What is to be written, in this order.
    pub(super) fn changes(&self, id: &Arc<str>) -> Vec<Decided> {
        let mut changes = Vec::new();
        if self.discard == Discard::All {
            let id = Arc::clone(id);
            changes.push(Change::Discard { id });
        }
        if let Some(revision) = self.forget {
            let id = Arc::clone(id);
            changes.push(Change::Forget { id, revision });
        }
        if let Some(record) = &self.remember {
            changes.push(Change::Remember(record.clone()));
        }
        for (revision, state) in self.saves.values() {
            changes.push(Change::Save {
                id: Arc::clone(id),
                revision: *revision,
                state: state.clone(),
            });
        }
        if let Some((revision, rest)) = self.rest {
            let id = Arc::clone(id);
            changes.push(match rest {
                Rest::Rests => Change::Rest { id, revision },
                Rest::Wakes => Change::Wake { id, revision },
            });
        }
        let under = |change| Decided::under(self.epoch.unwrap_or(0), change);
        changes.into_iter().map(under).collect()
    }

    /// How many bytes of users it holds.
    pub(super) fn bytes(&self) -> usize {
        let record = self.remember.as_ref();
        let states = self.saves.values().map(|(_, state)| state.bytes.len());
        record.map_or(0, |record| record.arguments.len()) + states.sum::<usize>()
    }

    pub(super) fn remembers(&self, revision: u64) -> bool {
        let record = self.remember.as_ref();
        record.is_some_and(|record| record.revision == revision)
    }

    /// Whether a session that rested is used again.
    pub(super) fn wakes(&self, revision: u64) -> bool {
        self.rest == Some((revision, Rest::Wakes))
    }

    pub(super) fn forgets(&self, revision: u64) -> bool {
        self.discard == Discard::All || self.forget >= Some(revision)
    }

    pub(super) fn saved(&self, slot: &str, revision: u64) -> Option<&SavedState> {
        let (of, state) = self.saves.get(slot)?;
        (*of == revision).then_some(state)
    }
}
