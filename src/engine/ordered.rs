//! The static supervisor's decisions: ordered children, and a strategy that says who is started
//! again with whom.
//!
//! The verbs and the questions are here; what they lead to is in `requests` (what callers ask),
//! `launches` (from the order to the report), `exits` (from the event to the decision), `sets` (who
//! is stopped and started next), `ending` (how one child is stopped, killed and given up),
//! `stopping` (how the group ends) and `pace` (who is asked next then).
//!
//! Every input ends in `advance`, which looks at all children and makes the moves that are due. A
//! group is small, so nothing is kept beside the children that could contradict them.
//!
//! An input that no longer fits is ignored; none can fail. Roles that occur twice are refused
//! before a group is made.

mod apart;
mod child;
mod ending;
mod exits;
mod launches;
mod pace;
mod requests;
mod sets;
mod settings;
mod stopping;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;

use super::counts::Counts;
use super::exit::Mark;
use super::incarnation::{Key, Launch};
use super::io::{BeginAnswer, Caller, Discard, Domain, Effect, Events, Input, Reply, StopCause};
use super::jitter::Jitter;
use super::lifecycle::{Step, Supervisor, Timer};
use super::limit::Window;
use super::moment::Moment;
use super::restart::Significance;
use super::sums::SumsBelow;
use child::{Again, Child, Origin};
use requests::Queued;
use stopping::Stop;

pub use child::{ChildState, ChildView};
pub use settings::{AutoShutdown, FirstStart, OrderedSettings, StopOrder, Strategy};

/// The decisions of a static supervisor.
#[derive(Debug)]
pub struct OrderedEngine<D: Domain> {
    settings: OrderedSettings,
    /// In the order of their starts.
    children: Vec<Child<D>>,
    slots: u32,
    launches: u64,
    jitter: Jitter,
    window: Window,
    /// When a child last ended; the kill bound counts from here if it is later than the kill.
    last_end: Moment,
    effects: VecDeque<Effect<D>>,
    /// What callers ask and whose turn has not come.
    queue: VecDeque<Queued<D>>,
    ended_early: Vec<EndedEarly>,
    mode: Mode<D>,
    events: Events,
    /// When the pause before a start is over, if nothing else stands in its way.
    wake: Option<Moment>,
    /// What the log has summed up in earlier incarnations of the tree.
    sums: Option<Box<SumsBelow>>,
}

/// A child that ended while the group began. It may be forgotten before that is over.
#[derive(Clone, Copy, Debug)]
struct EndedEarly {
    slot: u32,
    mark: Mark,
    significance: Significance,
}

#[derive(Debug)]
enum Mode<D: Domain> {
    New,
    /// The children are started for the first time. Who waits for it.
    Beginning(Vec<D::Ticket<BeginAnswer>>),
    Serving,
    Stopping(Stop<D>),
    Ended,
}

impl<D: Domain> OrderedEngine<D> {
    /// The engine of a supervisor of these children, none of which is started before
    /// [`Input::Begin`].
    #[must_use]
    pub fn new(settings: OrderedSettings, children: Vec<(Arc<str>, D::Spec, FirstStart)>) -> Self {
        let mut engine = Self {
            settings,
            children: Vec::with_capacity(children.len()),
            slots: 0,
            launches: 0,
            jitter: Jitter::new(settings.seed),
            window: Window::default(),
            last_end: Moment::START,
            effects: VecDeque::new(),
            queue: VecDeque::new(),
            ended_early: Vec::new(),
            mode: Mode::New,
            events: Events::Read,
            wake: None,
            sums: None,
        };
        for (role, spec, first_start) in children {
            engine.append(role, spec, first_start);
        }
        engine
    }

