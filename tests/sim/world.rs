//! The world of one history: what became of every launch that the engine ordered, and what of it is
//! still to be reported.
//!
//! The world only acts and reports, within the constraints that ractor and the shell keep; `model`
//! judges.

use std::time::Duration;

use session_supervisor::engine::{
    ChildKind, Ending, Failure, Life, Mark, Moment, Recall, Seen, Shutdown, ShutdownReport, Spec,
};

use crate::domain::{SimLife, SimSpec, Ticket};
use crate::drops::cause;
use crate::rng::Rng;

#[derive(Debug)]
pub(crate) enum Stage {
    /// The start function or `pre_start` is at work.
    Launching,
    /// It has failed, which is still to be reported.
    Failing(Failure),
    /// It has failed and told so, and stuck children of the tree that it had begun are left.
    HalfBegun,
    Alive,
    Dead,
    /// Nothing is left.
    Gone,
}

/// How a launch and its actor behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    pub(crate) hangs: bool,
    pub(crate) blocks: bool,
    pub(crate) ignores_stop: bool,
    pub(crate) ignores_kill: bool,
}

/// The supervision event of an actor's end.
#[derive(Debug)]
pub(crate) enum Event {
    None,
    Sent(Seen),
    Handled,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: usize,
    pub(crate) life: SimLife,
    pub(crate) spec: SimSpec,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) stage: Stage,
    pub(crate) temper: Temper,
    pub(crate) linked: bool,
    pub(crate) recall: Recall,
    /// The start has been reported.
    pub(crate) reported: bool,
    pub(crate) event: Event,
    pub(crate) joined: bool,
    /// It has told that stuck children are all that is left of it.
    pub(crate) outlived: bool,
    pub(crate) told_to_stop: bool,
    pub(crate) told_to_die: bool,
    /// It was asked to handle its messages first, since its supervisor drains.
    pub(crate) gently: bool,
    /// Until when it was granted time then.
    pub(crate) granted: Option<Moment>,
    // What the engine did with it, and when.
    pub(crate) launched: Moment,
    pub(crate) started: Moment,
    pub(crate) stopped: Option<Moment>,
    pub(crate) killed: Option<Moment>,
    pub(crate) cancelled: Option<Moment>,
    /// When its end was judged.
    pub(crate) ended: Option<Moment>,
    pub(crate) stuck: bool,
}

/// What a run does next.
#[derive(Debug)]
pub(crate) enum Deed {
    /// It takes the reply: the launch answers the caller.
    Claim,
    Started,
    StartFailed(Failure),
    /// It has failed, and stuck children of the tree that it had begun are left.
    StartOutlived(Failure),
    Exited(Seen),
    /// Its `post_stop` begins.
    PostStop,
    /// The session tells of its end itself.
    Ended,
    Joined,
    /// Only stuck ones below it are left.
    Outlived,
    Released,
    /// It changed, and that is not reported.
    Silent,
}

/// Whether the world still misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Wild,
    /// What can go on does; what hangs goes on hanging.
    Orderly,
    /// Nothing hangs any more.
    Calm,
}

impl Run {
    pub(crate) fn new(
        id: usize,
        life: SimLife,
        spec: SimSpec,
        ticket: Option<Ticket>,
        now: Moment,
        rng: &mut Rng,
    ) -> Self {
        let temper = Temper {
            hangs: rng.chance(15),
            blocks: rng.chance(25),
            ignores_stop: rng.chance(25),
            ignores_kill: rng.chance(20),
        };
        Self {
            id,
            life,
            spec,
            ticket,
            stage: Stage::Launching,
            temper,
            linked: true,
            recall: Recall::InTime,
            reported: false,
            event: Event::None,
            joined: false,
            outlived: false,
            told_to_stop: false,
            told_to_die: false,
            gently: false,
            granted: None,
            launched: now,
            started: now,
            stopped: None,
            killed: None,
            cancelled: None,
            ended: None,
            stuck: false,
        }
    }

    pub(crate) fn judged(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) fn gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    pub(crate) fn grace(&self) -> Option<Duration> {
        let grace = match self.spec.policy().shutdown {
            Shutdown::BrutalKill => Some(Duration::ZERO),
            Shutdown::Timeout(grace) | Shutdown::Drain(grace) => Some(grace),
            Shutdown::Infinity => None,
        };
        match grace {
            // A rule that leaves no time counts as 5 s.
            Some(grace) if self.gently && grace.is_zero() => Some(Duration::from_secs(5)),
            grace => grace,
        }
    }

