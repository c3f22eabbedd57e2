//! How commands, reports and exits come in. They are handled by the thread that pushed them, if it
//! finds nobody driving.

use std::sync::Arc;

use ractor::ActorStatus;

use super::Shared;
use crate::actor::driver::Begin;
use crate::actor::inbox::{Next, Refused};
use crate::actor::item::Item;
use crate::actor::plan::Actors;
use crate::engine::Input;

impl Shared {
    /// A caller's command. It waits for a fence, so that every exit that the caller may have seen
    /// is handled before it. A start of a new id mostly need not: no exit could change its answer.
    pub(crate) fn command(self: &Arc<Self>, item: Item) -> Result<(), ()> {
        if self.is_seen_ended() {
            self.refuse(item);
            return Err(());
        }
        let item = if item.is_start() && self.inbox.take_seat(&self.progress) {
            match self.drive_from(Begin::IfNew(item)) {
                (_, None) => return Ok(()),
                (_, Some(item)) => item,
            }
        } else {
            item
        };
        self.take(self.inbox.push_command(item, &self.progress))
            .map(drop)
    }

    /// A report of what has happened, an exit that the root has read, a tick. Answers what
    /// [`drive`](Self::drive) does.
    pub(crate) fn push(self: &Arc<Self>, item: Item) -> usize {
        self.take(self.inbox.push(item)).unwrap_or(0)
    }

    /// As [`push`](Self::push).
    pub(crate) fn report(self: &Arc<Self>, input: Input<Actors>) -> usize {
        self.push(Item::Input(input))
    }

    /// Nothing is left of a session that has left no mark: it was killed.
    pub(crate) fn report_killed(self: &Arc<Self>, input: Input<Actors>) -> usize {
        let killed = || self.root().get_status() >= ActorStatus::Stopping;
        let pushed = self
            .inbox
            .push_release(Item::Input(input), &self.progress, killed);
        self.take(pushed).unwrap_or(0)
    }

    fn take(self: &Arc<Self>, pushed: Result<Next, Refused>) -> Result<usize, ()> {
        match pushed {
            Ok(next) => Ok(self.go_on(next)),
            Err(Refused(item)) => {
                self.refuse(item);
                Err(())
            }
        }
    }

    /// Does what a push asks for. Answers what [`drive`](Self::drive) does.
    pub(crate) fn go_on(self: &Arc<Self>, next: Next) -> usize {
        match next {
            Next::Nothing => 0,
            Next::Drive(first) => self.drive(first),
            Next::SendFence => {
                if self.root().send_message::<()>(()).is_ok() {
                    return 1;
                }
                // It is being drained, or has ended.
                self.go_on(self.inbox.root_is_deaf())
            }
        }
    }
}