    /// Takes an input. All effects must then be polled before the next one.
    pub fn handle(&mut self, now: Moment, input: Input<D>) {
        match input {
            Input::AskedChild { role, request } => self.asked(now, role, request),
            // Children have no ids.
            Input::Asked { request, .. } => self.discard_request(request.into_parts()),
            // Only sessions are leased, and only their supervisors drain.
            Input::LeaseEnded { .. } => {}
            Input::Drain { ticket, .. } => self.discard(Discard::Caller(Caller::Drain(ticket))),
            Input::DrainProgress { ticket, .. } => {
                self.discard(Discard::Caller(Caller::DrainProgress(ticket)));
            }
            Input::Begin { ticket } => self.begin(now, ticket),
            Input::StopSupervisor { within, ticket } => {
                let deadline = within.map(|within| now.after(within));
                self.stop_supervisor(now, StopCause::Requested, deadline, Some(ticket));
            }
            Input::Started { key, recall } => self.started(now, key, recall),
            Input::StartFailed { key, failure } => self.start_failed(now, key, failure),
            Input::Exited { actor, seen, .. } => self.exited(now, actor, seen),
            Input::PostStop { .. } => {}
            Input::Ended { key } => self.told_itself(now, key),
            Input::Joined { key } => self.joined(now, key),
            Input::Released { key } => {
                if let Some(slot) = self.launched(key) {
                    self.release(now, slot);
                }
            }
            Input::StartOutlived { key, failure } => self.start_outlived(now, key, failure),
            Input::Outlived { key } => self.outlived(now, key),
            Input::LoopEnded => {
                self.events = Events::Over;
                self.stop_supervisor(now, StopCause::Foreign, None, None);
                self.release_lost(now);
            }
            Input::RootGone => {
                self.events = Events::Over;
                self.stop_supervisor(now, StopCause::Killed, Some(now), None);
                self.release_lost(now);
            }
        }
        self.advance(now);
    }

    /// Carries out what is due.
    pub fn handle_timeout(&mut self, now: Moment) {
        let due = self.children.iter().filter(|child| {
            let timer = child.timer;
            timer.is_some_and(|at| at <= now)
        });
        for slot in due.map(|child| child.slot).collect::<Vec<_>>() {
            self.set_timer(slot, None);
            self.fire(now, slot);
        }
        self.advance(now);
    }

    /// The next thing to do, if there is one.
    pub fn poll_effect(&mut self) -> Option<Effect<D>> {
        self.effects.pop_front()
    }

