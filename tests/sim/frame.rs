//! What the simulations of both engines have in common: how histories are run and repeated, how the
//! runs of the world move, how time goes on, and how a supervisor comes to its end.
//!
//! Absent on purpose: requests and verdicts. They are each engine's own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use session_supervisor::engine::{Counts, Effect, Moment, Seen};

use crate::domain::SimDomain;
use crate::oracle::Hash;
use crate::rng::Rng;
use crate::rules::ms;
use crate::world::{Deed, Event, Mood, Run};

/// What is kept of the inputs and effects of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    Off,
    /// A hash of the effects.
    Hash,
    /// All of them, as lines.
    On,
}

/// What is kept of a history.
#[derive(Debug)]
pub(crate) struct Record {
    trace: Trace,
    hash: Hash,
    story: Vec<String>,
}

impl Record {
    pub(crate) const fn new(trace: Trace) -> Self {
        Self {
            trace,
            hash: Hash::new(),
            story: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.trace == Trace::On {
            self.story.push(line());
        }
    }

    pub(crate) fn effect(&mut self, now: Moment, effect: &Effect<SimDomain>) {
        self.tell(|| format!("    {effect:?}"));
        if self.trace == Trace::Hash {
            self.hash.effect(now, effect);
        }
    }

    /// What can be asked of the engine after a step.
    pub(crate) fn state(&mut self, due: Option<Moment>, counts: impl FnOnce() -> Counts) {
        if self.trace == Trace::Hash {
            self.hash.state(due, counts());
        }
    }
}

/// What moves in a history.
pub(crate) struct Parts<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) now: &'a mut Moment,
    pub(crate) runs: &'a mut Vec<Run>,
    /// The runs of which something is left.
    pub(crate) active: &'a [usize],
    pub(crate) actors: &'a mut u64,
    /// No supervision event is read any more.
    pub(crate) over: bool,
}

/// One history under way.
pub(crate) trait History: Sized {
    fn new(seed: u64, trace: Trace) -> Self;

    /// From the beginning to the end of the supervisor.
    fn play(&mut self);

    fn record(&self) -> &Record;

    fn parts(&mut self) -> Parts<'_>;

    fn poll_timeout(&self) -> Option<Moment>;

    fn timeout(&mut self);

    /// Whether time alone changes nothing any more, although timers go off for ever.
    fn is_still(&self) -> bool {
        false
    }

    /// The moment at which a counted restart is exactly as old as a window, or just older.
    fn edge(&mut self) -> Option<Moment>;

    /// Carries out what a run has done.
    fn deliver(&mut self, index: usize, deed: Deed);

    /// The root reads the event of a run.
    fn event(&mut self, index: usize, seen: Seen);

    fn stop_supervisor(&mut self, within: Option<Duration>);

    fn loop_ended(&mut self);

    fn root_gone(&mut self);

    /// Lets one of the runs do something.
    fn act(&mut self, mood: Mood) {
        let Parts { rng, active, .. } = self.parts();
        if !active.is_empty() {
            let index = active[rng.below(active.len())];
            self.act_on(index, mood);
        }
    }

    fn act_on(&mut self, index: usize, mood: Mood) -> bool {
        let parts = self.parts();
        if parts.runs[index].gone() {
            return false;
        }
        *parts.actors += 1;
        let deed = parts.runs[index].act(mood, parts.over, *parts.actors, parts.rng);
        let acted = deed.is_some();
        if let Some(deed) = deed {
            self.deliver(index, deed);
        }
        acted
    }

    fn advance(&mut self) {
        let due = self.poll_timeout();
        let now = *self.parts().now;
        let rng = self.parts().rng;
        let to = match (rng.below(8), due) {
            (0..=2, Some(at)) => at,
            (3, Some(at)) => Moment::new(at.since_start().saturating_sub(Duration::from_nanos(1))),
            (4 | 5, _) => self.edge().unwrap_or(now),
            (6, _) => now.after(ms(rng.pick(&[1, 10, 20, 90, 300]))),
            (7, _) => now.after(ms(rng.pick(&[1_000, 1_500, 5_000, 12_000]))),
            _ => now.after(ms(1)),
        };
        let parts = self.parts();
        *parts.now = now.max(to);
        if parts.rng.chance(70) {
            self.timeout();
        }
    }

