//! The dynamic supervisor's decisions: one-for-one over a table of children.
//!
//! The verbs and the questions are here; what they lead to is in `requests` (what callers ask),
//! `first` (a new id), `claims` (its further keys), `admission` (whether it is admitted),
//! `launches` (from the order to the report), `line` (how many launches at once), `parking` (what
//! becomes of a session that used up its limit), `exits` (from the event to the decision),
//! `restarts` (limits and pauses), `expiry` and `leases` (when one is ended by itself), `ending` (how
//! one session is stopped, killed and forgotten), `stopping` (how the supervisor ends), `draining`
//! (how it drains), `watching` (who only wants to know), `crowds` (how many are answered at once),
//! `counting` (how many there are), `telling` (what is told of all that) and `explaining` (what is
//! known of the past, and what would follow).
//!
//! An input that no longer fits is ignored; none can fail.

mod admission;
mod apart;
mod changes;
mod claims;
mod counting;
mod crowds;
mod draining;
mod ending;
mod exits;
mod expiry;
mod explaining;
mod finishing;
mod first;
mod launches;
mod leases;
mod line;
mod pace;
mod parking;
mod refusals;
mod requests;
mod restarts;
mod sharing;
mod stopping;
mod telling;
mod turns;
mod waits;
mod watching;

use std::collections::VecDeque;
use std::sync::Arc;

use super::child::Plan;
use super::incarnation::{Key, Launch};
use super::io::{BeginAnswer, Discard, Domain, Effect, Events, Input, Reply, StopCause};
use super::jitter::Jitter;
use super::limit::Window;
use super::listening::Listening;
use super::meter::Meter;
use super::moment::Moment;
use super::rate::Starts;
use super::restart::Settings;
use super::table::{Cursor, Info, Table};
use super::timers::Timers;
use claims::Claims;
use crowds::Crowds;
pub use explaining::{Dossier, Outlook};
use line::Line;
use parking::Parked;
use stopping::Stop;

/// How many sessions at a time have been asked to stop and are not in their `post_stop` yet, when
/// the supervisor stops (D12).
pub const STOP_WINDOW: usize = 1_000;

/// At most this many children are looked at in one step.
const STEP: usize = 1_000;

/// The decisions of a session supervisor.
#[derive(Debug)]
pub struct Engine<D: Domain> {
    settings: Settings,
    table: Table<D>,
    /// Absent, until something is claimed.
    claims: Option<Box<Claims>>,
    timers: Timers,
    effects: VecDeque<Effect<D>>,
    launches: u64,
    line: Line,
    parked: Parked,
    jitter: Jitter,
    total: Window,
    /// Absent without a start rate.
    starts: Option<Box<Starts>>,
    /// When a session last ended; the kill bound counts from here if it is later than the kill.
    last_end: Moment,
    mode: Mode<D>,
    events: Events,
    meter: Arc<Meter>,
    listening: Listening,
    crowds: Crowds<D>,
}

#[derive(Debug)]
enum Mode<D: Domain> {
    Serving,
    Stopping(Stop<D>),
    Ended,
}

