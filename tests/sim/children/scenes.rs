//! Scenes of a group, each told by what it did.

use std::time::Duration;

use session_supervisor::engine::{
    AutoShutdown, ChildKind, ChildRequest, ChildState, Decision, Effect, Engine, EventKind, Input,
    Limit, Mark, Moment, OrderedSettings, Policy, Recall, Request, Restart, Seen, Settings,
    Shutdown, ShutdownReport, Significance, Strategy,
};

use crate::children::toy::{Toy, policy, spec};
use crate::domain::{SimDomain, SimLife, Waiter};

pub(crate) fn permanent() -> Policy {
    Policy {
        restart: Restart::Permanent,
        ..policy()
    }
}

pub(crate) fn settings(strategy: Strategy) -> OrderedSettings {
    OrderedSettings {
        strategy,
        ..OrderedSettings::default()
    }
}

pub(crate) fn abc(strategy: Strategy) -> Toy {
    let children = ["a", "b", "c"].map(|role| (role, permanent()));
    let mut toy = Toy::new(settings(strategy), &children);
    toy.begin();
    assert_eq!(toy.story(), "start a, start b, start c, 0: Begun");
    toy
}

pub(crate) fn stop(toy: &mut Toy, within: Option<Duration>) {
    toy.feed(Input::StopSupervisor {
        within,
        ticket: Waiter(9),
    });
}

#[test]
fn a_failing_start_stops_those_before_it_and_names_the_role() {
    let children = ["a", "b", "c", "d"].map(|role| (role, permanent()));
    let mut toy = Toy::new(OrderedSettings::default(), &children);
    toy.fail = vec!["c"];
    toy.begin();
    assert_eq!(
        toy.story(),
        "start a, start b, start c, stop b, stop a, \
         0: ChildFailed { role: \"c\", failure: NameTaken(\"n\") }, \
         FailedStart: 2 stopped, 0 failed, 0 killed, 0 stuck, 2 down"
    );
    assert!(toy.group.ended());
}

#[test]
fn a_start_that_answers_ignore_keeps_its_place() {
    let temporary = Policy {
        restart: Restart::Temporary,
        ..policy()
    };
    let children = [("a", permanent()), ("b", permanent()), ("c", temporary)];
    let mut toy = Toy::new(OrderedSettings::default(), &children);
    toy.ignore = vec!["a", "c"];
    toy.begin();
    assert_eq!(toy.story(), "start a, start b, start c, 0: Begun");
    assert_eq!(toy.children(ChildState::NotRunning), ["a"]);
    assert!(toy.group.info("c").is_none());
    assert_eq!(toy.group.counts().specs, 2);
}

#[test]
fn a_failing_sibling_is_tried_again_with_the_whole_set() {
    let mut toy = abc(Strategy::OneForAll);
    toy.fail = vec!["b"];
    toy.end("c", Mark::Failed);
    assert_eq!(toy.story(), "stop b, stop a, start a, start b, stop a");
    toy.fail.clear();
    let before = toy.now;
    toy.wait();
    assert_eq!(toy.now.since(before), Duration::from_millis(10));
    assert_eq!(toy.story(), "start a, start b, start c");
}

#[test]
fn under_rest_for_one_it_is_tried_again_from_the_one_that_failed() {
    let mut toy = abc(Strategy::RestForOne);
    toy.fail = vec!["b"];
    toy.end("a", Mark::Failed);
    assert_eq!(toy.story(), "stop c, stop b, start a, start b");
    assert_eq!(toy.children(ChildState::Restarting), ["b", "c"]);
    toy.fail.clear();
    toy.wait();
    assert_eq!(toy.story(), "start b, start c");
}

#[test]
fn each_attempt_counts_once_and_the_one_too_many_ends_the_group() {
    let limit = Limit::new(2, Duration::from_secs(5));
    let settings = OrderedSettings {
        limit,
        ..settings(Strategy::OneForAll)
    };
    let children = ["a", "b"].map(|role| (role, permanent()));
    let mut toy = Toy::new(settings, &children);
    toy.begin();
    toy.fail = vec!["b"];
    toy.story();
    toy.end("b", Mark::Failed);
    assert_eq!(toy.story(), "stop a, start a, start b, stop a");
    toy.wait();
    assert_eq!(
        toy.story(),
        "start a, start b, stop a, Escalated: 1 stopped, 1 failed, 0 killed, 0 stuck, 0 down"
    );
}

