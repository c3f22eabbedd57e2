//! The events that a subscriber of tracing sees.
