//! Waiting until nothing is left to be written: of an id, of a part, or of all.

use super::Backlog;
use crate::engine::awaits::Awaits;
use crate::part::Part;

impl<W> Backlog<W> {
    /// Waits until nothing is left to be written of an id. Answers the one who would wait if that is
    /// so.
    pub fn settle(&mut self, id: &str, waiter: W) -> Option<W> {
        let under_way = self.under_way.iter_mut().find(|(known, _)| &**known == id);
        let item = match self.waiting.get_mut(id) {
            Some(item) => {
                self.awaiting += 1;
                item
            }
            None => match under_way {
                Some((_, item)) => item,
                None => return Some(waiter),
            },
        };
        item.waiters.push((Awaits::Settled, waiter));
        None
    }

    /// Waits, once for each id of a part of which something is left to be written, until that is written.
    /// What goes on with other ids holds it up no longer than their turns take.
    pub fn settle_part(&mut self, part: Part, mut waiter: impl FnMut() -> W) {
        for (id, item) in &mut self.under_way {
            if part.has(id) && !self.waiting.contains(id) {
                item.waiters.push((Awaits::Settled, waiter()));
            }
        }
        for (_, item) in self.waiting.of_part_mut(part) {
            item.waiters.push((Awaits::Settled, waiter()));
            self.awaiting += 1;
        }
    }

    /// Waits until all that has come so far is written, whatever comes meanwhile. Answers the one who would
    /// wait if nothing is left to be written.
    pub fn settle_all(&mut self, waiter: W) -> Option<W> {
        if self.is_empty() {
            return Some(waiter);
        }
        self.all.push((self.come, waiter));
        None
    }
}
