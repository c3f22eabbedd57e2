//! A line server over TCP: each named session is a conversation that lives on when its clients
//! leave.
//!
//! `cargo run --example session_server`, then `nc 127.0.0.1 4000` and `help`. With `--stdin` it
//! takes commands from standard input as one more client, so that a script can drive it.
//!
//! With `--features dashboard`, `--dashboard 127.0.0.1:8080` shows the sessions in the browser.
//!
//! An application root holds the session supervisor and the listener; each session is a tree of a
//! recorder, a responder and, on demand, an agent. Nothing is stored: what a crash takes is gone.

mod agent;
mod causes;
mod client;
#[cfg(feature = "dashboard")]
mod dashboard;
mod flags;
mod help;
mod lines;
mod listener;
mod recorder;
mod responder;
mod rooms;
mod server;
mod session;
mod tree;

use std::io::Write;
use std::process::ExitCode;

use flags::Wish;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = match flags::parse(std::env::args().skip(1)) {
        Ok(Wish::Serve(flags)) => flags,
        Ok(Wish::Help) => {
            println!("{}", flags::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; --help tells more");
            return ExitCode::from(2);
        }
    };
    match server::serve(flags).await {
        // At once: a read of standard input cannot be cancelled, and is left behind.
        Ok(ended) => ended.exit(),
        Err(error) => {
            writeln!(std::io::stderr(), "error: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
