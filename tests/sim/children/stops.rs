//! Scenes of stops: in order, together, and under a deadline.

use std::time::Duration;

use session_supervisor::engine::{
    ChildRequest, ChildState, FirstStart, Mark, OrderedSettings, Policy, Restart, Shutdown,
    StopOrder, Strategy,
};

use crate::children::scenes::{abc, permanent, settings, stop};
use crate::children::toy::{Toy, policy, spec};
use crate::domain::Waiter;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn children_are_stopped_from_the_last_to_the_first_and_one_that_does_not_is_killed() {
    let mut toy = abc(Strategy::OneForOne);
    toy.unresponsive = vec!["b"];
    stop(&mut toy, None);
    assert_eq!(toy.story(), "stop c, stop b");
    toy.wait();
    assert_eq!(
        toy.story(),
        "kill b, stop a, Requested: 2 stopped, 0 failed, 1 killed, 0 stuck, 0 down"
    );
}

#[test]
fn one_that_survives_its_kill_does_not_hold_up_the_next() {
    let mut toy = abc(Strategy::OneForOne);
    (toy.unresponsive, toy.stuck) = (vec!["c"], vec!["c"]);
    stop(&mut toy, None);
    toy.wait();
    assert_eq!(toy.story(), "stop c, kill c");
    toy.wait();
    assert_eq!(
        toy.story(),
        "stop b, stop a, Requested: 2 stopped, 0 failed, 0 killed, 1 stuck, 0 down"
    );
}

#[test]
fn a_deadline_kills_all_that_is_left_at_once() {
    let mut toy = abc(Strategy::OneForOne);
    toy.unresponsive = vec!["c"];
    toy.unresponsive = vec!["a", "b", "c"];
    stop(&mut toy, Some(Duration::from_millis(60)));
    assert_eq!(toy.story(), "stop c");
    // Each is asked in time (D12).
    for (at, story) in [(20, "stop b"), (40, "stop a")] {
        toy.wait();
        assert_eq!(toy.now.since_start(), Duration::from_millis(at));
        assert_eq!(toy.story(), story);
    }
    toy.wait();
    assert_eq!(
        toy.story(),
        "kill c, kill b, kill a, Requested: 0 stopped, 0 failed, 3 killed, 0 stuck, 0 down"
    );
}

#[test]
fn what_is_killed_by_rule_takes_no_share_and_delays_no_other() {
    let brutal = Policy {
        shutdown: Shutdown::BrutalKill,
        ..permanent()
    };
    let children = [
        ("a", permanent()),
        ("b", brutal),
        ("c", brutal),
        ("d", permanent()),
    ];
    let mut toy = Toy::new(OrderedSettings::default(), &children);
    toy.begin();
    toy.unresponsive = vec!["a", "d"];
    toy.story();
    stop(&mut toy, Some(ms(60)));
    assert_eq!(toy.story(), "stop d");
    toy.wait();
    assert_eq!(toy.now.since_start(), ms(30));
    assert_eq!(toy.story(), "kill c, kill b, stop a");
}

#[test]
fn a_deadline_that_comes_later_and_is_shorter_asks_late_children_at_once() {
    let mut toy = abc(Strategy::OneForAll);
    toy.unresponsive = vec!["a", "b", "c"];
    stop(&mut toy, Some(ms(90)));
    assert_eq!(toy.story(), "stop c");
    toy.now = toy.now.after(ms(25));
    stop(&mut toy, Some(ms(20)));
    assert_eq!(toy.story(), "stop b", "a third of 45 ms is over");
    toy.wait();
    assert_eq!(toy.now.since_start(), ms(35));
    assert_eq!(toy.story(), "stop a");
    toy.wait();
    assert_eq!(toy.now.since_start(), ms(45));
    assert_eq!(
        toy.story(),
        "kill c, kill b, kill a, Requested: 0 stopped, 0 failed, 3 killed, 0 stuck, 0 down"
    );
}

#[test]
fn those_who_stop_together_are_asked_at_once() {
    let settings = OrderedSettings {
        stop_order: StopOrder::Together,
        ..settings(Strategy::OneForAll)
    };
    let children = ["a", "b", "c"].map(|role| (role, permanent()));
    let mut toy = Toy::new(settings, &children);
    toy.begin();
    toy.unresponsive = vec!["b"];
    toy.story();
    toy.end("c", Mark::Failed);
    assert_eq!(toy.story(), "stop b", "a set goes down in order");
    stop(&mut toy, None);
    assert_eq!(toy.story(), "stop a");
    toy.wait();
    assert_eq!(
        toy.story(),
        "kill b, Requested: 1 stopped, 0 failed, 1 killed, 0 stuck, 1 down"
    );
}

#[test]
fn a_child_on_demand_is_started_by_a_caller_alone() {
    let temporary = Policy {
        restart: Restart::Temporary,
        ..policy()
    };
    let children = vec![
        ("a".into(), spec(permanent()), FirstStart::WithGroup),
        ("b".into(), spec(permanent()), FirstStart::OnDemand),
        ("t".into(), spec(temporary), FirstStart::OnDemand),
    ];
    let mut toy = Toy::of(settings(Strategy::OneForAll), children);
    toy.begin();
    assert_eq!(toy.story(), "start a, 0: Begun");
    toy.end("a", Mark::Failed);
    assert_eq!(toy.story(), "start a");
    assert_eq!(toy.children(ChildState::NotRunning), ["b", "t"]);
    toy.fail = vec!["b"];
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(1) });
    toy.end("a", Mark::Failed);
    assert_eq!(toy.story(), "start b, start a", "it has never run");
    toy.fail.clear();
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(2) });
    toy.ask("t", ChildRequest::Restart { ticket: Waiter(3) });
    toy.end("a", Mark::Failed);
    assert_eq!(
        toy.story(),
        "start b, start t, stop t, stop b, start a, start b"
    );
    assert_eq!(toy.children(ChildState::NotRunning), ["t"]);
    assert_eq!(toy.group.counts().specs, 3);
}

/// D3: what waits for its turn has a caller.
#[test]
fn a_request_whose_caller_has_gone_is_dropped_when_its_turn_comes() {
    Waiter::all_are_there();
    let mut toy = abc(Strategy::OneForOne);
    toy.unresponsive = vec!["b"];
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(1) });
    for ticket in [2, 3] {
        toy.ask(
            "b",
            ChildRequest::Restart {
                ticket: Waiter(ticket),
            },
        );
        Waiter::goes(ticket);
    }
    toy.ask("b", ChildRequest::Delete { ticket: Waiter(4) });
    // One that is carried out as it comes is wanted.
    Waiter::goes(5);
    toy.ask("c", ChildRequest::Stop { ticket: Waiter(5) });
    toy.ask("c", ChildRequest::Restart { ticket: Waiter(5) });
    assert_eq!(toy.story(), "stop b, stop c, 5: Ended(Shutdown), start c");
    toy.wait();
    assert_eq!(toy.story(), "kill b, 1: Ended(Killed), 4: Deleted");
}
