//! The truth table.