    /// When `handle_timeout` is to be called next. A moment that has passed means: at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        let timers = self.children.iter().filter_map(|child| child.timer);
        let stop = self.deadline_ahead().into_iter().chain(self.next_request());
        timers.chain(self.wake).chain(stop).min()
    }

    /// How many children there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for child in self.children() {
            counts.count(child.state.counted(), child.kind);
        }
        counts
    }

    /// What is known of the children, in their order.
    pub fn children(&self) -> impl Iterator<Item = ChildView<'_, D>> {
        self.children.iter().filter_map(Child::info)
    }

    /// What is known of a role.
    #[must_use]
    pub fn info(&self, role: &str) -> Option<ChildView<'_, D>> {
        self.find(role)?.info()
    }

    /// Whether the group has ended.
    #[must_use]
    pub const fn ended(&self) -> bool {
        matches!(self.mode, Mode::Ended)
    }

    /// Makes the moves that are due.
    fn advance(&mut self, now: Moment) {
        self.begun_if_all_are(now);
        match self.mode {
            Mode::New | Mode::Ended => self.wake = None,
            Mode::Beginning(_) | Mode::Serving => {
                self.take_down(now);
                self.bring_up(now);
                self.serve(now);
                // A stop may have been for the one that the others waited for.
                self.bring_up(now);
            }
            Mode::Stopping(_) => {
                self.wake = None;
                self.cut_short_if_due(now);
                self.stop_next(now);
                self.finish_if_gone(now);
            }
        }
        for queued in &mut self.queue {
            queued.waited = true;
        }
    }

    /// OTP: supervisor:init_children/2 starts them from the first to the last.
    fn begin(&mut self, now: Moment, ticket: D::Ticket<BeginAnswer>) {
        match &mut self.mode {
            Mode::New => {
                self.mode = Mode::Beginning(vec![ticket]);
                let begins = |child: &&mut Child<D>| !child.waits_for_request();
                for child in self.children.iter_mut().filter(begins) {
                    child.again = Some(Again {
                        origin: Origin::Begin,
                        due: now,
                    });
                }
            }
            Mode::Beginning(tickets) => tickets.push(ticket),
            Mode::Serving => self.answer(Reply::Begin(ticket, BeginAnswer::Begun)),
            Mode::Stopping(_) | Mode::Ended => {
                self.answer(Reply::Begin(ticket, BeginAnswer::Down));
            }
        }
    }

    /// The beginning is over when every child has had its turn. Who ended meanwhile is judged now.
    ///
    // OTP: a supervisor reads no exit before its init has returned.
    fn begun_if_all_are(&mut self, now: Moment) {
        let under_way =
            |child: &Child<D>| child.again.is_some() || child.launching() == Some(Origin::Begin);
        if !matches!(self.mode, Mode::Beginning(_)) || self.children.iter().any(under_way) {
            return;
        }
        if let Mode::Beginning(tickets) = std::mem::replace(&mut self.mode, Mode::Serving) {
            for ticket in tickets {
                self.answer(Reply::Begin(ticket, BeginAnswer::Begun));
            }
        }
        for ended in std::mem::take(&mut self.ended_early) {
            let slot = ended.slot;
            let follows = if self.known(slot).is_some() {
                self.ended_by_itself(now, slot, ended.mark)
            } else {
                self.ended_for_good(slot, ended.significance)
            };
            self.tell_and_follow(now, slot, follows);
        }
    }

    const fn serving(&self) -> bool {
        matches!(self.mode, Mode::Serving)
    }

    /// Adds a child at the end.
    fn append(&mut self, role: Arc<str>, spec: D::Spec, first_start: FirstStart) -> u32 {
        let slot = self.slots;
        self.slots += 1;
        self.children
            .push(Child::new(slot, role, spec, first_start));
        slot
    }

    /// Forgets a child of which nothing is left.
    fn forget_child(&mut self, slot: u32) {
        let Some(at) = self.children.iter().position(|child| child.slot == slot) else {
            return;
        };
        let child = self.children.remove(at);
        self.discard(Discard::Spec(child.life.spec));
        for value in child.past.into_iter().flat_map(|past| past.into_values()) {
            self.discard(value);
        }
    }

    fn find(&self, role: &str) -> Option<&Child<D>> {
        self.children.iter().find(|child| &*child.life.id == role)
    }

    /// The child of this number, if it is known.
    fn known(&self, slot: u32) -> Option<&Child<D>> {
        self.children.iter().find(|child| child.slot == slot)
    }

    /// A child that is known.
    fn get(&self, slot: u32) -> Option<&Child<D>> {
        let child = self.known(slot);
        debug_assert!(child.is_some(), "there is no child {slot}");
        child
    }

    /// The same, to change it.
    fn get_mut(&mut self, slot: u32) -> Option<&mut Child<D>> {
        let child = self.children.iter_mut().find(|child| child.slot == slot);
        debug_assert!(child.is_some(), "there is no child {slot}");
        child
    }

    /// The child of the launch that the key means, if something of it is left.
    fn launched(&self, key: Key) -> Option<u32> {
        let child = self.known(key.slot)?;
        child.life.is_of(key.launch).then_some(key.slot)
    }

    /// A step of the lifecycle of one child, whose timer follows it.
    fn step<T: Default>(
        &mut self,
        now: Moment,
        slot: u32,
        act: impl FnOnce(&mut Child<D>, &mut Step<'_, D>) -> T,
    ) -> T {
        let supervisor = match &self.mode {
            Mode::New | Mode::Beginning(_) | Mode::Serving => Supervisor::Serves,
            Mode::Stopping(_) | Mode::Ended => Supervisor::Stops {
                deadline: self.deadline(),
            },
        };
        let child = self.children.iter_mut().find(|child| child.slot == slot);
        debug_assert!(child.is_some(), "there is no child {slot}");
        let Some(child) = child else {
            return T::default();
        };
        let mut step = Step::new(now, supervisor, self.last_end, &mut self.effects);
        let result = act(child, &mut step);
        if let Some(checkpoint) = step.checkpoint.take() {
            child.keep(checkpoint);
        }
        match step.timer {
            Timer::Kept => {}
            Timer::Off => child.timer = None,
            Timer::At(at) => child.timer = Some(at),
        }
        result
    }

    fn next_launch(&mut self) -> Launch {
        self.launches += 1;
        Launch(self.launches)
    }

    fn set_timer(&mut self, slot: u32, at: Option<Moment>) {
        if let Some(child) = self.get_mut(slot) {
            child.timer = at;
        }
    }

    fn effect(&mut self, effect: Effect<D>) {
        self.effects.push_back(effect);
    }

    fn answer(&mut self, reply: Reply<D>) {
        self.effect(Effect::Answer(reply));
    }

    fn discard(&mut self, value: Discard<D>) {
        self.effect(Effect::Discard(value));
    }
}
