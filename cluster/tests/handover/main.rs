//! What a node does about its shards, input by input.

mod claims;
mod lapse;
mod moves;
mod node;