#[test]
fn significant_children_end_the_group() {
    let significant = Policy {
        significance: Significance::Significant,
        restart: Restart::Transient,
        ..policy()
    };
    let children = [("a", permanent()), ("b", significant), ("c", significant)];
    let group = |auto_shutdown| {
        let settings = OrderedSettings {
            auto_shutdown,
            ..OrderedSettings::default()
        };
        let mut toy = Toy::new(settings, &children);
        toy.begin();
        toy.story();
        toy
    };
    let mut toy = group(AutoShutdown::AnySignificant);
    toy.end("c", Mark::Failed);
    assert_eq!(toy.story(), "start c", "one that comes back ends nothing");
    toy.end("b", Mark::Orderly);
    assert_eq!(
        toy.story(),
        "stop c, stop a, AutoShutdown: 3 stopped, 0 failed, 0 killed, 0 stuck, 0 down"
    );
    let mut toy = group(AutoShutdown::AllSignificant);
    toy.end("b", Mark::Orderly);
    assert_eq!(toy.story(), "");
    toy.end("c", Mark::Orderly);
    assert_eq!(
        toy.story(),
        "stop a, AutoShutdown: 2 stopped, 0 failed, 0 killed, 0 stuck, 1 down"
    );
    let mut toy = group(AutoShutdown::AnySignificant);
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(1) });
    assert_eq!(toy.story(), "stop b, 1: Ended(Shutdown)");
}

/// OTP: a supervisor reads the exit after its `init`, and knows the child until then.
#[test]
fn a_significant_child_that_is_forgotten_while_the_group_begins_ends_it_afterwards() {
    let significant = Policy {
        significance: Significance::Significant,
        restart: Restart::Temporary,
        ..policy()
    };
    let settings = OrderedSettings {
        auto_shutdown: AutoShutdown::AnySignificant,
        ..OrderedSettings::default()
    };
    let mut toy = Toy::new(settings, &[("a", significant), ("b", permanent())]);
    toy.hang = vec!["b"];
    toy.begin();
    toy.end("a", Mark::Orderly);
    assert_eq!(toy.story(), "start a, start b");
    let life = toy.life("b");
    let (key, recall) = (life.0.key, Recall::InTime);
    life.0.actor.set(Some(key.launch.0));
    toy.feed(Input::Started { key, recall });
    assert_eq!(
        toy.story(),
        "0: Begun, stop b, AutoShutdown: 1 stopped, 0 failed, 0 killed, 0 stuck, 0 down"
    );
}

#[test]
fn the_life_of_a_child_as_its_callers_see_it() {
    let mut toy = abc(Strategy::OneForOne);
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(1) });
    toy.ask("b", ChildRequest::Delete { ticket: Waiter(2) });
    assert!(toy.story().starts_with("1: Running("));
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(3) });
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(4) });
    assert_eq!(
        toy.story(),
        "stop b, 3: Ended(Shutdown), 4: Ended(NotRunning)"
    );
    let (request, spec) = (
        |spec| ChildRequest::Start {
            spec,
            ticket: Waiter(5),
        },
        spec(permanent()),
    );
    toy.ask("b", request(spec.clone()));
    assert_eq!(toy.story(), "5: Present");
    toy.fail = vec!["b"];
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(6) });
    assert_eq!(toy.children(ChildState::NotRunning), ["b"]);
    toy.fail.clear();
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(7) });
    assert_eq!(toy.story(), "start b, start b");
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(8) });
    toy.ask("b", ChildRequest::Delete { ticket: Waiter(9) });
    toy.ask("b", ChildRequest::Delete { ticket: Waiter(10) });
    assert_eq!(
        toy.story(),
        "stop b, 8: Ended(Shutdown), 9: Deleted, 10: NotFound"
    );
    toy.ask("b", request(spec));
    let order: Vec<_> = toy
        .group
        .children()
        .map(|info| info.role.to_string())
        .collect();
    assert_eq!(order, ["a", "c", "b"], "a child that is added comes last");
}

#[test]
fn a_set_waits_for_its_stuck_child() {
    let mut toy = abc(Strategy::OneForAll);
    (toy.unresponsive, toy.stuck) = (vec!["b"], vec!["b"]);
    toy.end("c", Mark::Failed);
    toy.wait();
    assert_eq!(toy.story(), "stop b, kill b");
    toy.wait();
    assert_eq!(toy.story(), "stop a");
    assert_eq!(toy.children(ChildState::Stuck), ["b"]);
    toy.end("b", Mark::Missing);
    assert_eq!(toy.story(), "start a, start b, start c");
}

