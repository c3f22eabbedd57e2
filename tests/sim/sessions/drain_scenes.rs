//! Single rules of a drain, with the times written out (D30).

mod granted;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    DrainOrder, DrainProgress, Effect, Engine, Failure, Input, Mark, Moment, MoreTimeAnswer,
    Policy, ProgressAnswer, Recall, Request, Restart, Seen, Settings, Shutdown, StopWay,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::inside;
use crate::rules::Pauses;
use crate::told::{Told, told};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A supervisor with sessions that do what the test says. What the engine does is written down, in
/// seconds since its start.
struct Scene {
    engine: Engine<SimDomain>,
    now: u64,
    lives: BTreeMap<Arc<str>, SimLife>,
    log: Vec<String>,
    callers: usize,
    answers: BTreeMap<usize, Told>,
}

impl Scene {
    /// With sessions of these rules: a, b, c, and so on.
    fn new(policies: &[Policy]) -> Self {
        Waiter::all_are_there();
        let mut scene = Self {
            engine: Engine::new(Settings::default()),
            now: 0,
            lives: BTreeMap::new(),
            log: Vec::new(),
            callers: 0,
            answers: BTreeMap::new(),
        };
        for (n, policy) in policies.iter().enumerate() {
            let id = String::from(char::from(b'a' + u8::try_from(n).unwrap()));
            scene.start(&id, *policy);
            scene.started(&id);
        }
        scene
    }

    /// With so many that have this much time to stop.
    fn of(count: usize, shutdown: Shutdown) -> Self {
        let policy = Policy {
            shutdown,
            ..Policy::default()
        };
        Self::new(&vec![policy; count])
    }

    fn caller(&mut self) -> Waiter {
        self.callers += 1;
        Waiter(self.callers)
    }

    fn ask(&mut self, id: &str, request: Request<SimDomain>) -> Option<Told> {
        let id = Arc::from(id);
        self.feed(Input::Asked { id, request });
        self.answers.remove(&self.callers)
    }

    fn start(&mut self, id: &str, policy: Policy) -> Option<Told> {
        let (spec, ticket) = (SimSpec::new(policy, Pauses::NONE), self.caller());
        self.ask(id, Request::Start { spec, ticket })
    }

    fn started(&mut self, id: &str) {
        let life = &self.lives[id];
        let key = life.0.key;
        life.0.actor.set(Some(key.launch.0));
        let recall = Recall::InTime;
        self.feed(Input::Started { key, recall });
    }

    fn drain(&mut self, within: u64, at_most: usize, more: u64) {
        let ticket = self.caller();
        let order = DrainOrder {
            within: secs(within),
            at_most: NonZeroUsize::new(at_most),
            more: secs(more),
        };
        self.feed(Input::Drain { order, ticket });
        self.to(self.now);
    }

    fn stop(&mut self, within: Option<u64>) {
        let (within, ticket) = (within.map(secs), self.caller());
        self.feed(Input::StopSupervisor { within, ticket });
        self.to(self.now);
    }

    /// It ends with this mark, and nothing of it is left.
    fn ends(&mut self, id: &str, mark: Mark) {
        let life = self.lives[id].clone();
        life.0.mark.set(mark);
        let key = life.0.key;
        if mark == Mark::Missing {
            self.feed(Input::Exited {
                id: Some(Arc::from(id)),
                actor: key.launch.0,
                seen: Seen::Terminated(None),
            });
        }
        self.feed(Input::Released { key });
        self.to(self.now);
    }

