//! One queue for the commands of callers and the reports of launch tasks, so that they have one
//! order, and the token of the one that drives.
//!
//! Exits that the root has read go before both. ractor tells the root of an exit before it wakes
//! the callers that wait for that end. A command that such a caller sends must find the exit
//! handled, also when the root reads the event only after the command was queued.
//!
//! Invariants:
//! 1. the token is `Idle` only while nothing is queued;
//! 2. only the holder of `Driving` drives; `Notified` means that a wake-up was sent, and its
//!    receiver takes the token;
//! 3. after `Closed` nothing is queued any more.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::answers::Told;
use super::machine::Machine;
use super::plan::Actors;
use crate::engine::{Input, Request};
use crate::info::SessionInfo;

#[derive(Debug)]
pub(crate) enum Item {
    Input(Input<Actors>),
    Query(Query),
    /// A timer is due.
    Tick,
}

impl Item {
    /// The id that is to be started, if this is a start.
    pub(crate) fn start_of(&self) -> Option<&str> {
        match self {
            Self::Input(Input::Asked {
                id,
                request: Request::Start { .. } | Request::Ensure { .. },
            }) => Some(id),
            _ => None,
        }
    }
}

/// A question that changes nothing.
pub(crate) enum Query {
    /// One that a look at the engine answers.
    Look(Look),
    List(oneshot::Sender<Vec<SessionInfo>>),
}

/// What is to be told after a look.
pub(crate) type Look = Box<dyn FnOnce(&Machine) -> Told + Send>;

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look(_) => "Look",
            Self::List(_) => "List",
        })
    }
}

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Idle,
    Notified,
    Driving,
}

/// How far the supervisor is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The root is in its `pre_start` and reads no wake-up yet.
    Starting,
    /// The root's loop runs.
    Open,
    /// It has ended, for a foreign stop or drain: the root reads neither wake-ups nor events.
    LoopEnded,
    /// The root is gone: callers are refused, reports still count.
    RootGone,
    /// All is over.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Inbox(Mutex<Queue>);

#[derive(Debug)]
struct Queue {
    exits: VecDeque<Item>,
    items: VecDeque<Item>,
    /// What only a root that still reads its wake-ups may bring in, at the wake-up after the next.
    deferred: VecDeque<Item>,
    /// What was deferred before the last wake-up.
    ripe: VecDeque<Item>,
    token: Token,
    stage: Stage,
}

/// What is to be done after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// The token is taken: its holder drives, or will.
    Nothing,
    /// Send a wake-up.
    Notify,
    /// Drive: the token is yours.
    Drive,
}