/// A supervisor that has ended while stuck children of its own are left: its role is taken until
/// these end, and in a stop it is waited for no more.
#[test]
fn a_supervisor_that_is_outlived_by_stuck_children_is_stuck() {
    let never = Policy {
        shutdown: Shutdown::Infinity,
        ..permanent()
    };
    let children = ["a", "b"].map(|role| (role, never));
    for stopped in [false, true] {
        let mut toy = Toy::new(OrderedSettings::default(), &children);
        toy.begin();
        (toy.unresponsive, toy.stuck) = (vec!["b"], vec!["b"]);
        toy.story();
        let life = toy.life("b");
        let key = life.0.key;
        if stopped {
            stop(&mut toy, None);
        } else {
            toy.ask("b", ChildRequest::Stop { ticket: Waiter(1) });
        }
        assert_eq!(toy.story(), "stop b");
        life.0.mark.set(Mark::Orderly);
        toy.feed(Input::Ended { key });
        assert_eq!(toy.story(), "", "something of it is left");
        toy.feed(Input::Outlived { key });
        if stopped {
            assert_eq!(
                toy.story(),
                "stop a, Requested: 2 stopped, 0 failed, 0 killed, 0 stuck, 0 down"
            );
            continue;
        }
        assert_eq!(toy.story(), "1: Stuck");
        assert_eq!(toy.children(ChildState::Stuck), ["b"]);
        toy.feed(Input::Released { key });
        assert_eq!(toy.children(ChildState::NotRunning), ["b"]);
        toy.ask("b", ChildRequest::Restart { ticket: Waiter(2) });
        assert_eq!(toy.story(), "start b");
    }
}

/// OTP: rows 41 and 54 of the conformance list.
#[test]
fn a_supervisor_that_gave_up_comes_back_if_it_is_permanent() {
    let transient = Policy {
        kind: ChildKind::Supervisor,
        ..policy()
    };
    let children = [("a", permanent()), ("b", transient)];
    let mut toy = Toy::new(OrderedSettings::default(), &children);
    toy.begin();
    toy.story();
    toy.end("a", Mark::GaveUp);
    toy.end("b", Mark::GaveUp);
    assert_eq!(toy.story(), "start a");
    assert_eq!(toy.children(ChildState::NotRunning), ["b"]);
    let counts = toy.group.counts();
    assert_eq!((counts.workers, counts.supervisors), (1, 1));
}

#[test]
fn a_session_that_gave_up_has_failed() {
    let mut engine = Engine::<SimDomain>::new(Settings {
        max_sessions: 1,
        ..Settings::default()
    });
    let (spec, ticket) = (spec(policy()), Waiter(1));
    let request = Request::Start { spec, ticket };
    let id: std::sync::Arc<str> = "s".into();
    let now = Moment::START;
    engine.handle(
        now,
        Input::Asked {
            id: id.clone(),
            request,
        },
    );
    let mut life: Option<SimLife> = None;
    while let Some(effect) = engine.poll_effect() {
        if let Effect::Launch { life: new, .. } = effect {
            life = Some(new);
        }
    }
    let life = life.expect("a launch");
    life.0.actor.set(Some(7));
    let (key, recall) = (life.0.key, Recall::InTime);
    engine.handle(now, Input::Started { key, recall });
    while engine.poll_effect().is_some() {}
    life.0.mark.set(Mark::GaveUp);
    let (id, actor, seen) = (Some(id), 7, Seen::Terminated(None));
    engine.handle(now, Input::Exited { id, actor, seen });
    let mut notes = Vec::new();
    while let Some(effect) = engine.poll_effect() {
        if let Effect::Note { kind, .. } = effect {
            notes.push(kind);
        }
    }
    let [
        EventKind::Exited {
            cause, decision, ..
        },
    ] = &notes[..]
    else {
        panic!("{notes:?}");
    };
    assert!(matches!(decision, Decision::Restart { .. }), "{decision:?}");
    assert_eq!(cause.to_string(), "failed: restart limit reached");
}

#[test]
fn the_report_is_the_trees() {
    let mut toy = abc(Strategy::OneForOne);
    let mut below = ShutdownReport::default();
    (below.stopped, below.stuck) = (5, 1);
    toy.life("b").0.report.set(Some(below));
    stop(&mut toy, None);
    assert_eq!(
        toy.story(),
        "stop c, stop b, stop a, Requested: 8 stopped, 0 failed, 0 killed, 1 stuck, 0 down"
    );
}

#[test]
fn a_start_that_takes_too_long_fails_the_beginning() {
    let children = ["a", "b"].map(|role| (role, permanent()));
    let mut toy = Toy::new(OrderedSettings::default(), &children);
    toy.hang = vec!["b"];
    toy.begin();
    let timeout = Moment::START.after(policy().start_timeout);
    assert_eq!(toy.group.poll_timeout(), Some(timeout));
    toy.wait();
    assert_eq!(
        toy.story(),
        "start a, start b, cancel b, stop a, \
         0: ChildFailed { role: \"b\", failure: TimedOut(30s) }, \
         FailedStart: 1 stopped, 0 failed, 0 killed, 0 stuck, 1 down"
    );
}
