//! The soak, for a few seconds: it ends by itself, without a contradiction, and says what it did.
//!
//! The long run is started by hand, see `examples/soak/main.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

#[path = "built/mod.rs"]
mod built;

/// The example.
fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| built::example("soak"));
    &BINARY
}

fn soak(flags: &[&str]) -> Output {
    let run = Command::new(binary()).args(flags).output();
    run.expect("the soak starts")
}

/// The number before a word in a text.
fn number(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().expect("a part");
    let number = before.trim_end().rsplit([' ', ',']).next();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number before {word:?} in {text:?}"))
}

#[test]
fn a_short_soak_finds_no_contradiction_and_says_what_it_did() {
    let output = soak(&["--minutes", "0.1", "--seed", "7"]);
    let stdout = String::from_utf8(output.stdout).expect("a text");
    let stderr = String::from_utf8(output.stderr).expect("a text");
    assert_eq!(output.status.code(), Some(0), "{stderr}\n{stdout}");
    assert_eq!(stderr, "");
    let line = |begins: &str| {
        let line = stdout.lines().find(|line| line.starts_with(begins));
        line.unwrap_or_else(|| panic!("no line {begins:?} in {stdout}"))
    };
    let verdict = line("soak: no contradiction in ");
    assert!(verdict.ends_with("seed 7"), "{verdict}");
    assert!(number(verdict, "rounds") >= 3, "{verdict}");
    line("operations ");
    let sessions = line("sessions: ");
    for word in ["restarts", "kills", "parks", "stuck", "start timeouts"] {
        assert!(number(sessions, word) > 0, "{sessions}");
    }
    let supervisors = line("supervisors: ");
    let ends = [
        "stopped,",
        "stopped from outside",
        "drained from outside",
        "killed",
        "drained in order",
    ];
    for word in ends {
        assert!(number(supervisors, word) > 0, "{supervisors}");
    }
    let scenes = line("scenes: ");
    for word in ["trees", "families", "trials", "outages", "slow stops"] {
        assert!(number(scenes, word) > 0, "{scenes}");
    }
    let capabilities = line("capabilities: ");
    for word in [
        "idle ends",
        "leases",
        "lifetimes",
        "claims won",
        "saved over an end",
        "crowds of callers",
        "quotas",
        "tasks",
    ] {
        assert!(number(capabilities, word) > 0, "{capabilities}");
    }
    let followed = line("followed: ");
    for word in [
        "events",
        "comparisons",
        "supervisors",
        "accounts",
        "failures",
    ] {
        assert!(number(followed, word) > 0, "{followed}");
    }
    line("the log: ");
    let left = line("callers who left: ");
    for word in ["before they asked", "before the answer"] {
        assert!(number(left, word) > 0, "{left}");
    }
    line("worst answer ");
    let live = line("live bytes after each round: ");
    assert!(live.split_whitespace().count() >= 5 + 3, "{live}");
}

#[test]
fn a_bad_flag_gets_one_clear_line() {
    for flags in [
        &["--minutes"][..],
        &["--minutes", "0"],
        &["--minutes", "-1"],
        &["--minutes", "NaN"],
        &["--minutes", "soon"],
        &["--seed", "-1"],
        &["--speed", "1"],
        &["20"],
    ] {
        let output = soak(flags);
        let stderr = String::from_utf8(output.stderr).expect("a text");
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{flags:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{flags:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{flags:?}");
    }
}
