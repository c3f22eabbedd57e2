//! Single rules of what sessions save for their next incarnations (D29), with the times written out.

mod scene;

use session_supervisor::engine::{
    Discard, Failure, Input, Limit, Mark, OnRestartLimit, OwnLimit, Policy, Restart, SessionState,
    Settings,
};

use crate::drops::{cause, inside};
use crate::rules::ms;
use scene::{Scene, at};

fn policy(restart: Restart) -> Policy {
    Policy {
        restart,
        ..Policy::default()
    }
}

/// One that runs, and has saved this.
fn saved(settings: Settings, policy: Policy, value: u64) -> Scene {
    let mut scene = Scene::new(settings);
    scene.start(policy);
    scene.runs();
    scene.save(value);
    scene
}

#[test]
fn it_survives_every_kind_of_end_that_is_followed_by_a_restart() {
    let mut scene = saved(Settings::default(), policy(Restart::Permanent), 1);
    for (n, mark) in [Mark::Failed, Mark::LinkFailed, Mark::Missing, Mark::Orderly]
        .into_iter()
        .enumerate()
    {
        scene.now = at(10 * (n as u64 + 1));
        scene.exits(mark);
        assert_eq!(scene.lives.len(), n + 1, "it waits for the release");
        scene.is_released();
        scene.runs();
        assert_eq!(scene.found(), Some(n as u64 + 1));
        scene.save(n as u64 + 2);
    }
    scene.now = at(100);
    scene.restart();
    scene.ends(Mark::Orderly);
    assert_eq!((scene.lives.len(), scene.found()), (6, Some(5)));
    assert_eq!(scene.given_up, []);
}

/// An incarnation that neither reads nor saves passes it on.
#[test]
fn it_survives_restarts_that_fail_and_their_pauses() {
    let mut scene = saved(Settings::default(), policy(Restart::Permanent), 1);
    scene.ends(Mark::Failed);
    for (tries, due) in [(2, 10), (3, 50), (4, 210), (5, 850), (6, 1_850)] {
        let failure = Failure::Failed(cause("no start"));
        scene.fails_to_start(failure);
        assert_eq!(scene.engine.poll_timeout(), Some(at(due)), "after {tries}");
        scene.goes_on_to(due);
        assert_eq!((scene.lives.len(), scene.found()), (tries + 1, Some(1)));
    }
    scene.save(2);
    scene.fails_to_start(Failure::NameTaken("n".into()));
    scene.goes_on_to(2_850);
    assert_eq!(scene.found(), Some(2), "what an attempt saves counts too");
    // The start timeout.
    scene.goes_on_to(32_850);
    scene.fails_to_start(Failure::Cancelled);
    scene.goes_on_to(33_850);
    assert_eq!((scene.lives.len(), scene.found()), (9, Some(2)));
    assert_eq!(scene.given_up, []);
}

fn parks() -> Policy {
    Policy {
        limit: OwnLimit::Own(Limit::new(0, ms(1_000)).expect("a window")),
        ..policy(Restart::Permanent)
    }
}

#[test]
fn it_survives_being_parked_trials_and_a_resumption() {
    let settings = Settings {
        park_trial: Some((ms(200), ms(200))),
        ..Settings::default()
    };
    let mut scene = saved(settings, parks(), 7);
    scene.now = at(5);
    scene.ends(Mark::Failed);
    assert_eq!(scene.state(), Some(SessionState::Parked));
    scene.goes_on_to(205);
    assert_eq!((scene.lives.len(), scene.found()), (2, Some(7)));
    scene.fails_to_start(Failure::Failed(cause("no start")));
    scene.goes_on_to(405);
    assert_eq!((scene.lives.len(), scene.found()), (3, Some(7)));
    scene.runs();
    scene.save(8);
    scene.ends(Mark::Failed);
    assert_eq!(scene.state(), Some(SessionState::Parked));
    scene.restart();
    assert_eq!((scene.lives.len(), scene.found()), (4, Some(8)));
    assert_eq!(scene.given_up, []);
}