    /// Whether it is asked to handle its messages first.
    pub(crate) fn drains(&self) -> bool {
        self.gently || matches!(self.spec.policy().shutdown, Shutdown::Drain(_))
    }

    /// Until when it may take to stop, by its rule and by what it was granted.
    pub(crate) fn until(&self) -> Option<Moment> {
        let by_rule = self.stopped?.after(self.grace()?);
        Some(self.granted.map_or(by_rule, |granted| granted.max(by_rule)))
    }

    /// The engine cancels it. Answers whether that came before the launch took the reply.
    pub(crate) fn cancel(&mut self) -> bool {
        let first = matches!(self.stage, Stage::Launching);
        if first {
            self.recall = Recall::TooLate;
        }
        first
    }

    /// Lets it do something, if it can. `over`: no supervision event is read any more.
    pub(crate) fn act(
        &mut self,
        mood: Mood,
        over: bool,
        actor: u64,
        rng: &mut Rng,
    ) -> Option<Deed> {
        match self.stage {
            Stage::Launching => self.act_launching(mood, actor, rng),
            Stage::Failing(ref failure) => {
                let tree = self.spec.policy().kind == ChildKind::Supervisor;
                let failure = failure.clone();
                Some(
                    if tree && !matches!(failure, Failure::Ignored) && rng.chance(40) {
                        Deed::StartOutlived(failure)
                    } else {
                        Deed::StartFailed(failure)
                    },
                )
            }
            Stage::HalfBegun if mood != Mood::Calm && !rng.chance(10) => None,
            Stage::HalfBegun => Some(Deed::StartFailed(Failure::Cancelled)),
            Stage::Alive if !self.reported && rng.chance(50) => Some(Deed::Started),
            Stage::Alive => self.act_alive(mood, rng),
            Stage::Dead => self.act_dead(mood, over, rng),
            Stage::Gone => None,
        }
    }

    fn act_launching(&mut self, mood: Mood, actor: u64, rng: &mut Rng) -> Option<Deed> {
        let cancelled = self.recall == Recall::TooLate;
        let stuck = if cancelled {
            self.temper.blocks
        } else {
            self.temper.hangs
        };
        if stuck && mood != Mood::Calm {
            if mood == Mood::Wild && rng.chance(10) {
                self.temper.blocks = false;
                self.temper.hangs = false;
                return Some(Deed::Silent);
            }
            return None;
        }
        let failure = match rng.below(4) {
            0 => Failure::Ignored,
            1 => Failure::NameTaken("n".into()),
            _ => Failure::Failed(cause("no start")),
        };
        let succeeds = match (mood, cancelled) {
            (_, true) => rng.chance(35),
            (Mood::Wild, false) => rng.chance(65),
            _ => true,
        };
        if succeeds {
            self.life.0.actor.set(Some(actor));
            self.stage = Stage::Alive;
        } else if cancelled && rng.chance(80) {
            self.stage = Stage::Failing(Failure::Cancelled);
        } else {
            self.stage = Stage::Failing(failure);
        }
        Some(if cancelled { Deed::Silent } else { Deed::Claim })
    }

    fn act_alive(&mut self, mood: Mood, rng: &mut Rng) -> Option<Deed> {
        let ending = self.life.ending() == Ending::Yes;
        let obeys = self.told_to_stop && (!self.temper.ignores_stop || mood == Mood::Calm);
        if self.told_to_stop && self.reported && rng.chance(10) {
            return Some(Deed::PostStop);
        }
        let dies = self.told_to_die && (!self.temper.ignores_kill || mood == Mood::Calm);
        if dies {
            self.die(Mark::Missing, rng);
        } else if obeys && rng.chance(70) {
            let mark = if rng.chance(85) {
                Mark::Orderly
            } else {
                Mark::Failed
            };
            self.die(mark, rng);
        } else if mood == Mood::Wild {
            match rng.below(24) {
                0..=2 => self.life.0.ending.set(Ending::Yes),
                3 | 4 => self.die(Mark::Orderly, rng),
                5..=9 => self.die(Mark::Failed, rng),
                10..=12 => self.die(Mark::Missing, rng),
                13 => self.linked = false,
                14 => self.temper.ignores_kill = false,
                15..=18 if ending => self.die(Mark::Orderly, rng),
                _ => return None,
            }
        } else if !self.reported {
            return Some(Deed::Started);
        } else if ending && !self.told_to_stop && !self.told_to_die {
            self.die(Mark::Orderly, rng);
        } else if obeys {
            return Some(Deed::Silent);
        } else {
            return None;
        }
        Some(Deed::Silent)
    }

