//! The process that kills, and asks what is left.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Random;
use crate::model::Model;

/// How many lines a round has at most before the kill.
const LINES: u64 = 12_000;

pub(crate) fn run(rounds: u64, seed: u64, sessions: u64) {
    let name = format!("crash {} {seed}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("sessions.db");
    let mut random = Random(seed);
    let mut model = Model::default();
    let (mut restored, mut longest, mut while_restoring) = (0, Duration::ZERO, 0);
    println!("{rounds} rounds with {sessions} ids, seed {seed}");
    for round in 0..rounds {
        println!("round {round}");
        // Killed while it restores.
        if round % 4 == 3 {
            let (mut child, lines) = start(&file, seed + round, sessions);
            let until = usize::try_from(random.below(300)).unwrap_or(0);
            let mut lines = lines.lines().map(|line| line.expect("its output"));
            let mut said: Vec<_> = lines.by_ref().take(1 + until).collect();
            kill(&mut child);
            said.extend(lines);
            let mut said = said.join("\n").into_bytes();
            said.push(b'\n');
            // It may have come further than that.
            if said.windows(7).any(|window| window == b"\nready\n") {
                let mut said = &said[..];
                model.check(&ready(&mut said, round));
                tail(said, &mut model);
            } else {
                while_restoring += 1;
            }
        }
        let (mut child, mut lines) = start(&file, seed + round, sessions);
        let began = Instant::now();
        let have = ready(&mut lines, round);
        longest = longest.max(began.elapsed());
        restored += have.len() as u64;
        model.check(&have);
        let mut line = String::new();
        for _ in 0..random.below(LINES) {
            line.clear();
            lines.read_line(&mut line).expect("its output");
            model.line(line.trim_end());
        }
        kill(&mut child);
        tail(lines, &mut model);
    }
    let (mut child, mut lines) = start(&file, seed, sessions);
    model.check(&ready(&mut lines, rounds));
    kill(&mut child);
    drop(lines);
    println!(
        "{} starts, saves and stops were acknowledged, {restored} sessions restored, {} kills \
         while sessions were restored; the slowest restore took {longest:.1?}",
        model.acknowledged, while_restoring
    );
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

fn start(file: &Path, seed: u64, sessions: u64) -> (Child, BufReader<ChildStdout>) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .arg("child")
        .arg(file)
        .args([seed.to_string(), sessions.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("piped"));
    (child, lines)
}

fn kill(child: &mut Child) {
    // SIGKILL.
    child.kill().expect("it is killed");
    child.wait().expect("it has ended");
}

/// What the child has, up to the line that it is ready.
fn ready(lines: &mut impl BufRead, round: u64) -> Vec<(String, u64, u64)> {
    let mut have = Vec::new();
    loop {
        let mut line = String::new();
        let read = lines.read_line(&mut line).expect("its output");
        assert!(read > 0, "round {round}: the child has ended");
        let words: Vec<_> = line.trim_end().split(' ').collect();
        match words[..] {
            ["opened"] => {}
            ["ready"] => return have,
            ["have", id, generation, count] => {
                let number = |text: &str| text.parse().expect("a number");
                have.push((id.to_owned(), number(generation), number(count)));
            }
            _ => panic!("round {round}: the child says: {line}"),
        }
    }
}

/// What the child had said before it was killed.
fn tail(lines: impl BufRead, model: &mut Model) {
    for line in lines.split(b'\n') {
        let line = String::from_utf8(line.expect("its output")).expect("text");
        if !line.is_empty() {
            model.line(&line);
        }
    }
}
