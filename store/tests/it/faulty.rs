//! A store that fails, blocks or panics.

