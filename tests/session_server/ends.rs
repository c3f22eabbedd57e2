//! How the server ends, and with which exit status.

use std::io::Write;
use std::process::Command;

use crate::driver::{Server, binary};

#[cfg(unix)]
#[test]
fn a_signal_stops_all_gracefully_with_a_report() {
    for (signal, cause) in [
        ("INT", "stopped by Ctrl-C"),
        ("TERM", "stopped by SIGTERM"),
        ("HUP", "stopped by SIGHUP"),
    ] {
        let server = Server::start(&[]);
        let mut ann = server.client();
        ann.ask("open tea", "ok: session tea started");
        ann.ask("open coffee", "ok: session coffee started");
        server.signal(signal);
        ann.until("* session coffee has stopped");
        ann.until("* the server has stopped");
        assert_eq!(ann.line(), "", "the connection is closed");
        let (printed, status) = server.end();
        // Two sessions with two children each, the session supervisor, the listener.
        let report = "8 stopped, 0 failed, 0 killed, 0 stuck, 0 not running";
        assert!(
            printed.starts_with(cause) && printed.contains(report),
            "{printed}"
        );
        assert_eq!(status, Some(0), "after {signal}");
    }
}

#[cfg(unix)]
#[test]
fn a_server_whose_output_is_not_read_any_more_ends_as_ever() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut server = Server::start(&[]);
        let mut ann = server.client();
        ann.ask("open tea", "ok: session tea started");
        server.readers_go();
        server.signal(signal);
        ann.until("* the server has stopped");
        assert_eq!(server.end().1, Some(0), "after {signal}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    for signal in ["INT", "TERM", "HUP"] {
        let server = Server::start(&["--deadline", "3600"]);
        let mut ann = server.client();
        ann.ask("open tea", "ok: session tea started");
        ann.ask("hang", "ok: the responder will hang when it is stopped");
        server.signal(signal);
        ann.expect("* the responder of tea hangs in its stop");
        server.signal("INT");
        let (printed, status) = server.end();
        assert_eq!(printed, "interrupted while it was stopping\n");
        assert_eq!(status, Some(130), "after {signal} and INT");
    }
}

#[cfg(unix)]
#[test]
fn what_hangs_is_killed_at_the_deadline() {
    let server = Server::start(&["--deadline", "0"]);
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    ann.ask("hang", "ok: the responder will hang when it is stopped");
    server.signal("TERM");
    let (printed, status) = server.end();
    assert!(printed.contains("0 stuck"), "{printed}");
    assert!(!printed.contains("0 killed"), "{printed}");
    assert_eq!(status, Some(0));
}

#[test]
fn the_shipped_script_drives_it_through_standard_input() {
    let mut server = Server::start(&["--stdin"]);
    let script = include_str!("../../examples/session_server/demo.txt");
    let mut stdin = server.child.stdin.take().expect("piped");
    stdin.write_all(script.as_bytes()).expect("it takes it");
    drop(stdin);
    let (printed, status) = server.end();
    for line in [
        "ok: session tea started",
        "[tea] client-0: two lumps, please",
        "ok: 2 lines",
        "* the responder of tea crashed and is back as incarnation 2",
        "[tea] client-0: still here",
        "ok: 3 lines",
        "[tea] agent: got 1 lines, 2 words",
        "      agent: running, incarnation 1",
        "* the recorder of tea crashed and is back as incarnation 2; the transcript is kept",
        "ok: 4 lines",
        "ok: the agent is off",
        "ok: session tea stopped: shutdown",
        "error: no such session",
        "ok: goodbye",
    ] {
        assert!(printed.contains(line), "no {line:?} in {printed}");
    }
    // The session that is left with its two children, the session supervisor, the listener.
    assert!(
        printed.contains("5 stopped, 0 failed, 0 killed"),
        "{printed}"
    );
    assert_eq!(status, Some(0));
}

#[test]
fn the_end_of_standard_input_stops_it_and_bad_flags_are_told() {
    let mut server = Server::start(&["--stdin"]);
    drop(server.child.stdin.take());
    assert_eq!(server.end().1, Some(0));
    for (flags, status) in [
        (&["--dance"][..], 2),
        (&["--listen"][..], 2),
        (&["--listen", "nowhere"][..], 2),
        (&["--strategy", "all_for_none"][..], 2),
        (&["--listen", "192.0.2.1:1"][..], 1),
        (&["--help"][..], 0),
    ] {
        let output = Command::new(binary())
            .args(flags)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(status), "{flags:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.lines().count(), usize::from(status != 0), "{told}");
    }
}
