//! Sessions and strangers that misuse ractor: unlink, re-link, squat on names, panic in drops.