/// What is handed out is dropped then.
#[test]
fn it_is_given_up_with_a_session_that_is_gone_for_good() {
    let parked = |max_parked| Settings {
        max_parked,
        ..Settings::default()
    };
    let removed = Settings {
        on_limit: OnRestartLimit::Remove,
        ..Settings::default()
    };
    let permanent = || policy(Restart::Permanent);
    type Road = fn(&mut Scene);
    let roads: [(&str, Settings, Policy, Road); 9] = [
        ("a stop", parked(1), permanent(), |scene| {
            scene.stop();
            scene.exits(Mark::Orderly);
            assert_eq!(scene.given_up, [], "something of it is left");
            scene.is_released();
        }),
        (
            "its own end",
            parked(1),
            policy(Restart::Transient),
            |scene| {
                scene.ends(Mark::Orderly);
            },
        ),
        (
            "a failure",
            parked(1),
            policy(Restart::Temporary),
            |scene| {
                scene.ends(Mark::Failed);
            },
        ),
        ("its limit", removed, parks(), |scene| {
            scene.ends(Mark::Failed);
        }),
        ("no room to be parked", parked(0), parks(), |scene| {
            scene.ends(Mark::Failed);
        }),
        ("a stop of a parked one", parked(1), parks(), |scene| {
            scene.ends(Mark::Failed);
            assert_eq!(scene.given_up, []);
            scene.stop();
        }),
        (
            "a restart that is ignored",
            parked(1),
            permanent(),
            |scene| {
                scene.ends(Mark::Failed);
                scene.fails_to_start(Failure::Ignored);
            },
        ),
        (
            "the end of the supervisor",
            parked(1),
            permanent(),
            |scene| {
                let ticket = scene.ticket();
                let within = None;
                scene.feed(Input::StopSupervisor { within, ticket });
                scene.proceeds();
                scene.ends(Mark::Orderly);
                assert!(scene.engine.ended());
            },
        ),
        (
            "a supervisor that is killed",
            parked(1),
            permanent(),
            |scene| {
                scene.feed(Input::RootGone);
                scene.proceeds();
                scene.ends(Mark::Missing);
            },
        ),
    ];
    for (road, settings, policy, walk) in roads {
        let mut scene = saved(settings, policy, 7);
        walk(&mut scene);
        scene.carry_out();
        assert_eq!(scene.given_up, [Some(7)], "{road}");
        assert_eq!(
            scene.engine.info("a").map(|info| info.state),
            None,
            "{road}"
        );
    }
}

#[test]
fn a_first_start_that_fails_gives_up_what_it_saved() {
    for failure in [Failure::Failed(cause("no start")), Failure::Ignored] {
        let mut scene = Scene::new(Settings::default());
        scene.start(policy(Restart::Permanent));
        scene.save(3);
        scene.fails_to_start(failure);
        assert_eq!(scene.given_up, [Some(3)]);
        // The next session of the id begins with nothing.
        scene.start(policy(Restart::Permanent));
        assert_eq!((scene.lives.len(), scene.found()), (2, None));
    }
}

/// The start waits for the end of the session that was stopped before it, and follows in the same
/// step.
#[test]
fn a_later_session_of_the_id_finds_nothing() {
    let mut scene = saved(Settings::default(), policy(Restart::Permanent), 7);
    scene.stop();
    scene.start(policy(Restart::Permanent));
    scene.ends(Mark::Orderly);
    assert_eq!((scene.lives.len(), scene.found()), (2, None));
    assert_eq!(scene.given_up, [Some(7)]);
    scene.save(8);
    assert_eq!(scene.found(), Some(8));
    assert_eq!(scene.lives[0].slot().expect("its own").saved(), Some(7));
}

#[test]
fn a_session_that_is_stuck_keeps_it_until_it_ends() {
    let mut scene = saved(Settings::default(), policy(Restart::Permanent), 7);
    scene.restart();
    // The grace of 5 s, then the kill bound of 1 s.
    scene.goes_on_to(5_000);
    scene.goes_on_to(6_000);
    assert_eq!(scene.state(), Some(SessionState::Stuck));
    scene.save(8);
    scene.goes_on_to(60_000);
    scene.ends(Mark::Missing);
    scene.goes_on_to(60_010);
    assert_eq!((scene.lives.len(), scene.found()), (2, Some(8)));
    scene.runs();
    scene.stop();
    scene.goes_on_to(65_010);
    scene.goes_on_to(66_010);
    assert_eq!(scene.state(), Some(SessionState::Stuck));
    assert_eq!(scene.given_up, []);
    scene.ends(Mark::Missing);
    assert_eq!(scene.given_up, [Some(8)]);
}

/// What an engine holds is handed out once, wherever it is.
#[test]
fn an_engine_that_is_taken_apart_hands_it_out() {
    let walks: [fn(&mut Scene); 4] = [
        |_| {},
        |scene| scene.ends(Mark::Failed),
        |scene| {
            scene.stop();
            scene.goes_on_to(5_000);
            scene.goes_on_to(6_000);
        },
        |scene| {
            scene.restart();
            scene.exits(Mark::Orderly);
        },
    ];
    for walk in walks {
        let mut scene = saved(Settings::default(), parks(), 7);
        walk(&mut scene);
        let values = inside(|| scene.engine.take_apart());
        let checkpoints = values.into_iter().filter_map(|value| match value {
            Discard::Checkpoint(carried) => Some(carried.close().saved()),
            _ => None,
        });
        assert_eq!(checkpoints.collect::<Vec<_>>(), [Some(7)]);
        assert_eq!(scene.given_up, []);
    }
}
