//! The compiled example `chat`, driven over real WebSockets.

#[path = "../built/mod.rs"]
mod built;
mod driver;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use driver::{Guest, Server, binary};

const HOUR: Duration = Duration::from_secs(3_600);
const BRIEF: Duration = Duration::from_millis(100);

#[test]
fn guests_of_a_room_hear_each_other_and_no_other_room() {
    let server = Server::start(HOUR);
    let (mut ann, mut bob) = (server.guest("tea"), server.guest("tea"));
    let mut eve = server.guest("coffee");
    ann.say("good morning");
    for guest in [&mut ann, &mut bob] {
        guest.reads(&["good morning"]);
    }
    bob.say("two lumps?");
    for guest in [&mut ann, &mut bob] {
        guest.reads(&["two lumps?"]);
    }
    eve.say("black");
    eve.reads(&["black"]);
    let mut late = server.guest("tea");
    late.reads(&["good morning", "two lumps?"]);
    bob.leaves();
    late.say("am I late?");
    ann.reads(&["am I late?"]);
    late.reads(&["am I late?"]);
}

#[test]
fn very_many_lines_come_in_one_order_to_all_and_the_last_hundred_are_kept() {
    const LINES: usize = 1_000;
    let server = Server::start(HOUR);
    let mut guests: Vec<Guest> = (0..4).map(|_| server.guest("tea")).collect();
    // Each is in the room before much is said.
    guests[0].say("hello");
    for guest in &mut guests {
        guest.reads(&["hello"]);
    }
    for n in 0..LINES {
        let line = n.to_string();
        guests[n % 4].say(&line);
        // It has come back: a guest who reads too late would be put out, and come back.
        for guest in &mut guests {
            guest.reads(&[&line]);
        }
    }
    let mut late = server.guest("tea");
    for n in LINES - 100..LINES {
        late.reads(&[&n.to_string()]);
    }
}

#[test]
fn a_room_that_crashes_is_back_with_its_history_and_its_guests() {
    let mut server = Server::start(HOUR);
    let (mut ann, mut bob) = (server.guest("tea"), server.guest("tea"));
    ann.say("one");
    for guest in [&mut ann, &mut bob] {
        guest.reads(&["one"]);
    }
    for (n, line) in ["two", "three", "four"].into_iter().enumerate() {
        bob.say("/crash");
        for guest in [&mut ann, &mut bob] {
            guest.reads(&["* you are back"]);
        }
        ann.say(line);
        for guest in [&mut ann, &mut bob] {
            guest.reads(&[line]);
        }
        let mut late = server.guest("tea");
        late.reads(&["one", "two", "three", "four"][..n + 2]);
        late.leaves();
    }
    // Once more within five seconds is too much: it is set aside, and its guests are told.
    ann.say("/crash");
    for guest in [ann, bob] {
        let (lines, frame) = guest.until_closed();
        assert_eq!(lines, [""; 0]);
        assert_eq!(frame.reason.as_str(), "the room is closed");
    }
    for _ in 0..2 {
        let told = server.line();
        let start = "a guest has to leave room tea: ";
        assert!(told.starts_with(start) && told.contains("parked"), "{told}");
    }
}

#[test]
fn a_room_without_guests_is_closed_and_comes_back_with_the_next() {
    let mut server = Server::start(BRIEF);
    // It has been quiet for longer than the others when they are closed, but is not empty.
    let mut quiet = server.guest("quiet");
    quiet.say("is anybody here?");
    quiet.reads(&["is anybody here?"]);
    for _ in 0..3 {
        let mut ann = server.guest("tea");
        ann.say("one");
        ann.reads(&["one"]);
        ann.leaves();
        assert_eq!(server.line(), "room tea is closed");
    }
    quiet.say("still here");
    quiet.reads(&["still here"]);
    quiet.leaves();
    assert_eq!(server.line(), "room quiet is closed");
}

/// No line is lost that any guest has read, and all get a close frame.
#[cfg(unix)]
#[test]
fn at_a_signal_with_open_sockets_all_guests_hear_the_same_to_the_end() {
    for signal in ["TERM", "INT", "HUP"] {
        let server = Server::start(HOUR);
        let mut guests: Vec<Guest> = (0..4).map(|_| server.guest("tea")).collect();
        let other = server.guest("coffee");
        guests[0].say("hello");
        for guest in &mut guests {
            guest.reads(&["hello"]);
        }
        for n in 0..25 {
            for (name, guest) in ["ann", "bob", "eve", "jo"].iter().zip(&mut guests) {
                guest.say(&format!("{name} {n}"));
            }
        }
        server.signal(signal);
        let mut same: Option<Vec<String>> = None;
        for guest in guests {
            let (lines, frame) = guest.until_closed();
            assert_eq!(u16::from(frame.code), 1001, "{frame:?}");
            match &same {
                Some(same) => assert_eq!(*same, lines, "after {signal}"),
                None => same = Some(lines),
            }
        }
        let lines = same.unwrap_or_default();
        for name in ["ann", "bob", "eve", "jo"] {
            let own = lines.iter().filter(|line| line.starts_with(name));
            let sent = (0..25).map(|n| format!("{name} {n}"));
            assert!(own.zip(sent).all(|(own, sent)| *own == sent), "{lines:?}");
        }
        let (lines, frame) = other.until_closed();
        assert_eq!((lines.len(), u16::from(frame.code)), (0, 1001));
        let (printed, status) = server.end();
        assert_eq!(status, Some(0), "{printed:?}");
        for room in ["room coffee is closed", "room tea is closed"] {
            assert!(printed.iter().any(|line| line == room), "{printed:?}");
        }
    }
}

/// A guest who has gone without a word, and one who does not answer the close frame.
#[cfg(unix)]
#[test]
fn guests_that_are_gone_or_silent_do_not_keep_the_server() {
    let server = Server::start(HOUR);
    let mut ann = server.guest("tea");
    drop(server.guest("tea"));
    let _silent = server.guest("tea");
    ann.say("hello");
    ann.reads(&["hello"]);
    server.signal("TERM");
    let (lines, _) = ann.until_closed();
    assert_eq!(lines, [""; 0]);
    assert_eq!(server.end().1, Some(0));
}

#[test]
fn what_is_no_guest_and_no_room_is_told_so() {
    let mut server = Server::start(HOUR);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .write_all(b"GET /rooms/tea HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let (lines, _) = server.guest(&"x".repeat(600)).until_closed();
    assert_eq!(lines, [""; 0]);
    let told = server.line();
    assert!(told.contains("512"), "{told}");
    let taken = server.address.to_string();
    for arguments in [
        &[taken.as_str()][..],
        &["nowhere"],
        &["127.0.0.1:0", "soon"],
    ] {
        let output = Command::new(binary()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

/// An open page does not keep the server from its end.
#[cfg(all(unix, feature = "dashboard"))]
#[test]
fn the_dashboard_shows_the_rooms() {
    let server = Server::start(HOUR);
    let mut ann = server.guest("tea");
    ann.say("hello");
    ann.reads(&["hello"]);
    let request = |path: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: chat\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut answer = String::new();
    request("/sessions/api/sessions")
        .read_to_string(&mut answer)
        .unwrap();
    assert!(answer.contains("\"id\":\"tea\""), "{answer}");
    let mut page = request("/sessions/api/events");
    let mut first = [0; 16];
    page.read_exact(&mut first).unwrap();
    server.signal("TERM");
    let (lines, _) = ann.until_closed();
    assert_eq!(lines, [""; 0]);
    assert_eq!(server.end().1, Some(0));
}
