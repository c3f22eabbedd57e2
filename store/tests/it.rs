//! The whole crate on a tokio runtime, with a store in memory or in a file.

mod it {
    mod application;
    mod bound;
    mod claims;
    mod closing;
    mod crowded;
    mod ends;
    mod faulty;
    mod files;
    mod kinds;
    mod lives;
    mod places;
    mod races;
    mod reads;
    mod rest;
    mod sharing;
    mod support;
}
