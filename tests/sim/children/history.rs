//! A random history: what happens is chosen by the seed, and in the end everything is driven to
//! rest.

use std::time::Duration;

use session_supervisor::engine::{Failure, Input, Moment, Recall, Seen};

use crate::children::sim::{NAMES, Sim};
use crate::children::tickets::Kind;
use crate::drops::cause;
use crate::frame::History;
use crate::rules::ms;
use crate::world::{Event, Mood};

/// A history from the beginning to the end of the group.
pub(crate) fn run(sim: &mut Sim) {
    if sim.world.rng.chance(95) {
        sim.begin();
    }
    if sim.world.rng.chance(60) {
        sim.until_idle(Mood::Orderly);
    }
    let steps = sim.world.rng.steps(30, 50);
    for _ in 0..steps {
        sim.world.rng.next_part();
        step(sim);
    }
    sim.world.rng.next_part();
    if sim.world.rng.chance(5) {
        return take_apart(sim);
    }
    if sim.model.mode == crate::children::model::Mode::New {
        sim.begin();
    }
    if !sim.world.over && sim.world.rng.chance(40) {
        sim.until_idle(Mood::Calm);
        let waiting = sim.tickets.0.iter().position(|caller| !caller.answered);
        assert_eq!(waiting, None, "a request waits although nothing moves");
    }
    if !sim.model.stopping() {
        let within = sim
            .world
            .rng
            .pick(&[None, None, Some(ms(0)), Some(ms(2_000))]);
        sim.stop_supervisor(within);
    }
    sim.until_idle(Mood::Orderly);
    sim.until_idle(Mood::Calm);
    assert!(sim.world.finished && sim.engine.ended(), "it does not end");
    let waiting = sim.tickets.0.iter().position(|caller| !caller.answered);
    assert_eq!(waiting, None, "a caller is never answered");
    assert_eq!(sim.engine.poll_timeout(), None, "a timer is left");
    let left = sim.engine.children().find(|info| info.life.is_some());
    assert!(left.is_none(), "something is left of {left:?}");
}

fn step(sim: &mut Sim) {
    let role = sim.world.rng.below(NAMES.len());
    match sim.world.rng.below(100) {
        0..=4 => sim.ask(Kind::Start, role),
        5..=9 => sim.ask(Kind::Stop, role),
        10..=14 => sim.ask(Kind::Restart, role),
        15..=17 => sim.ask(Kind::Delete, role),
        18..=69 => sim.act(Mood::Wild),
        70..=86 => sim.advance(),
        87..=91 => sim.timeout(),
        92..=94 => stale(sim),
        95 if sim.world.rng.chance(20) => sim.begin(),
        96 => sim.end(),
        97 => leave(sim),
        _ => sim.late_event(),
    }
}

/// Some of those who wait go away.
fn leave(sim: &mut Sim) {
    for ticket in 0..sim.tickets.0.len() {
        let caller = &sim.tickets.0[ticket];
        if !caller.answered && !caller.gone && sim.world.rng.chance(50) {
            sim.tell(|| format!("  caller {ticket} goes away"));
            sim.tickets.go(ticket);
        }
    }
}

/// The moment at which a counted restart is exactly as old as the window, or just older.
pub(crate) fn edge(sim: &mut Sim) -> Option<Moment> {
    let window = sim.model.settings.limit?.window();
    let at = *sim.model.log.0.first()?;
    let later = Duration::from_nanos(u64::from(sim.world.rng.chance(30)));
    Some(at.after(window + later))
}

/// An input that means nothing any more must change nothing.
fn stale(sim: &mut Sim) {
    // What is due would be made by any input.
    sim.timeout();
    let gone: Vec<_> = (0..sim.world.runs.len())
        .filter(|&i| sim.world.runs[i].gone())
        .collect();
    let seen = Seen::Failed(cause("stale"));
    let known = |i: &usize| sim.world.runs[*i].reported && !sim.world.runs[*i].gone();
    let known = (0..sim.world.runs.len()).rev().find(known);
    let input = match (known, gone.is_empty()) {
        (Some(index), _) if sim.world.rng.chance(30) => {
            let run = &sim.world.runs[index];
            let (key, recall) = (run.life.0.key, run.recall);
            match (&run.event, run.joined) {
                (_, true) if sim.world.rng.chance(50) => Input::Joined { key },
                (Event::Handled, _) if sim.world.rng.chance(70) => Input::Exited {
                    id: None,
                    actor: run.life.0.actor.get().unwrap(),
                    // A text might be what its exit still lacks.
                    seen: Seen::Terminated(None),
                },
                _ => Input::Started { key, recall },
            }
        }
        (_, false) if sim.world.rng.chance(80) => {
            let key = sim.world.runs[sim.world.rng.pick(&gone)].life.0.key;
            let recall = sim.world.rng.pick(&[Recall::InTime, Recall::TooLate]);
            match sim.world.rng.below(7) {
                6 => Input::StartOutlived {
                    key,
                    failure: Failure::Failed(cause("stale")),
                },
                5 => Input::Outlived { key },
                4 => Input::Ended { key },
                0 => Input::Started { key, recall },
                1 => Input::StartFailed {
                    key,
                    failure: Failure::Failed(cause("stale")),
                },
                2 => Input::Joined { key },
                _ => Input::Released { key },
            }
        }
        _ => Input::Exited {
            id: None,
            actor: u64::MAX,
            seen,
        },
    };
    sim.feed_stale(input);
}

/// The engine is taken apart in the middle of everything: it hands out each ticket that no launch
/// has.
fn take_apart(sim: &mut Sim) {
    for ticket in sim.take_apart() {
        sim.tickets.answer(ticket);
    }
    let mut callers = sim.tickets.0.iter();
    let kept = callers.position(|caller| !caller.answered && !caller.launched);
    assert_eq!(kept, None, "a ticket is dropped");
}
