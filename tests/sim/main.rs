//! Simulation of both engines: random histories of a supervisor, its sessions or children and its
//! callers, each held against a model after every step. Without ractor, tokio or a clock; the shell
//! is tested by `tests/it`.
//!
//! Both engines live in one frame: how an engine is driven (`frame`), how histories are played and
//! recorded (`play`, `record`, `oracle`) and made shorter when they fail (`shrink`), what is more in
//! some of them (`variant`), the world in which launches and their actors act (`world`), the values
//! that the engines pass on (`domain`, `drops`, `checkpoints`), what callers are told (`told`), how the
//! log tells of crashes (`summed`), rules and limits.
//! The models, the requests and the verdicts are each engine's own: `sessions` has those of the
//! session supervisor, `children` those of the static one.
//!
//! `SIM_HISTORIES=n` runs more histories, `SIM_SEED=n` repeats one and prints it. Of one that fails,
//! the shortest is printed too that fails in the same way.

mod checkpoints;
mod children;
mod domain;
mod drops;
mod events;
mod frame;
mod limits;
mod oracle;
mod play;
mod record;
mod recorded;
mod rng;
mod rules;
mod sessions;
mod shrink;
mod summed;
mod told;
mod variant;
mod world;
