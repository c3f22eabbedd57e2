//! What a node does about its shards, input by input.

mod claims;
mod draining;
mod lapse;
mod moves;
mod node;
mod picture;
