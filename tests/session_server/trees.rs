//! Sessions that are trees: what a crash of each child takes, and the agent that comes and goes.

use crate::driver::{Client, Server};

/// A server with a session in which one thing was said.
fn tea(flags: &[&str]) -> (Server, Client) {
    let server = Server::start(flags);
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    ann.send("say two lumps");
    ann.until("two lumps");
    (server, ann)
}

#[test]
fn a_crash_restarts_that_child_alone_and_its_clients_stay() {
    let (server, mut ann) = tea(&[]);
    let (mut bob, mut cat) = (server.client(), server.client());
    bob.ask("open tea", "ok: session tea joined");
    cat.ask("open coffee", "ok: session coffee started");
    let back = "* the responder of tea crashed and is back as incarnation 2";
    ann.send("crash");
    ann.receive(&["ok: the responder is told to crash", back]);
    bob.expect(back);
    bob.send("say still here");
    ann.until("still here");
    bob.until("still here");
    bob.send("history");
    assert!(bob.line().ends_with("two lumps"));
    assert!(bob.line().ends_with("still here"));
    bob.expect("ok: 2 lines");
    bob.send("info tea");
    let info = bob.line();
    assert!(info.starts_with("ok: tea: running, incarnation 1, restarts 0, clients 2"));
    cat.ask("history", "ok: 0 lines");
}

#[test]
fn one_for_all_restarts_the_recorder_with_the_responder() {
    let (_server, mut ann) = tea(&["--strategy", "one_for_all"]);
    ann.send("crash");
    ann.receive(&[
        "ok: the responder is told to crash",
        "* the recorder of tea was restarted too, as incarnation 2; the transcript is kept",
        "* the responder of tea crashed and is back as incarnation 2",
    ]);
    ann.send("history");
    ann.until("two lumps");
    ann.expect("ok: 1 lines");
}

#[test]
fn rest_for_one_takes_the_responder_with_the_recorder_but_not_the_other_way_round() {
    let (_server, mut ann) = tea(&["--strategy", "rest_for_one"]);
    ann.ask("agent on", "ok: the agent is on");
    ann.send("crash");
    ann.receive(&[
        "ok: the responder is told to crash",
        "* the responder of tea crashed and is back as incarnation 2",
        "* the agent of tea was restarted too, as incarnation 2; its count is gone",
    ]);
    ann.send("history");
    ann.until("two lumps");
    ann.expect("ok: 1 lines");
    ann.send("crash recorder");
    ann.receive(&[
        "ok: the recorder is told to crash",
        "* the recorder of tea crashed and is back as incarnation 2; the transcript is kept",
        "* the responder of tea was restarted too, as incarnation 3",
        "* the agent of tea was restarted too, as incarnation 3; its count is gone",
    ]);
    ann.send("history");
    ann.until("two lumps");
    ann.expect("ok: 1 lines");
}

#[test]
fn the_agent_comes_and_goes_on_demand() {
    let (server, mut ann) = tea(&[]);
    ann.ask("crash agent", "error: the agent is off");
    ann.ask("agent off", "error: the agent is off already");
    ann.ask("agent on", "ok: the agent is on");
    ann.ask("agent on", "error: the agent is on already");
    let mut bob = server.client();
    bob.ask("open tea", "ok: session tea joined");
    ann.send("say how many words");
    bob.until("how many words");
    bob.expect("[tea] agent: got 1 lines, 3 words");
    bob.send("crash agent");
    bob.receive(&[
        "ok: the agent is told to crash",
        "* the agent of tea crashed and is back as incarnation 2; its count is gone",
    ]);
    bob.ask("agent off", "ok: the agent is off");
    bob.ask("agent off", "error: the agent is off already");
    bob.ask("agent on", "ok: the agent is on");
    bob.send("say again");
    bob.until("again");
    bob.expect("[tea] agent: got 1 lines, 1 words");
}

#[test]
fn the_tree_shows_every_supervisor_with_its_children() {
    let (_server, mut ann) = tea(&[]);
    ann.send("crash");
    ann.receive(&[
        "ok: the responder is told to crash",
        "* the responder of tea crashed and is back as incarnation 2",
    ]);
    ann.ask("open coffee", "ok: session coffee started");
    ann.ask("agent on", "ok: the agent is on");
    ann.send("tree");
    for line in [
        "session_server",
        "  sessions: running, incarnation 1",
        "    tea: running, incarnation 1",
        "      recorder: running, incarnation 1",
        "      responder: running, incarnation 2",
        "    coffee: running, incarnation 1",
        "      recorder: running, incarnation 1",
        "      responder: running, incarnation 1",
        "      agent: running, incarnation 1",
        "  listener: running, incarnation 1",
        "ok: 10 lines",
    ] {
        ann.expect(line);
    }
}

#[test]
fn a_session_whose_children_crash_too_often_comes_back_whole_and_is_parked_in_the_end() {
    let (_server, mut ann) = tea(&["--restarts", "1", "--window", "3600"]);
    ann.ask("agent on", "ok: the agent is on");
    for told in [
        "* the responder of tea crashed and is back as incarnation 2",
        "* session tea crashed and is back as incarnation 2; its agent is off",
        "* the responder of tea crashed and is back as incarnation 2",
        "* session tea crashed too often and was parked; `stop tea` discards it",
    ] {
        ann.send("crash");
        ann.receive(&["ok: the responder is told to crash", told]);
    }
    ann.send("say hello");
    let parked = ann.line();
    assert!(parked.starts_with("error: ") && parked.contains("parked"));
    ann.send("open tea");
    assert!(ann.line().contains("parked"));
    ann.ask("stop tea", "ok: session tea stopped: was not running");
    ann.ask("open tea", "ok: session tea started");
    ann.ask("history", "ok: 0 lines");
}

#[test]
fn the_transcript_is_kept_over_crashes_of_the_recorder_and_of_the_whole_session() {
    let (_server, mut ann) = tea(&["--restarts", "1", "--window", "3600"]);
    let recorder = [
        "ok: the recorder is told to crash",
        "* the recorder of tea crashed and is back as incarnation 2; the transcript is kept",
    ];
    let session = [
        "ok: the responder is told to crash",
        "* session tea crashed and is back as incarnation 2; its agent is off",
    ];
    for (crash, told) in [("crash recorder", recorder), ("crash", session)] {
        ann.send(crash);
        ann.receive(&told);
        ann.send("history");
        ann.until("two lumps");
        ann.expect("ok: 1 lines");
    }
    ann.send("say no milk");
    ann.until("no milk");
    ann.send("crash recorder");
    ann.receive(&recorder);
    ann.send("history");
    ann.until("two lumps");
    ann.until("no milk");
    ann.expect("ok: 2 lines");
    ann.send("stop tea");
    ann.until("ok: session tea stopped: shutdown");
    ann.send("open tea");
    ann.until("ok: session tea started");
    ann.send("history");
    ann.until("ok: 0 lines");
}