impl<D: Domain> Engine<D> {
    /// The engine of a supervisor without sessions.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            table: Table::new(settings.quota),
            claims: None,
            timers: Timers::default(),
            effects: VecDeque::new(),
            launches: 0,
            line: Line::default(),
            parked: Parked::default(),
            jitter: Jitter::new(settings.seed),
            total: Window::default(),
            starts: settings.start_rate.map(|rate| Box::new(Starts::new(rate))),
            last_end: Moment::START,
            mode: Mode::Serving,
            events: Events::Read,
            meter: Arc::default(),
            listening: Listening::Off,
            crowds: Crowds::default(),
        }
    }

    /// Takes an input. All effects must then be polled before the next one.
    #[inline]
    pub fn handle(&mut self, now: Moment, input: Input<D>) {
        self.begin_step();
        match input {
            Input::Asked { id, request } => self.asked(now, id, request),
            // Sessions have no roles.
            Input::AskedChild { request, .. } => self.discard_request(request.into_parts()),
            Input::StopSupervisor { within, ticket } => {
                let deadline = within.map(|within| now.after(within));
                self.stop_supervisor(now, StopCause::Requested, deadline, Some(ticket));
            }
            Input::Drain { order, ticket } => self.drain(now, order, ticket),
            Input::DrainProgress { seen, ticket } => self.read_progress(seen, ticket),
            Input::LeaseEnded { id, lease } => self.lease_ended(now, &id, lease),
            Input::Started { key, recall } => self.started(now, key, recall),
            Input::StartFailed { key, failure } => self.start_failed(now, key, failure),
            Input::Exited {
                id: Some(id),
                actor,
                seen,
            } => self.exited(now, &id, actor, seen),
            Input::Exited { id: None, seen, .. } => self.discard(Discard::Seen(seen)),
            // There is nothing that it starts by itself.
            Input::Begin { ticket } => self.answer(Reply::Begin(ticket, BeginAnswer::Begun)),
            Input::PostStop { key } => self.post_stop_begins(key),
            Input::Ended { key } => self.ended_early(now, key),
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
                self.sweep_again(now);
            }
            Input::RootGone => {
                self.events = Events::Over;
                self.stop_supervisor(now, StopCause::Killed, Some(now), None);
                self.sweep_again(now);
            }
        }
        self.conclude(now);
    }

    /// What follows whatever came in.
    #[inline]
    fn conclude(&mut self, now: Moment) {
        if self.has_room_in_line() {
            self.let_in(now);
        }
        if !self.serving() {
            self.wind_up(now);
        }
        self.show_counts();
        self.timers.flush();
    }

    /// Carries out what is due, a bounded part of it; more may be due at once afterwards.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.begin_step();
        for _ in 0..STEP {
            match self.timers.first() {
                Some((at, slot)) if at <= now => {
                    self.set_timer(slot, None);
                    self.fire(now, slot);
                    self.timers.flush();
                }
                _ => break,
            }
        }
        self.proceed(now);
    }

    /// Goes on with what is due at once whatever time it is, a bounded part of it, and with nothing
    /// that is due only since time has passed: that can be left until others have had their turns.
    pub fn proceed(&mut self, now: Moment) {
        self.begin_step();
        self.tell_rest(now);
        self.step_stop(now);
        self.conclude(now);
    }

    /// The next thing to do, if there is one.
    #[inline]
    pub fn poll_effect(&mut self) -> Option<Effect<D>> {
        self.effects.pop_front()
    }

    /// When `handle_timeout` is to be called next. A moment that has passed means: at once.
    /// [`Moment::START`] means that [`proceed`](Self::proceed) is enough.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Moment> {
        // More wait in line than one step lets in.
        if self.has_room_in_line() {
            return Some(Moment::START);
        }
        let timer = self.timers.first().map(|(at, _)| at);
        let due = timer.into_iter().chain(self.crowds_wake());
        match &self.mode {
            Mode::Stopping(stop) => due.chain(stop.wake(self.counts().active)).min(),
            Mode::Serving | Mode::Ended => due.min(),
        }
    }

    /// What is known of an id.
    #[must_use]
    pub fn info(&self, id: &str) -> Option<Info<'_, D>> {
        self.table.info(self.table.find(id)?)
    }

    /// Opens a list: a cursor over the sessions in the order of their first start. It must be
    /// closed with [`close_list`](Self::close_list).
    pub fn open_list(&mut self) -> Cursor {
        self.table.open()
    }

    /// Opens a list that goes on behind the session of this id, if that is still the one with this
    /// [position](Info::position); else it begins at the first one, and what has no greater
    /// position is to be passed over. It must be closed as well.
    pub fn open_list_after(&mut self, id: &str, position: u64) -> Cursor {
        self.table.open_after(id, position)
    }

    /// The next session of a list; `Some(None)` for an entry that has no information to show.
    pub fn next_in_list(&mut self, cursor: &Cursor) -> Option<Option<Info<'_, D>>> {
        let slot = self.table.advance(cursor)?;
        Some(self.table.info(slot))
    }

    /// Ends a list.
    pub fn close_list(&mut self, cursor: Cursor) {
        self.table.close(cursor);
    }

    /// How many entries there are, also hidden ones that only wait for their release.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.table.len()
    }

    /// Whether the supervisor has ended.
    #[must_use]
    pub const fn ended(&self) -> bool {
        matches!(self.mode, Mode::Ended)
    }

    fn serving(&self) -> bool {
        matches!(self.mode, Mode::Serving)
    }

    /// The session of the launch that the key means, if something of it is left.
    fn launched(&self, key: Key) -> Option<u32> {
        let child = self.table.known(key.slot)?;
        child.life.is_of(key.launch).then_some(key.slot)
    }

    fn next_launch(&mut self) -> Launch {
        self.launches += 1;
        Launch(self.launches)
    }

    fn set_timer(&mut self, slot: u32, at: Option<Moment>) {
        if self.table.known(slot).is_some() {
            self.timers.set(slot, at);
        }
    }

    fn fire(&mut self, now: Moment, slot: u32) {
        match self.table.get(slot).map(|child| &child.plan) {
            Some(Plan::Restart { .. }) => self.relaunch_if_due(now, slot),
            Some(Plan::Park { .. }) => self.try_again(now, slot),
            Some(Plan::Run) => self.look(now, slot),
            Some(
                Plan::InLine { .. } | Plan::Launch(_) | Plan::After { .. } | Plan::Forget { .. },
            ) => {
                let due = self.step(now, slot, |child, step| {
                    let history = child.history.as_mut();
                    let exits = history.and_then(|history| history.exits.as_mut());
                    let repeats = exits.map(|exits| &mut exits.repeats);
                    child.life.due(repeats, step)
                });
                self.is_due(now, slot, due);
            }
            None => {}
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