    pub(crate) fn die(&mut self, mark: Mark, rng: &mut Rng) {
        let supervisor = self.spec.policy().kind == ChildKind::Supervisor;
        let mark = match mark {
            Mark::Failed if supervisor && rng.chance(50) => Mark::GaveUp,
            Mark::Orderly if !supervisor && rng.chance(20) => Mark::LinkFailed,
            mark => mark,
        };
        if supervisor {
            let mut report = ShutdownReport::default();
            report.stopped = rng.below(3);
            report.stuck = rng.below(2);
            self.life.0.report.set(Some(report));
            self.life.0.outlived.set(report.stuck > 0);
        }
        // Its own cause is left before the mark, or, by a session that is killed on the way,
        // without one.
        let leaves_cause = match mark {
            Mark::Failed => rng.chance(50),
            Mark::LinkFailed => true,
            Mark::Missing => rng.chance(5),
            Mark::Orderly | Mark::GaveUp => false,
        };
        if leaves_cause {
            self.life.0.cause.replace(Some(cause("crash")));
        }
        self.life.0.mark.set(mark);
        self.life.0.ending.set(Ending::Yes);
        self.stage = Stage::Dead;
        if self.linked {
            self.event = Event::Sent(match mark {
                Mark::Orderly | Mark::LinkFailed if rng.chance(50) => Seen::Terminated(None),
                Mark::Orderly | Mark::LinkFailed => Seen::Terminated(Some("killed".into())),
                Mark::Failed if rng.chance(90) => Seen::Failed(cause("crash")),
                Mark::Failed => Seen::Terminated(Some("panic".into())),
                Mark::GaveUp => Seen::Terminated(Some("restart limit".into())),
                Mark::Missing => Seen::Terminated(Some("killed".into())),
            });
        }
    }

    fn act_dead(&mut self, mood: Mood, over: bool, rng: &mut Rng) -> Option<Deed> {
        let killed = self.life.mark() == Mark::Missing;
        if !over
            && rng.chance(60)
            && let Event::Sent(seen) = &self.event
        {
            return Some(Deed::Exited(seen.clone()));
        }
        let unread = matches!(self.event, Event::Sent(_));
        if self.reported && !killed && !self.judged() && rng.chance(30) {
            return Some(Deed::Ended);
        }
        if !self.reported {
            return rng.chance(60).then_some(Deed::Started);
        }
        // A join is told apart only while the state lies in an event, or in the hands of who read
        // it.
        let carried = killed && !matches!(self.event, Event::None);
        if carried && !self.joined && (rng.chance(30) || (unread && over)) {
            return Some(Deed::Joined);
        }
        if self.will_be_outlived() && rng.chance(60) {
            return Some(Deed::Outlived);
        }
        let stuck_stay = self.outlived && mood != Mood::Calm && !rng.chance(10);
        // A state that is not read is dropped with the root, and its release is not what was waited
        // for.
        let state_left = killed && unread && !(over && self.outlived);
        if stuck_stay || state_left {
            return None;
        }
        Some(Deed::Released)
    }

    /// When it was known that it was killed, by whomever: what is left of it is a drop.
    pub(crate) fn known_as_killed(&self) -> Option<Moment> {
        self.ended.filter(|_| self.life.mark() == Mark::Missing)
    }

    /// Whether it is about to tell that stuck children are all that is left of it.
    pub(crate) fn will_be_outlived(&self) -> bool {
        self.life.is_outlived() && !self.outlived
    }

    /// Whether the state of a killed actor lies in an event that will not be read.
    pub(crate) fn lost(&self) -> bool {
        matches!(self.stage, Stage::Dead)
            && self.joined
            && !self.outlived
            && self.life.mark() == Mark::Missing
            && matches!(self.event, Event::Sent(_))
    }
}
