//! How commands, reports and exits come in. They are driven by the thread that pushed them, or by
//! the task that is woken for them.

use std::sync::Arc;

use ractor::ActorStatus;

use super::Shared;
use crate::actor::inbox::{Item, Next, Refused, Ripe, Stage};
use crate::actor::plan::Actors;
use crate::actor::unwind::guard;
use crate::engine::Input;

impl Shared {
    /// A caller's command. The caller drives a start itself if the token is free and no end that
    /// the root has not read yet could change the answer. That saves waking the root.
    pub(crate) fn command(self: &Arc<Self>, item: Item) -> Result<(), ()> {
        if self.is_seen_ended() {
            self.refuse(item);
            return Err(());
        }
        let independent = match item.start_of() {
            Some(id) if self.inbox.claim() == Next::Drive => {
                match guard(|| self.lock_driver().machine.starts_whatever_ended(id)) {
                    Ok(independent) => Some(independent),
                    Err(panicked) => {
                        self.broken(panicked);
                        None
                    }
                }
            }
            _ => None,
        };
        let (next, taken) = match self.inbox.command(item) {
            Ok(next) => (next, Ok(())),
            Err(refused) => (Next::Nothing, Err(refused)),
        };
        // A token that was claimed has to go on, also after a refusal: others may have queued
        // meanwhile.
        self.go_on(match independent {
            None => next,
            Some(true) => Next::Drive,
            Some(false) => self.inbox.leave(),
        });
        taken.map_err(|Refused(item)| self.refuse(item))
    }

    /// A report of what has happened. Answers what [`drive`](Self::drive) does.
    pub(crate) fn report(self: &Arc<Self>, input: Input<Actors>) -> usize {
        self.push(self.inbox.report(Item::Input(input)))
    }

    pub(crate) fn push(self: &Arc<Self>, pushed: Result<Next, Refused>) -> usize {
        match pushed {
            Ok(next) => self.go_on(next),
            Err(Refused(item)) => {
                self.refuse(item);
                0
            }
        }
    }

    /// An exit that the root has read.
    pub(crate) fn exited(self: &Arc<Self>, input: Input<Actors>) {
        self.push(self.inbox.exit(Item::Input(input)));
    }

    /// The root has been woken.
    pub(crate) fn on_wake(self: &Arc<Self>) {
        self.go_on(self.inbox.take_notified());
        let (next, ripe) = self.inbox.recall();
        self.go_on(next);
        if ripe == Ripe::Next {
            self.notify();
        }
    }

    /// The driver task has been woken in the root's place. If the root is ending, perhaps by a
    /// kill, what was deferred waits for that end.
    pub(crate) fn take_over_from_root(self: &Arc<Self>) {
        self.go_on(self.inbox.take_notified());
        let ending = || self.root().get_status() >= ActorStatus::Stopping;
        self.go_on(self.inbox.recall_for_the_root(ending));
    }

    /// Yields after a drive that left work to the next wake-up. A caller that was answered may wait
    /// in the slot of this thread that no other thread takes from, and tokio would go on with this
    /// task first.
    pub(crate) async fn others_first(&self) {
        if self.inbox.is_notified() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn go_on(self: &Arc<Self>, next: Next) -> usize {
        match next {
            Next::Nothing => 0,
            Next::Drive => self.drive(),
            Next::Notify => {
                self.notify();
                1
            }
        }
    }

    /// Wakes the root while its loop runs, and the driver task otherwise. A root that is draining
    /// takes no messages any more.
    pub(crate) fn notify(&self) {
        let sent = self.inbox.stage() == Stage::Open && self.root().send_message::<()>(()).is_ok();
        if !sent {
            self.wake.notify_one();
        }
    }

    /// Whether the root reads its wake-ups. Once it does not, it never will again. There is an
    /// instant in which a drain has closed the mailbox but does not show yet; then the end of the
    /// root's loop picks up the wake-up.
    pub(crate) fn root_listens(&self) -> bool {
        self.inbox.stage() == Stage::Open && self.root().get_status() < ActorStatus::Draining
    }
}
