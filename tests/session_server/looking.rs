//! What a client is told of all sessions: what happens, and how much has happened; and the page in the
//! browser.

use crate::driver::Server;

#[test]
fn a_client_that_watches_is_told_what_happens_to_all_sessions() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.client(), server.client());
    ann.ask("watch off", "error: you are not told");
    ann.ask("watch on", "ok: you are told what happens to all sessions");
    bob.ask("open tea", "ok: session tea started");
    ann.until("* session \"tea\" started");
    bob.send("stop tea");
    ann.until("* session \"tea\" ended");
    ann.send("watch off");
    ann.until("ok: you are told no more");
    bob.receive(&[
        "ok: session tea stopped: shutdown",
        "* session tea has stopped",
    ]);
    bob.ask("open coffee", "ok: session coffee started");
    ann.send("stats");
    ann.expect("starts: 2, and 0 that failed");
    ann.until("ok: 1 sessions");
    // It goes with what it is told.
    bob.ask("watch on", "ok: you are told what happens to all sessions");
    bob.ask("quit", "ok: goodbye");
    assert_eq!(bob.line(), "");
}

#[test]
fn a_dashboard_needs_an_address_that_is_free() {
    use crate::driver::binary;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    // Without the feature the flag itself is an error.
    let with = i32::from(cfg!(feature = "dashboard"));
    for (address, status) in [("nowhere", 2), (&*taken, 2 - with)] {
        let flags = ["--listen", "127.0.0.1:0", "--dashboard", address];
        let output = std::process::Command::new(binary()).args(flags).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[cfg(all(unix, feature = "dashboard"))]
#[test]
fn the_dashboard_shows_the_sessions_and_does_not_delay_the_end() {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    let mut server = Server::start(&["--dashboard", "127.0.0.1:0"]);
    let line = server.printed();
    let address = line
        .strip_prefix("dashboard on http://")
        .expect("its address");
    let address = address.trim_end_matches('/').to_owned();
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    let request = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut answer = String::new();
    request("/api/sessions")
        .read_to_string(&mut answer)
        .unwrap();
    assert!(answer.contains("\"id\":\"tea\""), "{answer}");
    // A page that is open when the server is told to end.
    let mut page = BufReader::new(request("/api/events"));
    let mut line = String::new();
    while !line.starts_with("event: overview") {
        line.clear();
        page.read_line(&mut line).unwrap();
    }
    server.signal("TERM");
    let (printed, status) = server.end();
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("0 killed"), "{printed}");
}
