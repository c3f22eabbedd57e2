//! A line server over TCP: each named session is a conversation that lives on when its clients leave.
//!
//! `cargo run --example session_server`, then `nc 127.0.0.1 4000` and `help`. With `--stdin` it takes
//! commands from standard input as one more client, so that a script can drive it.
//!
//! Absent on purpose: accounts, storage, encryption. What a crash takes is gone, and that is shown.

mod chat;
mod client;
mod flags;
mod lines;
mod rooms;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use flags::Wish;

fn main() -> ExitCode {
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
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(server::serve(flags));
    // A read of standard input cannot be cancelled: it is left behind.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
