//! A random history: what happens is chosen by the seed, and in the end everything is driven to
//! rest.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{Failure, Input, Moment, Recall, Seen};

use crate::drops::cause;
use crate::frame::History;
use crate::rules::ms;
use crate::sessions::lists::OpenList;
use crate::sessions::model::IDS;
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;
use crate::world::{Event, Mood};

/// What is played beside the plain history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plays {
    Plain,
    /// There are callers that change nothing.
    Watched,
    /// The supervisor is drained.
    Drained,
}

/// A history from its first request to the end of the supervisor.
pub(crate) fn run(sim: &mut Sim) {
    let steps = sim.world.rng.steps(30, 50);
    for _ in 0..steps {
        sim.world.rng.next_part();
        step(sim);
    }
    sim.world.rng.next_part();
    if sim.world.rng.chance(5) {
        return take_apart(sim);
    }
    if !sim.world.over && sim.world.rng.chance(40) {
        sim.until_idle(Mood::Calm);
        let waiting = sim.tickets.waiting(|caller| caller.kind != Kind::AwaitGone);
        assert_eq!(waiting, None, "a request waits although nothing moves");
    }
    if sim.model.serving {
        let within = sim
            .world
            .rng
            .pick(&[None, None, Some(ms(0)), Some(ms(2_000))]);
        sim.stop_supervisor(within);
    }
    sim.until_idle(Mood::Orderly);
    sim.until_idle(Mood::Calm);
    assert!(sim.world.finished && sim.engine.ended(), "it does not end");
    let waiting = sim.tickets.waiting(|_| true);
    assert_eq!(waiting, None, "a caller is never answered");
    if let Some(list) = sim.list.take() {
        sim.engine.close_list(list.cursor);
    }
    assert_eq!(sim.engine.entries(), 0, "something is left in the table");
    assert_eq!(sim.engine.poll_timeout(), None, "a timer is left");
}

fn step(sim: &mut Sim) {
    match sim.plays {
        Plays::Watched if sim.world.rng.chance(25) => {
            let id = sim.world.rng.below(IDS);
            let kind = sim.world.rng.pick(&[Kind::AwaitRunning, Kind::AwaitGone]);
            return sim.watch(id, kind);
        }
        Plays::Drained if sim.world.rng.chance(20) => return sim.play_a_drain(),
        Plays::Plain | Plays::Watched | Plays::Drained => {}
    }
    if sim.is_limited() && sim.world.rng.chance(25) {
        return sim.ask_for_admission();
    }
    match sim.world.rng.below(100) {
        0..=9 => {
            let id = sim.world.rng.below(IDS);
            let kind = sim.world.rng.pick(&[Kind::Start, Kind::Ensure]);
            sim.start(id, kind);
        }
        10..=13 => {
            let id = sim.world.rng.below(IDS);
            sim.stop(id);
        }
        14..=18 => {
            let id = sim.world.rng.below(IDS);
            sim.restart(id);
        }
        19..=66 => sim.act(Mood::Wild),
        67..=83 => sim.advance(),
        84 => sim.go_away(),
        85..=89 => sim.timeout(),
        90..=92 => stale(sim),
        93..=97 => list(sim),
        98 => sim.end(),
        _ => sim.late_event(),
    }
}

/// The moment at which a counted start or restart is exactly as old as a window, or nearly so.
pub(crate) fn edge(sim: &mut Sim) -> Option<Moment> {
    if let Some(edge) = sim.edge_of_rate() {
        return Some(edge);
    }
    let entries = sim.model.entries.iter().flatten();
    let own = entries.filter_map(|entry| entry.log.0.last());
    let moments: Vec<_> = own.chain(sim.model.total.0.first()).copied().collect();
    if moments.is_empty() {
        return None;
    }
    let at = sim.world.rng.pick(&moments);
    let window = ms(sim.world.rng.pick(&[20, 100, 1_000, 5_000]));
    Some(at.after(window + Duration::from_nanos(u64::from(sim.world.rng.chance(30)))))
}

/// An input that means nothing any more must change nothing.
fn stale(sim: &mut Sim) {
    let seen = || Seen::Failed(cause("stale"));
    let gone: Vec<_> = (0..sim.world.runs.len())
        .filter(|&i| sim.world.runs[i].gone())
        .collect();
    let id = Arc::clone(&sim.ids[sim.world.rng.below(IDS)]);
    let input = if gone.is_empty() || sim.world.rng.chance(20) {
        let unknown: [Arc<str>; 2] = [id, Arc::from("stranger")];
        let id = Arc::clone(&unknown[sim.world.rng.below(2)]);
        Input::Exited {
            id: sim.world.rng.chance(80).then_some(id),
            actor: u64::MAX,
            seen: seen(),
        }
    } else if sim.world.rng.chance(20) {
        let known = |i: &usize| {
            let run = &sim.world.runs[*i];
            run.reported && !run.gone() && !run.lost()
        };
        let Some(index) = (0..sim.world.runs.len()).rev().find(known) else {
            return;
        };
        let run = &sim.world.runs[index];
        let (key, recall) = (run.life.0.key, run.recall);
        match (&run.event, run.joined) {
            (_, true) if sim.world.rng.chance(50) => Input::Joined { key },
            (Event::Handled, _) if sim.world.rng.chance(70) => Input::Exited {
                id: Some(Arc::clone(&sim.ids[run.id])),
                actor: run.life.0.actor.get().unwrap(),
                seen: seen(),
            },
            _ => Input::Started { key, recall },
        }
    } else {
        let key = sim.world.runs[sim.world.rng.pick(&gone)].life.0.key;
        // The sweep may not yet have seen that a lost one is gone.
        if sim.world.over {
            return;
        }
        match sim.world.rng.below(9) {
            8 => Input::PostStop { key },
            7 => Input::StartOutlived {
                key,
                failure: Failure::Failed(cause("stale")),
            },
            6 => Input::Outlived { key },
            5 => Input::Ended { key },
            0 => Input::Started {
                key,
                recall: Recall::InTime,
            },
            1 => Input::Started {
                key,
                recall: Recall::TooLate,
            },
            2 => Input::StartFailed {
                key,
                failure: Failure::Failed(cause("stale")),
            },
            3 => Input::Joined { key },
            _ => Input::Released { key },
        }
    };
    sim.feed_stale(input);
}

fn list(sim: &mut Sim) {
    let Some(mut list) = sim.list.take() else {
        let cursor = sim.engine.open_list();
        sim.list = Some(OpenList::new(cursor, sim.visible()));
        return;
    };
    for _ in 0..=sim.world.rng.below(3) {
        match sim.engine.next_in_list(&list.cursor) {
            None => {
                sim.engine.close_list(list.end());
                return;
            }
            Some(None) => {}
            Some(Some(info)) => {
                let id = sim.ids.iter().position(|id| id == info.id).unwrap();
                list.see(sim.model.entries[id].as_ref().unwrap().life);
            }
        }
    }
    sim.list = Some(list);
}

/// The engine is taken apart in the middle of everything: it hands out each ticket that no launch
/// has.
fn take_apart(sim: &mut Sim) {
    sim.follower = None;
    for ticket in sim.take_apart() {
        sim.tickets.answer(ticket);
    }
    let mut callers = sim.tickets.0.iter();
    let kept = callers.position(|caller| !caller.answered && !caller.launched);
    assert_eq!(kept, None, "a ticket is dropped");
    sim.check_stats_apart();
}
