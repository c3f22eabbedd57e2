//! The compiled example, driven over real sockets and through its standard input.
//!
//! No test waits for time to pass. The timeouts here end a test that has failed already.

#[path = "../built/mod.rs"]
mod built;
mod driver;
mod ends;
mod looking;
mod trees;

use std::io::Write;

use driver::Server;

#[test]
fn several_clients_share_a_session_and_it_lives_on_without_them() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.client(), server.client());
    ann.ask("open tea", "ok: session tea started");
    bob.ask("open tea", "ok: session tea joined");
    ann.send("say good morning");
    let said = ann.line();
    assert!(said.starts_with("[tea] client-") && said.ends_with(": good morning"));
    bob.expect(&said);
    ann.ask("quit", "ok: goodbye");
    assert_eq!(ann.line(), "", "the connection is closed");
    bob.ask("quit", "ok: goodbye");
    let mut eve = server.client();
    eve.ask("open tea", "ok: session tea joined");
    eve.ask("history", &said);
    eve.expect("ok: 1 lines");
}

#[test]
fn sessions_are_listed_stopped_and_looked_into() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.client(), server.client());
    ann.ask("list", "ok: 0 sessions");
    ann.ask("open tea", "ok: session tea started");
    bob.ask("open coffee", "ok: session coffee started");
    ann.send("list");
    assert!(ann.line().starts_with("tea: running, incarnation 1"));
    assert!(ann.line().starts_with("coffee: running"));
    ann.expect("ok: 2 sessions");
    ann.send("stop coffee");
    ann.until("ok: session coffee stopped");
    bob.until("* session coffee has stopped");
    bob.send("say hello?");
    assert!(bob.line().starts_with("error: session coffee has ended"));
    ann.ask("stop coffee", "error: no such session");
    ann.ask("info coffee", "error: no session coffee");
}

#[test]
fn whatever_is_malformed_gets_one_clear_line_back() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    for line in [
        "dance",
        "open",
        "open a b",
        "stop",
        "info",
        "say",
        "list all",
        "tree x",
        "crash now",
        "agent",
        "agent perhaps",
        "hang up",
        "history x",
        "say hello",
        "history",
        "crash",
        "crash recorder",
        "agent on",
        "agent off",
        "hang",
    ] {
        ann.send(line);
        let answer = ann.line();
        assert!(answer.starts_with("error: "), "{line:?} got {answer:?}");
    }
    ann.send(&format!("open {}", "x".repeat(600)));
    let answer = ann.line();
    assert!(
        answer.starts_with("error: ") && answer.contains("512"),
        "{answer}"
    );
    ann.stream.write_all(b"say \xff\xfe\n").unwrap();
    ann.expect("error: the line is not UTF-8");
    ann.send("");
    ann.send("help");
    let help: Vec<_> = (0..16).map(|_| ann.line()).collect();
    for command in [
        "open",
        "say",
        "history",
        "agent on",
        "agent off",
        "crash",
        "hang",
        "stop",
        "list",
        "info",
        "stats",
        "watch on",
        "watch off",
        "tree",
        "quit",
        "help",
    ] {
        assert!(
            help.iter().any(|line| line.starts_with(command)),
            "{command}"
        );
    }
    ann.ask("list", "ok: 0 sessions");
}

#[test]
fn a_line_that_is_too_long_affects_no_other() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    for size in [70 * 1024, 8 * 1024 * 1024] {
        ann.send(&"x".repeat(size));
        ann.expect("error: a line may be 65536 bytes long");
    }
    ann.ask("open tea", "ok: session tea started");
    // The longest line that may be: the command, a space, the text.
    let text = "y".repeat(64 * 1024 - 4);
    ann.send(&format!("say {text}"));
    assert!(ann.line().ends_with(&text));
    ann.send(&format!("say {text}y"));
    ann.expect("error: a line may be 65536 bytes long");
}

#[test]
fn clients_that_vanish_or_do_not_read_affect_no_other() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    let mut gone = server.client();
    gone.ask("open tea", "ok: session tea joined");
    gone.stream.write_all(b"say half a li").unwrap();
    drop(gone);
    let mut slow = server.client();
    slow.ask("open tea", "ok: session tea joined");
    let text = "z".repeat(60 * 1024);
    // More than its outbox and all buffers between hold.
    for _ in 0..1_500 {
        ann.send(&format!("say {text}"));
        ann.until("zzz");
    }
    ann.send("info tea");
    let info = ann.until("ok: tea");
    assert!(info.contains("clients 1"), "{info}");
    ann.ask("list", "tea: running, incarnation 1, restarts 0, clients 1");
}

#[test]
fn very_many_clients_at_once() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..200).map(|_| server.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("open room-{}", n % 10));
    }
    for client in &mut clients {
        client.until("ok: session room-");
    }
    clients[0].send("say hello all");
    for n in (0..200).step_by(10) {
        clients[n].until("hello all");
    }
    clients[1].send("list");
    clients[1].until("ok: 10 sessions");
}
