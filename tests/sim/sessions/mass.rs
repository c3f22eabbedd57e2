//! The stop of a supervisor with more sessions than are told to stop at a time.

use std::sync::Arc;

use session_supervisor::engine::{
    Effect, Engine, Input, Life, Mark, Moment, Policy, Recall, Request, STOP_WINDOW, Seen,
    Settings, Shutdown, ShutdownReport,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::rng::Rng;
use crate::rules::{Pauses, ms};

const SESSIONS: usize = 2_500;

#[derive(Debug)]
struct Mass {
    engine: Engine<SimDomain>,
    now: Moment,
    lives: Vec<SimLife>,
    /// The sessions that were told to stop or to die, and can.
    ready: Vec<usize>,
    /// Those that only a kill ends.
    hung: usize,
    unfinished: usize,
    most: usize,
    killed: usize,
    report: Option<ShutdownReport>,
}

impl Mass {
    /// A supervisor with sessions, the first of which do not stop.
    fn new(hung: usize) -> Self {
        let policy = Policy {
            shutdown: Shutdown::Timeout(ms(300)),
            ..Policy::default()
        };
        let pauses = Pauses::NONE;
        let spec = SimSpec::new(policy, pauses);
        let mut mass = Self {
            engine: Engine::new(Settings::default()),
            now: Moment::START,
            lives: Vec::new(),
            ready: Vec::new(),
            hung,
            unfinished: 0,
            most: 0,
            killed: 0,
            report: None,
        };
        for ticket in 0..SESSIONS {
            let spec = spec.clone();
            let request = Request::Start {
                spec,
                ticket: Waiter(ticket),
            };
            mass.feed(Input::Asked {
                id: ticket.to_string().into(),
                request,
            });
            let key = mass.lives[ticket].0.key;
            let recall = Recall::InTime;
            mass.feed(Input::Started { key, recall });
        }
        mass
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        self.engine.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Launch { life, .. } => {
                    life.0.actor.set(Some(life.0.key.launch.0));
                    self.lives.push(life);
                }
                Effect::Stop { life, .. } => {
                    let index = index(&life);
                    self.unfinished += 1;
                    self.most = self.most.max(self.unfinished);
                    if index >= self.hung {
                        self.ready.push(index);
                    }
                }
                Effect::Kill { life } => {
                    self.killed += 1;
                    if !self.ready.contains(&index(&life)) {
                        self.ready.push(index(&life));
                    }
                }
                Effect::Finished { report, .. } => self.report = Some(report),
                _ => {}
            }
        }
    }

    /// Carries out what is due now.
    fn due(&mut self) {
        for _ in 0..100 {
            if self.engine.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            self.engine.handle_timeout(self.now);
            self.drain();
        }
        panic!("what is due does not come to an end");
    }

    /// Lets sessions end, in any order, until the supervisor has ended.
    fn end(&mut self, rng: &mut Rng, mark: Mark) -> ShutdownReport {
        for _ in 0..100_000 {
            self.due();
            if let Some(report) = self.report {
                return report;
            }
            if self.ready.is_empty() {
                self.now = self.engine.poll_timeout().expect("something is due");
                continue;
            }
            let at = rng.below(self.ready.len());
            let index = self.ready.swap_remove(at);
            let life = self.lives[index].clone();
            let hung = index < self.hung;
            life.0.mark.set(if hung { Mark::Missing } else { mark });
            self.unfinished = self.unfinished.saturating_sub(1);
            let id = Arc::from(index.to_string());
            let actor = life.actor().unwrap();
            let seen = Seen::Terminated(None);
            let id = Some(id);
            self.feed(Input::Exited { id, actor, seen });
            self.feed(Input::Released { key: life.0.key });
        }
        panic!("the supervisor does not end");
    }

    fn stop(&mut self, within: Option<u64>) {
        let within = within.map(ms);
        self.feed(Input::StopSupervisor {
            within,
            ticket: Waiter(0),
        });
    }
}

fn index(life: &SimLife) -> usize {
    usize::try_from(life.0.key.launch.0 - 1).unwrap()
}

#[test]
fn at_most_a_window_of_stops_is_unfinished() {
    let mut mass = Mass::new(0);
    mass.stop(None);
    let report = mass.end(&mut Rng::new(1), Mark::Orderly);
    assert_eq!(mass.most, STOP_WINDOW);
    assert_eq!((report.stopped, mass.killed), (SESSIONS, 0));
    assert!(report.took.is_zero(), "it waited although sessions ended");
}

#[test]
fn hung_sessions_do_not_hold_up_the_rest() {
    let mut mass = Mass::new(STOP_WINDOW + 200);
    mass.stop(None);
    let report = mass.end(&mut Rng::new(2), Mark::Orderly);
    assert_eq!(report.killed, STOP_WINDOW + 200);
    assert_eq!(report.stopped, SESSIONS - report.killed);
    assert!(report.took < ms(400), "took {:?}", report.took);
}

#[test]
fn a_deadline_overrides_the_pace() {
    let mut mass = Mass::new(SESSIONS);
    mass.stop(Some(5));
    let report = mass.end(&mut Rng::new(3), Mark::Missing);
    assert_eq!((report.killed, mass.killed), (SESSIONS, SESSIONS));
    assert_eq!(report.took, ms(5));
    // D12: no session is killed before it is asked to stop.
    assert_eq!(mass.most, SESSIONS);
}
