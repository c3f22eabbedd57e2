//! What a session's past is, and what would follow if it failed now (D33), with literal times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Backoff, Decision, Effect, EndReason, Engine, EventKind, Failure, Input, Limit, Listening,
    Mark, Moment, OnRestartLimit, OwnLimit, Policy, Recall, Request, Restart, SessionState,
    Settings,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::{cause, inside};
use crate::rules::{Pauses, ms};

/// A supervisor, to which things happen one by one.
struct Scene {
    engine: Engine<SimDomain>,
    now: Moment,
    callers: usize,
    lives: BTreeMap<String, SimLife>,
    told: Vec<(String, EventKind)>,
}

impl Scene {
    fn new(settings: Settings) -> Self {
        Waiter::all_are_there();
        let mut engine = Engine::new(settings);
        engine.listen(Listening::On);
        Self {
            engine,
            now: Moment::START,
            callers: 0,
            lives: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn ask(&mut self, request: impl FnOnce(Waiter) -> Request<SimDomain>) {
        self.callers += 1;
        let request = request(Waiter(self.callers));
        let id = Arc::from("a");
        self.feed(Input::Asked { id, request });
    }

    fn start(&mut self, policy: Policy) {
        let spec = SimSpec::new(policy, Pauses::NONE);
        self.ask(|ticket| Request::Start { spec, ticket });
    }

    fn launched(&mut self) {
        let key = self.lives["a"].0.key;
        self.lives["a"].0.actor.set(Some(key.launch.0));
        let recall = Recall::InTime;
        self.feed(Input::Started { key, recall });
    }

    fn launch_failed(&mut self) {
        let life = &self.lives["a"];
        life.0.cause.replace(Some(cause("no start")));
        let key = life.0.key;
        let failure = Failure::Failed(cause("no start"));
        self.feed(Input::StartFailed { key, failure });
    }

    /// It fails, and nothing of it is left.
    fn crash(&mut self) {
        let life = &self.lives["a"];
        life.0.cause.replace(Some(cause("crash")));
        life.0.mark.set(Mark::Failed);
        let key = life.0.key;
        self.feed(Input::Ended { key });
        self.feed(Input::Released { key });
    }

    fn later(&mut self, by: Duration) {
        self.now = self.now.after(by);
        inside(|| self.engine.handle_timeout(self.now));
        self.flush();
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            match effect {
                Effect::Launch { context, life, .. } => {
                    self.lives.insert(context.id.to_string(), life);
                }
                Effect::Note { id, kind, .. } => self.told.push((id.to_string(), kind)),
                _ => {}
            }
        }
    }

    /// What would follow if it failed now: the decision, with its longest pause, and the shortest.
    fn next(&self) -> (Decision, Duration) {
        let outlook = self.engine.explain(self.now, "a").expect("it is known");
        (outlook.decision, outlook.at_least)
    }

    fn due(&self) -> Option<Duration> {
        let outlook = self.engine.explain(self.now, "a").expect("it is known");
        outlook.due.map(|due| due.since(self.now))
    }

    /// What was decided last.
    fn decided(&self) -> Decision {
        let mut told = self.told.iter().rev();
        let decision = told.find_map(|(_, kind)| kind.decision());
        *decision.expect("something was decided")
    }

    fn crashes_as_foretold(&mut self) -> Decision {
        let (foretold, _) = self.next();
        self.crash();
        assert_eq!(self.decided(), foretold);
        foretold
    }
}

fn limited(max: u32, window: Duration) -> Policy {
    Policy {
        limit: OwnLimit::Own(Limit::new(max, window).expect("a window")),
        ..Policy::default()
    }
}

fn restart(after: Duration, restarts: u64, budget_left: u32, limit: Limit) -> Decision {
    Decision::Restart {
        after,
        restarts,
        budget_left: Some(budget_left),
        limit: Some(limit),
    }
}

#[test]
fn a_restart_is_foretold_with_its_pause_and_what_is_left_of_the_limit() {
    let limit = Limit::new(3, ms(5_000)).expect("a window");
    let policy = Policy {
        backoff: Some(Backoff::exponential(ms(100), ms(300))),
        ..limited(3, ms(5_000))
    };
    let mut scene = Scene::new(Settings::default());
    scene.start(policy);
    assert_eq!(
        scene.next().0,
        Decision::Forget,
        "a first start is not tried again"
    );
    scene.launched();
    for (restarts, after) in [(1, 100), (2, 200), (3, 300)] {
        let left = 3 - u32::try_from(restarts).expect("few");
        let foretold = scene.crashes_as_foretold();
        assert_eq!(foretold, restart(ms(after), restarts, left, limit));
        assert_eq!(scene.due(), Some(ms(after)));
        scene.later(ms(after));
        scene.launched();
    }
    // All of them count for another 4.4 s, and one that is exactly one window old counts too.
    assert!(matches!(scene.next().0, Decision::Park { .. }));
    scene.later(ms(4_400));
    assert!(matches!(scene.next().0, Decision::Park { .. }));
    scene.later(ms(1));
    assert_eq!(scene.next().0, restart(ms(300), 4, 0, limit));
    // It has lived for the window of its limit, so its pauses begin anew.
    scene.later(ms(599));
    assert_eq!(scene.crashes_as_foretold(), restart(ms(100), 4, 2, limit));
}

#[test]
fn parking_is_foretold_and_so_is_what_follows_a_trial() {
    let mut scene = Scene::new(Settings {
        park_trial: Some((ms(10_000), ms(30_000))),
        ..Settings::default()
    });
    scene.start(limited(0, ms(1_000)));
    scene.launched();
    let (foretold, at_least) = scene.next();
    let limit = Limit::new(0, ms(1_000));
    let until = Some(ms(10_000));
    assert_eq!(foretold, Decision::Park { until, limit });
    assert_eq!(at_least, ms(5_000));
    scene.crash();
    let Decision::Park {
        until: Some(pause), ..
    } = scene.decided()
    else {
        panic!("{:?}", scene.decided());
    };
    assert!((ms(5_000)..=ms(10_000)).contains(&pause));
    assert_eq!(scene.due(), Some(pause));
    // A trial that fails parks it again, for twice as long at most.
    let (until, limit) = (Some(ms(20_000)), None);
    let again = Decision::Park { until, limit };
    assert_eq!(scene.next(), (again, ms(10_000)));
    scene.later(pause);
    assert_eq!(scene.next(), (again, ms(10_000)));
    scene.launched();
    let on_trial = |scene: &Scene| {
        let outlook = scene.engine.explain(scene.now, "a");
        outlook.expect("it is known").on_trial
    };
    assert!(on_trial(&scene));
    assert_eq!(scene.next(), (again, ms(10_000)));
    // One that has lived for long enough has passed, and begins anew.
    scene.later(ms(1_000));
    assert_eq!(scene.next(), (foretold, at_least));
}

#[test]
fn what_is_not_restarted_is_foretold_too() {
    let temporary = Policy {
        restart: Restart::Temporary,
        ..Policy::default()
    };
    let mut scene = Scene::new(Settings::default());
    scene.start(temporary);
    scene.launched();
    assert_eq!(scene.crashes_as_foretold(), Decision::Forget);
    assert!(scene.engine.explain(scene.now, "a").is_none());

    let total = Limit::new(0, ms(1_000)).expect("a window");
    let mut scene = Scene::new(Settings {
        total_limit: Some(total),
        ..Settings::default()
    });
    scene.start(Policy::default());
    scene.launched();
    assert_eq!(scene.crashes_as_foretold(), Decision::EscalateAll(total));

    for (on_limit, decision) in [
        (OnRestartLimit::Remove, Decision::Remove(total)),
        (OnRestartLimit::Escalate, Decision::Escalate(total)),
    ] {
        let mut scene = Scene::new(Settings {
            on_limit,
            ..Settings::default()
        });
        scene.start(limited(0, ms(1_000)));
        scene.launched();
        assert_eq!(scene.crashes_as_foretold(), decision);
    }

    let mut scene = Scene::new(Settings::default());
    scene.start(Policy::default());
    scene.launched();
    scene.ask(|ticket| Request::Stop { ticket });
    assert_eq!(scene.next().0, Decision::Forget, "it is being stopped");
}

#[test]
fn the_last_eight_exits_are_kept_with_their_times_and_decisions() {
    let mut scene = Scene::new(Settings::default());
    scene.start(Policy::default());
    scene.launched();
    assert_eq!(
        scene
            .engine
            .dossier("a")
            .expect("it is known")
            .exits()
            .count(),
        0
    );
    for _ in 0..10 {
        scene.later(ms(70));
        scene.crash();
        scene.launched();
    }
    scene.later(ms(5));
    scene.crash();
    scene.launch_failed();
    let dossier = scene.engine.dossier("a").expect("it is known");
    assert_eq!((dossier.exits().count(), dossier.earlier()), (8, 4));
    let told: Vec<_> = dossier
        .exits()
        .map(|exit| {
            let (at, uptime) = (exit.at.since_start().as_millis(), exit.uptime().as_millis());
            (exit.incarnation, at, uptime)
        })
        .collect();
    let crashes = (5..=10).map(|n| (n, u128::from(n) * 70, 70));
    let all: Vec<_> = crashes.chain([(11, 705, 5), (12, 705, 0)]).collect();
    assert_eq!(told, all);
    let last: Vec<_> = dossier.exits().map(|exit| exit.kind.to_string()).collect();
    assert_eq!(last[6], "ended abnormally: failed: crash; restarts at once");
    assert_eq!(last[7], "failed to restart: no start; restarts in 10ms");
}

/// What follows the end of one whose start had been given up is told in an event of its own.
#[test]
fn an_exit_whose_decision_comes_later_has_it_in_the_dossier() {
    let mut scene = Scene::new(Settings::default());
    let policy = Policy {
        start_timeout: ms(1_000),
        ..Policy::default()
    };
    scene.start(policy);
    scene.launched();
    scene.crash();
    scene.later(ms(1_000));
    let life = &scene.lives["a"];
    let key = life.0.key;
    life.0.actor.set(Some(key.launch.0));
    let recall = Recall::TooLate;
    scene.feed(Input::Started { key, recall });
    scene.crash();
    let dossier = scene.engine.dossier("a").expect("it is known");
    let last = dossier.exits().last().expect("it has ended");
    assert!(
        matches!(last.kind.decision(), Some(Decision::Restart { .. })),
        "{:?}",
        last.kind
    );
}

#[test]
fn exits_are_gone_with_the_session() {
    let mut scene = Scene::new(Settings::default());
    scene.start(Policy::default());
    scene.launched();
    scene.crash();
    scene.launched();
    assert_eq!(
        scene
            .engine
            .dossier("a")
            .expect("it is known")
            .exits()
            .count(),
        1
    );
    scene.ask(|ticket| Request::Stop { ticket });
    let life = &scene.lives["a"];
    life.0.mark.set(Mark::Orderly);
    let key = life.0.key;
    scene.feed(Input::Ended { key });
    assert!(scene.engine.dossier("a").is_none());
    scene.feed(Input::Released { key });
    let gone = EventKind::Gone(EndReason::Requested);
    assert_eq!(scene.told.last().expect("it is told").1, gone);
    scene.start(Policy::default());
    let dossier = scene.engine.dossier("a").expect("it is known");
    assert_eq!(dossier.info.state, SessionState::Starting);
    assert_eq!((dossier.exits().count(), dossier.earlier()), (0, 0));
}
