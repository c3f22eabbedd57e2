//! The conformance table: every behaviour of OTP's dynamic supervisor that holds here, by its row.
//!
//! A row is a test whose name begins with `row_NNN_`, or a line in a file's `NOT_HERE` with the
//! reason why it has none.

mod application;
mod counts;
mod drops;
mod ends;
mod failed_starts;
mod foreign_ends;
mod kill_bound;
mod layer;
mod limits;
mod max_sessions;
mod names;
mod options;
mod own_limits;
mod own_ways;
mod queue;
mod restarts;
mod shutdown;
mod start;
mod start_promises;
mod stop_callers;
mod stop_mass;
mod stop_once;
mod stop_session;
mod stop_supervisor;
mod trees_children;
mod trees_sessions;
mod trees_static;
pub(crate) mod ways;

/// The rows that hold now.
const ROWS: &[u16] = &[
    1, 3, 4, 6, 8, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 37, 38, 39, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 56, 57, 58, 59,
    60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 85,
    86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 97, 99, 100, 101, 102, 103, 104, 105, 106, 107, 109,
    110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 123, 124, 125, 126, 127, 129, 133,
    134, 148, 149, 150, 151, 152, 154, 155, 156, 157, 158, 160, 161, 162, 167, 169, 170, 171, 172,
    175, 190, 191, 192, 193, 194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 206, 207,
    208, 209, 210, 211, 212, 213, 214, 215, 216, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226,
    227, 228, 229, 230, 231, // The application.
    159, 163, 164, 165, 173, 174, // Trees.
    9, 10, 11, 41, 54, 98, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189,
];

/// A file of rows: its text, and what it leaves out with the reason.
const FILES: &[(&str, &[(u16, &str)])] = &[
    (include_str!("rows/application.rs"), application::NOT_HERE),
    (include_str!("rows/counts.rs"), counts::NOT_HERE),
    (include_str!("rows/drops.rs"), drops::NOT_HERE),
    (include_str!("rows/ends.rs"), ends::NOT_HERE),
    (
        include_str!("rows/failed_starts.rs"),
        failed_starts::NOT_HERE,
    ),
    (include_str!("rows/foreign_ends.rs"), foreign_ends::NOT_HERE),
    (include_str!("rows/kill_bound.rs"), kill_bound::NOT_HERE),
    (include_str!("rows/layer.rs"), layer::NOT_HERE),
    (include_str!("rows/limits.rs"), limits::NOT_HERE),
    (include_str!("rows/max_sessions.rs"), max_sessions::NOT_HERE),
    (include_str!("rows/names.rs"), names::NOT_HERE),
    (include_str!("rows/options.rs"), options::NOT_HERE),
    (include_str!("rows/own_limits.rs"), own_limits::NOT_HERE),
    (include_str!("rows/own_ways.rs"), own_ways::NOT_HERE),
    (include_str!("rows/queue.rs"), queue::NOT_HERE),
    (include_str!("rows/restarts.rs"), restarts::NOT_HERE),
    (include_str!("rows/shutdown.rs"), shutdown::NOT_HERE),
    (include_str!("rows/start.rs"), start::NOT_HERE),
    (
        include_str!("rows/start_promises.rs"),
        start_promises::NOT_HERE,
    ),
    (include_str!("rows/stop_callers.rs"), stop_callers::NOT_HERE),
    (include_str!("rows/stop_mass.rs"), stop_mass::NOT_HERE),
    (include_str!("rows/stop_once.rs"), stop_once::NOT_HERE),
    (include_str!("rows/stop_session.rs"), stop_session::NOT_HERE),
    (
        include_str!("rows/stop_supervisor.rs"),
        stop_supervisor::NOT_HERE,
    ),
    (
        include_str!("rows/trees_children.rs"),
        trees_children::NOT_HERE,
    ),
    (
        include_str!("rows/trees_sessions.rs"),
        trees_sessions::NOT_HERE,
    ),
    (include_str!("rows/trees_static.rs"), trees_static::NOT_HERE),
];

/// The rows of which a file has a test: a function named after the row, under a test attribute.
fn tested(text: &str) -> Vec<u16> {
    let mut rows = Vec::new();
    let mut test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            test = true;
        } else if let Some((_, name)) = line.split_once("fn row_").filter(|_| test) {
            rows.extend(name.get(..3).and_then(|row| row.parse::<u16>().ok()));
            test = false;
        } else if line.starts_with("fn ") || line.starts_with("async fn ") {
            test = false;
        }
    }
    rows
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    let mut shown: Vec<u16> = Vec::new();
    for (text, not_here) in FILES {
        assert!(!text.contains("#[ignore"), "an ignored row shows nothing");
        shown.extend(tested(text));
        for (row, reason) in *not_here {
            assert!(reason.len() > 20, "row {row} needs its reason");
            shown.push(*row);
        }
    }
    let missing: Vec<_> = ROWS
        .iter()
        .copied()
        .filter(|row| !shown.contains(row))
        .collect();
    assert!(
        missing.is_empty(),
        "neither tested nor explained: {missing:?}"
    );
    let unknown: Vec<_> = shown.iter().filter(|row| !ROWS.contains(row)).collect();
    assert!(unknown.is_empty(), "not rows of now: {unknown:?}");
}
