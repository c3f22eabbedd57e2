//! What the holder of the seat works with, and with what it begins. `drive` is the work.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;
use super::lists::Lists;
use super::machine::Machine;
use crate::engine::{Domain, DrainAnswer, DrainEnds, Moment, ShutdownReport};
use crate::event::Event;

/// What the holder of the seat works with.
#[derive(Debug)]
pub(crate) struct Driver<D: Domain> {
    pub(super) machine: Machine<D>,
    pub(super) lists: Lists,
    /// Kept for its memory.
    pub(super) items: VecDeque<Item<D>>,
    /// Where a drive makes the events of the feed. It is empty between two drives, and kept for its
    /// memory while somebody listens.
    pub(super) room: Vec<Event>,
    pub(super) timer: Timer,
    pub(super) ended: Option<Ended<D>>,
    pub(super) drained: Option<Drained<D>>,
    pub(super) engine: Taken,
}

/// Whether there is still an engine to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// It was taken apart. A thread that had the seat by then may still drive, and finds nothing.
    Apart,
}

/// The driver task's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Off,
    Armed(Moment),
    /// It has fired, and not all that was due is done. What becomes due meanwhile is left to its
    /// next time, since it gives others their turns first.
    Fired,
}

/// Whether anything is due when the timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Alarm {
    Due,
    ForNothing,
}

/// How the supervisor ended, for those who wait for that.
#[derive(Debug)]
pub(super) struct Ended<D: Domain> {
    pub(super) report: ShutdownReport,
    pub(super) tickets: Vec<D::Ticket<ShutdownReport>>,
}

/// What became of each session in a drain, for those who wait for that.
#[derive(Debug)]
pub(super) struct Drained<D: Domain> {
    pub(super) ends: Arc<DrainEnds>,
    pub(super) tickets: Vec<D::Ticket<DrainAnswer>>,
}

impl<D: Domain> Default for Drained<D> {
    fn default() -> Self {
        Self {
            ends: Arc::default(),
            tickets: Vec::new(),
        }
    }
}

impl<D: Domain> Driver<D> {
    pub(super) fn new(machine: Machine<D>) -> Self {
        Self {
            machine,
            lists: Lists::default(),
            items: VecDeque::new(),
            room: Vec::new(),
            timer: Timer::Off,
            ended: None,
            drained: None,
            engine: Taken::No,
        }
    }

    /// When the timer fires.
    pub(super) const fn armed(&self) -> Option<Moment> {
        match self.timer {
            Timer::Armed(at) => Some(at),
            Timer::Off | Timer::Fired => None,
        }
    }

    /// The time for which the timer was armed has come. That for which it was armed may be over, as
    /// a start timeout mostly is: then it is armed for what is due next.
    pub(super) fn alarm(&mut self, now: Moment) -> Alarm {
        match self.machine.poll_timeout() {
            Some(at) if at <= now => Alarm::Due,
            next => {
                self.timer = next.map_or(Timer::Off, Timer::Armed);
                Alarm::ForNothing
            }
        }
    }

    /// The timer has fired, and the driver will be told in its turn.
    pub(super) const fn disarm(&mut self) {
        self.timer = Timer::Off;
    }
}

/// What a drive does with the item that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Handles it.
    Handle,
    /// It is a start of an id, and is handled at once if the engine says that no exit that the root
    /// has not read yet can change its answer. Else it is left.
    IfNew,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Alarm, Timer};
    use crate::actor::shared::{Driver, Machine};
    use crate::actor::ticket::Ticket;
    use crate::engine::{Effect, Input, Key, Moment, Recall, Request};
    use crate::{ChildSpec, Options};

    fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    /// Starts a session, which has 30 seconds for that.
    fn start(driver: &mut Driver, now: Moment, id: &str) -> Key {
        let spec = ChildSpec::task(|_, _| async { Ok(()) });
        let (ticket, _) = Ticket::new();
        let request = Request::Start {
            spec: spec.for_session().unwrap(),
            ticket,
        };
        let id = id.into();
        driver.machine.handle(now, Input::Asked { id, request });
        let Some(Effect::Launch { life, .. }) = driver.machine.poll_effect() else {
            panic!("it is launched");
        };
        life.key()
    }

    fn started(driver: &mut Driver, now: Moment, key: Key) {
        let recall = Recall::InTime;
        driver.machine.handle(now, Input::Started { key, recall });
    }

    #[test]
    fn a_timer_that_was_set_for_what_is_over_is_set_for_what_is_next() {
        let checked = Options::new().unique_name().check().unwrap();
        let mut driver = Driver::new(Machine::sessions(checked.settings));
        let first = start(&mut driver, at(1), "a");
        let second = start(&mut driver, at(10), "b");
        driver.timer = Timer::Armed(at(31));
        assert_eq!(driver.alarm(at(31)), Alarm::Due);
        started(&mut driver, at(11), first);
        assert_eq!(driver.alarm(at(31)), Alarm::ForNothing);
        assert_eq!(driver.armed(), Some(at(40)));
        started(&mut driver, at(12), second);
        assert_eq!(driver.alarm(at(40)), Alarm::ForNothing);
        assert_eq!(driver.timer, Timer::Off);
    }
}