    /// An event that the release has overtaken.
    fn late_event(&mut self) {
        let parts = self.parts();
        let late = |run: &Run| run.gone() && matches!(run.event, Event::Sent(_));
        let Some(index) = parts.runs.iter().rposition(late).filter(|_| !parts.over) else {
            return;
        };
        let event = std::mem::replace(&mut parts.runs[index].event, Event::Handled);
        if let Event::Sent(seen) = event {
            self.event(index, seen);
        }
    }

    /// Perhaps somebody ends the supervisor.
    fn end(&mut self) {
        let Parts { rng, over, .. } = self.parts();
        match rng.below(8) {
            0 | 1 => self.stop_supervisor(None),
            2 => self.stop_supervisor(Some(Duration::ZERO)),
            3 => {
                let within = ms(rng.pick(&[5, 400, 3_000]));
                self.stop_supervisor(Some(within));
            }
            4 if !over => self.loop_ended(),
            5 => self.root_gone(),
            // Most histories should go on serving.
            _ => {}
        }
    }

    /// Drives everything on until nothing moves.
    fn settle(&mut self, mood: Mood) {
        let mut idle = 0;
        for _ in 0..5_000 {
            let mut moved = false;
            for index in self.parts().active.to_vec() {
                moved |= self.act_on(index, mood);
            }
            if moved {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle < 12 {
                continue;
            }
            idle = 0;
            let Some(at) = self.poll_timeout().filter(|_| !self.is_still()) else {
                return;
            };
            let now = self.parts().now;
            *now = (*now).max(at);
            self.timeout();
        }
        panic!("it does not come to rest");
    }
}

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play<H: History>(seed: u64, trace: Trace) -> (H, std::thread::Result<()>) {
    let mut history = H::new(seed, trace);
    let result = catch_unwind(AssertUnwindSafe(|| history.play()));
    (history, result)
}

/// The hash of all that the engine does in one history.
pub(crate) fn hash<H: History>(seed: u64) -> Hash {
    let (history, result) = play::<H>(seed, Trace::Hash);
    if let Err(panic) = result {
        resume_unwind(panic);
    }
    history.record().hash
}

fn tell_of<H: History>(seed: u64) {
    let (history, result) = play::<H>(seed, Trace::On);
    println!("SIM_SEED={seed}\n{}", history.record().story.join("\n"));
    if let Err(panic) = result {
        println!("the history of SIM_SEED={seed} fails");
        resume_unwind(panic);
    }
}

/// Plays so many histories, or as many as `SIM_HISTORIES` says, or the one of `SIM_SEED`, which is
/// printed.
pub(crate) fn random_histories<H: History>(histories: u64) {
    const THREADS: u64 = 2;
    if let Some(seed) = env("SIM_SEED") {
        return tell_of::<H>(seed);
    }
    let histories = env("SIM_HISTORIES").unwrap_or(histories);
    let worker = |first: u64| {
        let mut seeds = (first..histories).step_by(THREADS as usize);
        seeds.find(|&seed| play::<H>(seed, Trace::Off).1.is_err())
    };
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|n| scope.spawn(move || worker(n)))
            .collect();
        workers
            .into_iter()
            .find_map(|worker| worker.join().unwrap())
    });
    if let Some(seed) = failed {
        tell_of::<H>(seed);
        panic!("the history of seed {seed} failed, but not when it was repeated");
    }
}

pub(crate) fn the_same_seed_gives_the_same_history<H: History>() {
    for seed in 0..50 {
        let (first, _) = play::<H>(seed, Trace::On);
        let (second, _) = play::<H>(seed, Trace::On);
        assert_eq!(first.record().story, second.record().story);
    }
}
