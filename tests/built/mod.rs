//! The compiled examples, for the tests that drive them.

use std::path::PathBuf;
use std::process::Command;

/// The path of an example. `cargo test` has built it, but `cargo test --test NAME` has not.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target/<profile>/deps");
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", name]);
    if cfg!(feature = "dashboard") {
        build.args(["--features", "dashboard"]);
    }
    if profile.ends_with("release") {
        build.arg("--release");
    }
    build.arg("--target-dir");
    build.arg(profile.parent().expect("target"));
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().expect("cargo runs").success());
    path
}
