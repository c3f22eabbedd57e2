//! Counting the instructions of a process with callgrind: a number that no load of the machine moves.

use std::process::Command;

/// The instructions of this program with that variable set, which callgrind says at its end:
/// `Collected : 123456`. None: valgrind does not run here.
pub(crate) fn counted(variable: &str, run: &str) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .env(variable, run)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{run}: {said}");
    let (_, count) = said.split_once("Collected : ")?;
    count.split_whitespace().next()?.parse().ok()
}
