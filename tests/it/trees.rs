//! Static supervisors and sessions that are trees.

mod basics;
mod context;
mod cut_off;
mod deadlines;
mod drops;
mod endings;
mod hammer;
mod handles;
mod input;
mod mass;
mod on_demand;
mod order;
mod races;
mod random;
mod roots;
pub(crate) mod scenery;
mod strangers;
mod strategies;
mod stuck;
mod traces;