    fn ask_for(&mut self, id: &str, seconds: u64) -> MoreTimeAnswer {
        let (time, ticket) = (secs(seconds), self.caller());
        match self.ask(id, Request::MoreTime { time, ticket }) {
            Some(Told::MoreTime(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// A caller follows the drain, of which it knows this.
    fn follow(&mut self, seen: Option<DrainProgress>) -> usize {
        let ticket = self.caller();
        let caller = ticket.0;
        self.feed(Input::DrainProgress { seen, ticket });
        caller
    }

    /// Time goes on, and every timer until then goes off when it is due.
    fn to(&mut self, seconds: u64) {
        let to = Moment::new(secs(seconds));
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= to) {
            let due = due.since_start();
            assert_eq!(due, secs(due.as_secs()), "all is due at whole seconds");
            self.now = self.now.max(due.as_secs());
            let now = Moment::new(secs(self.now));
            inside(|| self.engine.handle_timeout(now));
            self.carry_out();
        }
        self.now = seconds;
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        let now = Moment::new(secs(self.now));
        inside(|| self.engine.handle(now, input));
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let now = self.now;
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            let id = |life: &SimLife| {
                let found = self
                    .lives
                    .iter()
                    .find(|(_, known)| known.0.key == life.0.key);
                found.expect("a life that is known").0.to_string()
            };
            match effect {
                Effect::Launch { context, life, .. } => {
                    self.lives.insert(context.id, life);
                }
                Effect::Stop { life, way, within } => {
                    let way = match way {
                        StopWay::Drain => "drain",
                        StopWay::AtOnce => "stop",
                    };
                    let within = within.map_or("ever".into(), |within| format!("{within:?}"));
                    self.log
                        .push(format!("{now}: {way} {} {within}", id(&life)));
                }
                Effect::Kill { life } => self.log.push(format!("{now}: kill {}", id(&life))),
                Effect::Answer(reply) => {
                    let (ticket, told) = told(&reply);
                    self.answers.insert(ticket, told);
                }
                Effect::Drained { ends, .. } => {
                    let ends = ends
                        .iter()
                        .map(|end| format!("{} {:?} {:?}", end.id, end.outcome, end.took));
                    let ends: Vec<_> = ends.collect();
                    self.log.push(format!("{now}: over: {}", ends.join(", ")));
                }
                _ => {}
            }
        }
    }

    /// What was done since this was last asked.
    #[track_caller]
    fn did(&mut self, lines: &[&str]) {
        assert_eq!(std::mem::take(&mut self.log), lines);
    }
}

const SLOW: Shutdown = Shutdown::Timeout(secs(100));

#[test]
fn at_most_two_at_a_time_in_the_order_of_their_first_start() {
    let mut scene = Scene::of(4, SLOW);
    scene.drain(1_000, 2, 0);
    scene.did(&["0: drain a 100s", "0: drain b 100s"]);
    scene.to(3);
    scene.ends("b", Mark::Orderly);
    scene.did(&["3: drain c 100s"]);
    // One that fails meanwhile is not brought back, and was not asked.
    scene.ends("d", Mark::Failed);
    scene.to(5);
    scene.ends("a", Mark::Orderly);
    scene.did(&[]);
    scene.ends("c", Mark::Failed);
    scene.did(&["5: over: b Stopped 3s, d Failed 0ns, a Stopped 5s, c Failed 2s"]);
    assert!(scene.engine.ended());
}

#[test]
fn each_handles_its_messages_first_and_has_the_time_of_its_rule() {
    let rules = [
        (Shutdown::Timeout(secs(7)), "7s"),
        (Shutdown::Drain(secs(8)), "8s"),
        (Shutdown::Infinity, "60s"),
        (Shutdown::BrutalKill, "5s"),
        (Shutdown::Timeout(Duration::ZERO), "5s"),
    ];
    for (shutdown, time) in rules {
        let mut scene = Scene::of(1, shutdown);
        scene.drain(60, 0, 0);
        scene.did(&[&format!("0: drain a {time}")]);
        let killed: u64 = time.trim_end_matches('s').parse().unwrap();
        scene.to(killed);
        scene.did(&[&format!("{killed}: kill a")]);
    }
}

#[test]
fn what_does_not_run_is_ended_at_once_and_what_starts_is_refused() {
    let permanent = Policy {
        restart: Restart::Permanent,
        ..Policy::default()
    };
    let mut scene = Scene::new(&[permanent]);
    // It has failed, and is being started again.
    scene.ends("a", Mark::Failed);
    assert!(scene.start("b", permanent).is_none());
    scene.drain(60, 0, 0);
    let refused = scene.answers.remove(&2);
    // The caller of a launch is told by the shell, which knows who was first.
    assert!(refused.is_none(), "{refused:?}");
    for id in ["a", "b", "c"] {
        let told = scene.start(id, permanent);
        assert!(matches!(told, Some(Told::Draining)), "{told:?}");
    }
    for id in ["a", "b"] {
        let key = scene.lives[id].0.key;
        let failure = Failure::Cancelled;
        scene.feed(Input::StartFailed { key, failure });
    }
    scene.did(&["0: over: a NotRunning 0ns, b NotRunning 0ns"]);
}

#[test]
fn a_turn_has_its_share_of_the_time_while_others_wait() {
    let mut scene = Scene::of(3, Shutdown::Infinity);
    scene.drain(60, 1, 0);
    scene.did(&["0: drain a 20s"]);
    scene.to(20);
    scene.did(&["20: kill a"]);
    // The next one is asked when it is gone.
    scene.to(21);
    scene.did(&["21: drain b 19.5s"]);
    scene.ends("b", Mark::Orderly);
    scene.did(&["21: drain c 39s"]);
    scene.to(60);
    scene.did(&["60: kill c"]);
    scene.to(61);
    scene.did(&["61: over: b Stopped 0ns, a Stuck 21s, c Stuck 40s"]);
}

#[test]
fn at_the_deadline_what_is_left_is_killed_and_a_second_later_it_is_over() {
    for at_most in [0, 1, 2] {
        let mut scene = Scene::of(4, Shutdown::Infinity);
        scene.drain(0, at_most, 0);
        scene.did(&["0: kill a", "0: kill b", "0: kill c", "0: kill d"]);
        scene.to(1);
        scene.did(&["1: over: a Stuck 1s, b Stuck 1s, c Stuck 1s, d Stuck 1s"]);
    }
}

#[test]
fn a_second_drain_joins_with_the_earlier_deadline_and_the_smaller_number() {
    let mut scene = Scene::of(4, SLOW);
    scene.drain(100, 3, 0);
    scene.drain(40, 2, 0);
    scene.ends("a", Mark::Orderly);
    scene.did(&["0: drain a 50s", "0: drain b 50s", "0: drain c 50s"]);
    scene.ends("b", Mark::Orderly);
    scene.did(&["0: drain d 40s"]);
    scene.to(40);
    scene.did(&["40: kill c", "40: kill d"]);
}

#[test]
fn a_stop_turns_it_into_a_stop() {
    let mut scene = Scene::of(3, SLOW);
    scene.drain(60, 1, 0);
    scene.to(5);
    scene.stop(None);
    scene.did(&["0: drain a 20s", "5: stop b 55s", "5: stop c 55s"]);
    assert_eq!(scene.ask_for("a", 9), MoreTimeAnswer::Down);
    let told = scene.start("d", Policy::default());
    assert!(matches!(told, Some(Told::Down)), "{told:?}");
    scene.stop(Some(2));
    scene.to(7);
    scene.did(&["7: kill a", "7: kill b", "7: kill c"]);
}

#[test]
fn a_drain_that_comes_after_a_stop_joins_it_and_tells_of_what_was_left() {
    let mut scene = Scene::of(3, SLOW);
    scene.stop(None);
    scene.ends("a", Mark::Orderly);
    scene.to(2);
    scene.drain(10, 1, 9);
    scene.did(&["0: stop a 100s", "0: stop b 100s", "0: stop c 100s"]);
    scene.to(4);
    scene.ends("c", Mark::Orderly);
    scene.to(12);
    scene.ends("b", Mark::Missing);
    scene.did(&["12: kill b", "12: over: c Stopped 2s, b Killed 10s"]);
}

#[test]
fn a_reader_is_told_once_of_what_has_changed() {
    let mut scene = Scene::of(2, SLOW);
    scene.drain(60, 1, 0);
    let mut seen = None;
    for (end, ended, waiting) in [
        (None, 0, 1),
        (Some("a"), 1, 1),
        (None, 1, 0),
        (Some("b"), 2, 0),
    ] {
        let caller = scene.follow(seen);
        if let Some(id) = end {
            assert!(!scene.answers.contains_key(&caller), "nothing has changed");
            scene.ends(id, Mark::Orderly);
        }
        let told = scene.answers.remove(&caller);
        let Some(Told::Progress(ProgressAnswer::At(progress))) = told else {
            panic!("{told:?}");
        };
        assert_eq!((progress.ended, progress.waiting), (ended, waiting));
        assert_eq!(progress.sessions, 2);
        seen = Some(progress);
    }
    let caller = scene.follow(seen);
    let told = scene.answers.remove(&caller);
    let over = matches!(told, Some(Told::Progress(ProgressAnswer::Over)));
    assert!(over, "{told:?}");
}
