//! How commands, reports and exits come in. They are handled by the thread that pushed them, if it
//! finds nobody driving and is in the supervisor's runtime.

use std::sync::Arc;

use ractor::ActorStatus;
use tokio::runtime::Handle;

use super::{Actors, Item, Query, Shared};
use crate::actor::inbox::{Left, Next, Refused};
use crate::actor::item::Look;
use crate::engine::Input;

impl Shared {
    /// A caller's command. It waits for a fence, so that every exit that the caller may have seen
    /// is handled before it. A start of a new id mostly need not: no exit could change its answer.
    pub(crate) fn command(self: &Arc<Self>, item: Item) -> Result<(), ()> {
        if self.is_seen_ended() {
            self.refuse(Some(item));
            return Err(());
        }
        let mut item = Some(item);
        if item.as_ref().is_some_and(Item::is_start)
            && self.is_home()
            && self.inbox.take_seat(&self.progress)
        {
            self.drive_if_new(&mut item);
            if item.is_none() {
                return Ok(());
            }
        }
        let pushed = self.inbox.push_command(&mut item, &self.progress);
        self.take(pushed, &mut item).map(drop)
    }

    /// A report of what has happened, an exit that the root has read, a tick. Answers what
    /// [`drive`](Self::drive) does.
    #[inline]
    pub(crate) fn push(self: &Arc<Self>, item: Item) -> usize {
        let mut item = Some(item);
        let pushed = self.inbox.push(&mut item);
        self.take(pushed, &mut item).unwrap_or(0)
    }

    /// As [`push`](Self::push).
    pub(crate) fn report(self: &Arc<Self>, input: Input<Actors>) -> usize {
        self.push(Item::Input(input))
    }

    /// As [`report`](Self::report), by a task of the runtime, which need not look where it is.
    pub(crate) fn report_in_task(self: &Arc<Self>, input: Input<Actors>) -> usize {
        let mut item = Some(Item::Input(input));
        match self.inbox.push(&mut item) {
            Ok(Next::Drive) => self.drive(&mut item),
            pushed => self.take(pushed, &mut item).unwrap_or(0),
        }
    }

    /// A report that is made where a user's value is dropped, which can be anywhere. The driver task
    /// handles it, so that this takes no longer than a push.
    pub(crate) fn report_from_a_drop(self: &Arc<Self>, input: Input<Actors>) {
        let mut item = Some(Item::Input(input));
        match self.inbox.leave(&mut item) {
            Ok(Left::ToDriverTask) => self.wake.notify_one(),
            Ok(Left::ToOthers) => {}
            Err(Refused) => self.refuse(item),
        }
    }

    /// Nothing is left of a session of which the root may know more: it was killed, or has ended in
    /// order by itself.
    pub(crate) fn report_behind_fence(self: &Arc<Self>, input: Input<Actors>) -> usize {
        let killed = || self.root().get_status() >= ActorStatus::Stopping;
        let mut item = Some(Item::Input(input));
        let pushed = self.inbox.push_release(&mut item, &self.progress, killed);
        self.take(pushed, &mut item).unwrap_or(0)
    }

    /// Makes the root read soon what it was sent so far. A root that waits for further starts (`batch`)
    /// reads on when a fence is sent, so this asks a question that serves for its fence alone.
    pub(crate) fn have_root_read(self: &Arc<Self>) {
        let nothing: Look<Actors> = Box::new(|_| Box::new(Vec::new));
        // Where it is refused, the root has ended.
        self.command(Item::Query(Query::Look(nothing))).ok();
    }

    /// Does what follows a push. `item`: what it has left.
    #[inline]
    fn take(
        self: &Arc<Self>,
        pushed: Result<Next, Refused>,
        item: &mut Option<Item>,
    ) -> Result<usize, ()> {
        match pushed {
            Ok(next) => Ok(self.go_on_from(next, item)),
            Err(Refused) => {
                self.refuse(item.take());
                Err(())
            }
        }
    }

    /// Does what the inbox asks for. Answers what [`drive`](Self::drive) does.
    pub(crate) fn go_on(self: &Arc<Self>, next: Next) -> usize {
        self.go_on_from(next, &mut None)
    }

    #[inline]
    fn go_on_from(self: &Arc<Self>, next: Next, first: &mut Option<Item>) -> usize {
        match next {
            Next::Nothing => 0,
            Next::Drive if self.is_home() => self.drive(first),
            Next::Drive => {
                self.leave_to_driver_task(first);
                1
            }
            Next::SendFences(count) => {
                let root = self.root();
                if (0..count).all(|_| root.send_message::<()>(()).is_ok()) {
                    self.events.message_sent();
                    return 1;
                }
                // It is being drained, or has ended.
                self.go_on(self.inbox.root_takes_no_more())
            }
        }
    }

    /// Hands the seat over.
    fn leave_to_driver_task(&self, first: &mut Option<Item>) {
        if let Err(Refused) = self.inbox.hand_over(first) {
            self.refuse(first.take());
        }
        self.wake.notify_one();
    }

    /// Whether this thread is in the supervisor's runtime. A driver reads the clock, which is the
    /// runtime's own, and a thread that is elsewhere cannot always enter it: tokio panics if it is
    /// in the middle of looking up where it is, and drops a task there that it refuses.
    fn is_home(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.runtime().id())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    use crate::actor::shared::{Item, Query, Shared};
    use crate::{Options, SessionSupervisor};

    /// Pushes an item when it is dropped.
    struct Pushes(Arc<Shared>, Option<Query>);

    impl Drop for Pushes {
        fn drop(&mut self) {
            let query = self.1.take().expect("it is dropped once");
            self.0.push(Item::Query(query));
        }
    }

    /// A runtime that is shut down drops a new task then and there, while its thread is looking up
    /// which runtime it is in. tokio panics if that is changed then.
    #[test]
    fn an_item_is_handled_that_comes_out_of_a_task_which_a_runtime_refused() {
        let home = Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options::new().unique_name();
        let sessions = home.block_on(SessionSupervisor::start(options)).unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        let other = Builder::new_current_thread().build().unwrap();
        let handle = other.handle().clone();
        drop(other);
        let (seen, is_seen) = oneshot::channel();
        let look = Query::Look(Box::new(move |_| {
            seen.send(()).unwrap();
            Box::new(Vec::new)
        }));
        let pushes = Pushes(Arc::clone(&shared), Some(look));
        {
            let _here = handle.enter();
            drop(tokio::spawn(async move { drop(pushes) }));
        }
        assert_eq!(home.block_on(is_seen), Ok(()));
        home.block_on(sessions.stop()).unwrap();
    }
}
