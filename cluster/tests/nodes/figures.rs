//! Figures, printed by `--figures`: `SESSIONS` (100,000) over three nodes, one of which is killed.

use std::time::Instant;

use crate::cluster::Cluster;

pub(crate) fn print() {
    let sessions = std::env::var("SESSIONS").unwrap_or_else(|_| "100000".to_owned());
    let wanted: usize = sessions.parse().expect("a number");
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 10);
    let began = Instant::now();
    let started = cluster.node("a").tell(&format!("starts s {sessions}"));
    let each = began.elapsed() / u32::try_from(wanted).expect("fewer");
    println!("started {started} sessions over three nodes, durably: {each:.1?} each, 64 at once");
    let on = |cluster: &mut Cluster, name: &str| -> usize {
        cluster
            .node(name)
            .tell("running")
            .parse()
            .expect("a number")
    };
    let of_killed = on(&mut cluster, "b");
    let killed = cluster.take("b");
    killed.signal("-KILL");
    let began = Instant::now();
    killed.gone();
    cluster
        .node("a")
        .until("status", |status| !status.contains("node b"));
    let noticed = began.elapsed();
    cluster.settled();
    let owned = began.elapsed();
    while on(&mut cluster, "a") + on(&mut cluster, "c") < wanted {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let back = began.elapsed();
    println!("killed a node with {of_killed} of them, its lease is 10 s");
    println!("until the others know: {noticed:.2?}");
    println!("until its shards are owned: {:.2?} more", owned - noticed);
    println!(
        "until all its sessions run: {:.2?} more, {back:.2?} in all",
        back - owned
    );
}
