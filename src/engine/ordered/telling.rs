//! What is told of the children, and how the log tells it.

use super::OrderedEngine;
use crate::engine::event::Happening;
use crate::engine::io::Domain;
use crate::engine::moment::Moment;
use crate::engine::repeats::Repeats;
use crate::engine::sums::Sums;

impl<D: Domain> OrderedEngine<D> {
    /// It is a part of the tree of a session that has ended before, at this place: the roles that
    /// lead to it, each with a `/` after it. What the log has summed up goes on.
    pub fn go_on_with(&mut self, sums: Sums, place: &str) {
        self.sums = Some(Box::new(sums.below(place)));
    }

    pub(super) fn note(&mut self, slot: u32, happening: impl Into<Happening>) {
        if let Some(child) = self.get(slot) {
            let effect = child.life.noted(happening.into());
            self.effect(effect);
        }
    }

    /// Tells how a child ended, that its restart failed, or what follows that, and decides how the
    /// log tells it.
    pub(super) fn record(&mut self, now: Moment, slot: u32, mut happening: Happening) {
        if let Some(mut repeats) = self.repeats(slot) {
            // The session brings the tree back, so no end of a child is the last one.
            if self.sums.is_some() {
                happening.judge_in_tree(now, &mut repeats);
            } else {
                happening.judge(now, &mut repeats);
            }
            self.keep_repeats(now, slot, repeats);
        }
        self.note(slot, happening);
    }

    /// How often a child has crashed lately, if it has ever ended.
    pub(super) fn repeats(&self, slot: u32) -> Option<Repeats> {
        let child = self.get(slot)?;
        let sums = self.sums.as_ref();
        sums.and_then(|sums| sums.of(&child.life.id))
            .or_else(|| Some(child.past.as_ref()?.repeats))
    }

    pub(super) fn keep_repeats(&mut self, now: Moment, slot: u32, repeats: Repeats) {
        let child = self.children.iter_mut().find(|child| child.slot == slot);
        let Some(child) = child else {
            return;
        };
        if let Some(past) = &mut child.past {
            past.repeats = repeats;
        }
        if let Some(sums) = &self.sums {
            sums.keep(now, &child.life.id, repeats);
        }
    }
}