/// The supervisor is gone: the item is handed back, since it may hold values of the user's.
#[derive(Debug)]
pub(crate) struct Refused(pub(super) Item);

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Queue {
            exits: VecDeque::new(),
            items: VecDeque::new(),
            deferred: VecDeque::new(),
            ripe: VecDeque::new(),
            token: Token::Idle,
            stage: Stage::Starting,
        }))
    }

    /// A caller's command. A wake-up is sent for it, since the root reads exits before wake-ups: a
    /// caller that saw a session end finds that end handled.
    pub(crate) fn command(&self, item: Item) -> Result<Next, Refused> {
        let mut queue = self.lock();
        if queue.stage >= Stage::RootGone {
            return Err(Refused(item));
        }
        queue.items.push_back(item);
        Ok(queue.pass(Token::Notified, Next::Notify))
    }

    /// Takes the token, if it is free.
    pub(crate) fn claim(&self) -> Next {
        self.lock().pass(Token::Driving, Next::Drive)
    }

    /// The driver leaves what is queued to the next wake-up.
    pub(crate) fn leave(&self) -> Next {
        self.lock().token = Token::Notified;
        Next::Notify
    }

    /// A report. The pusher drives if the token is free.
    pub(crate) fn report(&self, item: Item) -> Result<Next, Refused> {
        self.push(item, |queue| &mut queue.items)
    }

    /// An exit that the root has read. It is taken before all commands.
    pub(crate) fn exit(&self, item: Item) -> Result<Next, Refused> {
        self.push(item, |queue| &mut queue.exits)
    }

    fn push(
        &self,
        item: Item,
        place: impl FnOnce(&mut Queue) -> &mut VecDeque<Item>,
    ) -> Result<Next, Refused> {
        let mut queue = self.lock();
        if queue.stage == Stage::Closed {
            return Err(Refused(item));
        }
        place(&mut queue).push_back(item);
        Ok(queue.pass(Token::Driving, Next::Drive))
    }

    /// A report that waits until the root has been woken twice, or has ended. The caller has to
    /// notify.
    pub(crate) fn defer(&self, item: Item) {
        let mut queue = self.lock();
        // What is deferred holds no value of a user's.
        if queue.stage < Stage::Closed {
            queue.deferred.push_back(item);
        }
    }

    /// The root has been woken: what was deferred before the last wake-up counts now. Between two
    /// wake-ups it has looked whether it was killed; between what is deferred and the first one it
    /// may not have. The caller drives if the token is free.
    pub(crate) fn recall(&self) -> (Next, Ripe) {
        let mut queue = self.lock();
        let queue = &mut *queue;
        let next = queue.bring_in();
        std::mem::swap(&mut queue.ripe, &mut queue.deferred);
        let ripe = if queue.ripe.is_empty() {
            Ripe::None
        } else {
            Ripe::Next
        };
        (next, ripe)
    }

    /// What was deferred counts now if the root's loop has ended, or has not begun and the root is
    /// not being killed. That is asked when nothing more can be deferred: ractor shows it before it
    /// kills the children of a root that is starting. The caller drives if the token is free.
    pub(crate) fn recall_for_the_root(&self, killed: impl FnOnce() -> bool) -> Next {
        let mut queue = self.lock();
        let queue = &mut *queue;
        match queue.stage {
            Stage::Open => return Next::Nothing,
            Stage::Starting if killed() => return Next::Nothing,
            Stage::Starting | Stage::LoopEnded | Stage::RootGone | Stage::Closed => {}
        }
        queue.ripe.append(&mut queue.deferred);
        queue.bring_in()
    }

    /// Moves on to a later stage.
    pub(crate) fn enter(&self, stage: Stage) {
        let mut queue = self.lock();
        queue.stage = queue.stage.max(stage);
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// Whether a wake-up was sent and not received yet.
    pub(crate) fn is_notified(&self) -> bool {
        self.lock().token == Token::Notified
    }

    /// A wake-up was received: whether the receiver gets the token.
    pub(crate) fn take_notified(&self) -> Next {
        let mut queue = self.lock();
        if queue.token == Token::Notified {
            queue.token = Token::Driving;
            Next::Drive
        } else {
            Next::Nothing
        }
    }

    /// The next items for the driver, at most `max`, and how far the supervisor is from its
    /// end.
    pub(crate) fn take(&self, max: usize, into: &mut VecDeque<Item>) -> Stage {
        let mut queue = self.lock();
        let exits = max.min(queue.exits.len());
        into.extend(queue.exits.drain(..exits));
        let items = (max - exits).min(queue.items.len());
        into.extend(queue.items.drain(..items));
        queue.stage
    }

    /// The driver has nothing left to do but what is queued: it releases the token, continues, or
    /// leaves the rest to the next wake-up.
    pub(crate) fn pause(&self, rest: Rest, budget: usize) -> Next {
        let mut queue = self.lock();
        if rest == Rest::Nothing && queue.exits.is_empty() && queue.items.is_empty() {
            queue.token = Token::Idle;
            Next::Nothing
        } else if budget > 0 {
            Next::Drive
        } else {
            queue.token = Token::Notified;
            Next::Notify
        }
    }

    /// Ends: what is still queued is handed back, to be dropped outside the lock.
    pub(crate) fn close(&self) -> VecDeque<Item> {
        let mut queue = self.lock();
        queue.stage = Stage::Closed;
        let mut left = std::mem::take(&mut queue.exits);
        left.append(&mut queue.items);
        left.append(&mut queue.deferred);
        left.append(&mut queue.ripe);
        left
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is something for the root's next wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ripe {
    Next,
    None,
}

/// Whether the engine has more to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    Work,
}

impl Queue {
    fn bring_in(&mut self) -> Next {
        if self.ripe.is_empty() {
            return Next::Nothing;
        }
        self.items.append(&mut self.ripe);
        self.pass(Token::Driving, Next::Drive)
    }

    fn pass(&mut self, token: Token, next: Next) -> Next {
        if self.token == Token::Idle {
            self.token = token;
            next
        } else {
            Next::Nothing
        }
    }
}
