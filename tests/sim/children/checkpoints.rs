//! Single rules of what the children of a static supervisor save for their next incarnations (D29).

use session_supervisor::engine::{
    ChildRequest, FirstStart, Limit, Mark, OrderedSettings, Policy, Restart, Strategy,
};

use crate::children::scenes::{abc, permanent, settings, stop};
use crate::children::toy::{Toy, policy, spec};
use crate::domain::Waiter;
use crate::rules::ms;

fn save(toy: &Toy, role: &str, value: u64) {
    let slot = toy.life(role).checkpoint().expect("it runs");
    slot.save(value);
}

/// What the last launch of this role finds.
fn found(toy: &Toy, role: &str) -> Option<u64> {
    toy.life(role).slot()?.saved()
}

/// A group of three that have saved.
fn saved(strategy: Strategy) -> Toy {
    let toy = abc(strategy);
    for (role, value) in [("a", 1), ("b", 2), ("c", 3)] {
        save(&toy, role, value);
    }
    toy
}

#[test]
fn each_child_finds_its_own_whichever_are_restarted_with_it() {
    for (strategy, story) in [
        (Strategy::OneForOne, "start b"),
        (Strategy::RestForOne, "stop c, start b, start c"),
        (
            Strategy::OneForAll,
            "stop c, stop a, start a, start b, start c",
        ),
    ] {
        let mut toy = saved(strategy);
        toy.end("b", Mark::Failed);
        assert_eq!(toy.story(), story);
        let all = ["a", "b", "c"].map(|role| found(&toy, role));
        assert_eq!(all, [Some(1), Some(2), Some(3)], "{strategy:?}");
    }
}

#[test]
fn a_child_that_is_terminated_keeps_it_until_it_is_deleted() {
    let mut toy = saved(Strategy::OneForOne);
    let (first, second) = (Waiter(1), Waiter(2));
    toy.ask("b", ChildRequest::Stop { ticket: first });
    toy.ask("b", ChildRequest::Restart { ticket: second });
    assert_eq!(found(&toy, "b"), Some(2));
    toy.ask("b", ChildRequest::Stop { ticket: Waiter(3) });
    toy.story();
    toy.ask("b", ChildRequest::Delete { ticket: Waiter(4) });
    assert_eq!(toy.story(), "give up Some(2), 4: Deleted");
    let (spec, ticket) = (spec(permanent()), Waiter(5));
    toy.ask("b", ChildRequest::Start { spec, ticket });
    assert_eq!(found(&toy, "b"), None);
}

/// It begins anew with each start.
#[test]
fn a_temporary_child_loses_it_when_it_ends() {
    let temporary = || Policy {
        restart: Restart::Temporary,
        ..policy()
    };
    let children = [("a", FirstStart::WithGroup), ("b", FirstStart::OnDemand)];
    let children = children.map(|(role, first)| (role.into(), spec(temporary()), first));
    let mut toy = Toy::of(OrderedSettings::default(), children.into());
    toy.begin();
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(1) });
    save(&toy, "a", 1);
    save(&toy, "b", 2);
    toy.story();
    toy.end("a", Mark::Failed);
    assert_eq!(toy.story(), "give up Some(1)");
    toy.end("b", Mark::Orderly);
    assert_eq!(toy.story(), "give up Some(2)");
    toy.ask("b", ChildRequest::Restart { ticket: Waiter(2) });
    assert_eq!(found(&toy, "b"), None);
}

/// They are known until the supervisor itself is over.
#[test]
fn what_is_left_of_a_group_is_handed_out_when_it_is_taken_apart() {
    let mut toy = saved(Strategy::OneForOne);
    stop(&mut toy, Some(ms(100)));
    assert!(toy.group.ended());
    assert_eq!(toy.taken_apart(), [Some(1), Some(2), Some(3)]);
    // One that used up its limit.
    let limited = OrderedSettings {
        limit: Limit::new(0, ms(1_000)),
        ..settings(Strategy::OneForOne)
    };
    let mut toy = Toy::new(limited, &[("a", permanent())]);
    toy.begin();
    save(&toy, "a", 7);
    toy.end("a", Mark::Failed);
    assert!(toy.group.ended());
    assert_eq!(toy.taken_apart(), [Some(7)]);
}
