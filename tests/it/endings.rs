//! What becomes of every session, name and waiting caller, however the supervisor ends.
