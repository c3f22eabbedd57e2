//! Random histories of sessions that expire, and of what keeps them from it.

use std::time::Duration;

use session_supervisor::engine::{
    Ending, Input, Limit, Mark, Moment, OwnLimit, Policy, Restart, Settings, Shutdown, Span,
};

use super::model::{IDS, Lease, Stage};
use super::{STEP, World};
use crate::rng::Rng;
use crate::rules::ms;

fn policy(rng: &mut Rng) -> Policy {
    let idle: [u64; 4] = [0, 40, 40, 100];
    let lifetimes: [u64; 4] = [0, 0, 150, 1_000];
    Policy {
        restart: rng.pick(&[
            Restart::Permanent,
            Restart::Permanent,
            Restart::Transient,
            Restart::Temporary,
        ]),
        shutdown: rng.pick(&[
            Shutdown::BrutalKill,
            Shutdown::Infinity,
            Shutdown::Timeout(Duration::ZERO),
            Shutdown::Timeout(ms(30)),
            Shutdown::Drain(ms(300)),
        ]),
        limit: OwnLimit::Own(Limit::new(rng.pick(&[1, 3, 100]), ms(100)).unwrap()),
        idle_timeout: Span::new(ms(rng.pick(&idle))),
        max_lifetime: Span::new(ms(rng.pick(&lifetimes))),
        ..Policy::default()
    }
}

pub(super) struct History {
    pub(super) world: World,
    rng: Rng,
    /// All that were ever asked for, also those that are over.
    leases: Vec<Lease>,
}

impl History {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let settings = Settings {
            park_trial: rng.chance(50).then(|| (ms(50), ms(50))),
            seed,
            ..Settings::default()
        };
        Self {
            world: World::new(settings),
            rng,
            leases: Vec::new(),
        }
    }

    fn stage(&self, id: &str) -> Option<Stage> {
        Some(self.world.sessions.get(id)?.stage)
    }

    fn step(&mut self) {
        let id = self.rng.pick(&IDS);
        let Self { world, rng, .. } = self;
        let stage = world.sessions.get(id).map(|session| session.stage);
        match (rng.below(20), stage) {
            (0..=2, None) => {
                let policy = policy(rng);
                world.start(id, policy);
            }
            (0..=3, Some(Stage::Launching)) => self.finish_launch(id),
            (0..=3, Some(Stage::Stopping)) => self.finish_stop(id),
            (0..=4, Some(Stage::Running)) => {
                if world.sessions[id].busy() {
                    world.done(id);
                } else {
                    world.message(id);
                    if rng.chance(60) {
                        world.done(id);
                    }
                }
            }
            (5, Some(Stage::Running)) => world.end(id, Mark::Failed),
            (6, Some(Stage::Running)) => {
                let session = world.sessions.get_mut(id).expect("it runs");
                session.life.0.ending.set(Ending::Yes);
                session.stage = Stage::Ending;
            }
            (6, Some(Stage::Ending)) => {
                let mark = rng.pick(&[Mark::Orderly, Mark::Failed]);
                world.end(id, mark);
            }
            (7, Some(Stage::Running)) => world.end(id, Mark::Missing),
            (8, Some(_)) if rng.chance(30) => world.stop(id),
            (9, Some(_)) if rng.chance(30) => {
                world.restart(id);
            }
            (10 | 11, _) => {
                let (lease, _) = world.lease(id);
                self.leases.push(lease);
            }
            (12, _) => world.lease_in_vain(id),
            (13..=15, _) if !self.leases.is_empty() => {
                // Some of them are over already, or were those of a session that is gone.
                let at = rng.below(self.leases.len());
                let lease = self.leases[at];
                if rng.chance(80) {
                    self.leases.swap_remove(at);
                }
                world.lease_ends(lease);
            }
            _ => {
                let by = ms(rng.pick(&[1, 13, 39, 40, 41, 100, 350]));
                self.advance(by);
            }
        }
    }

    fn finish_launch(&mut self, id: &'static str) {
        if self.rng.chance(15) {
            return self.world.launch_failed(id);
        }
        self.world.launched(id);
        // Else its start takes longer.
        if self.stage(id) == Some(Stage::Running) && self.rng.chance(80) {
            self.world.done(id);
        }
    }

    fn finish_stop(&mut self, id: &'static str) {
        let mark = self.rng.pick(&[Mark::Orderly, Mark::Orderly, Mark::Failed]);
        self.world.end(id, mark);
    }

    /// Time goes on, and each timer may be a little late.
    fn advance(&mut self, by: Duration) {
        let to = self.world.now.after(by);
        while let Some(at) = self.world.engine.poll_timeout().filter(|at| *at <= to) {
            let late = STEP * u32::try_from(self.rng.below(3)).unwrap() / 2;
            self.world.now = self.world.now.max(at).after(late);
            self.world.timeout();
        }
        self.world.now = self.world.now.max(to);
    }

    pub(super) fn play(&mut self) {
        for _ in 0..200 {
            self.step();
        }
        if self.rng.chance(30) {
            return self.stop_the_supervisor();
        }
        for lease in std::mem::take(&mut self.leases) {
            self.world.lease_ends(lease);
        }
        for _ in 0..50 {
            for id in IDS {
                match self.stage(id) {
                    Some(Stage::Launching) => {
                        self.world.launched(id);
                        if self.stage(id) == Some(Stage::Running) {
                            self.world.done(id);
                        }
                    }
                    Some(Stage::Running) if self.world.sessions[id].busy() => self.world.done(id),
                    Some(Stage::Stopping) => self.finish_stop(id),
                    Some(Stage::Ending) => self.world.end(id, Mark::Orderly),
                    _ => {}
                }
            }
            self.advance(ms(1_000));
        }
        for (id, session) in &self.world.sessions {
            let Policy {
                idle_timeout,
                max_lifetime,
                ..
            } = session.policy;
            let stays =
                session.stage == Stage::Down || (idle_timeout, max_lifetime) == (None, None);
            assert!(stays, "{id} is still there: {session:?}");
        }
    }

    fn stop_the_supervisor(&mut self) {
        let ticket = self.world.caller();
        self.world.serving = false;
        self.world.feed(Input::StopSupervisor {
            within: Some(ms(500)),
            ticket,
        });
        for _ in 0..50 {
            for id in IDS {
                match self.stage(id) {
                    Some(Stage::Launching) => self.world.launch_failed(id),
                    Some(Stage::Stopping) if self.rng.chance(30) => self.finish_stop(id),
                    Some(Stage::Ending) => self.world.end(id, Mark::Orderly),
                    _ => {}
                }
                if let Some(lease) = self.leases.pop() {
                    self.world.lease_ends(lease);
                }
            }
            self.advance(ms(100));
        }
        assert!(self.world.engine.ended(), "a lease holds up the supervisor");
        assert_eq!(self.world.engine.poll_timeout(), None::<Moment>);
    }
}

#[test]
fn what_is_in_use_or_leased_goes_on_and_what_is_idle_ends_in_time() {
    crate::recorded::hold("expiry.txt", 3_000, |seed| {
        println!("seed {seed}");
        let mut history = History::new(seed);
        history.play();
        history.world.hash
    });
}
