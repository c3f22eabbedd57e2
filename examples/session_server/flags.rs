//! What the command line says.
//!
//! Absent on purpose: a parser from a library. There are five flags.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: session_server [--listen ADDR] [--stdin] [--restarts N] [--window SECONDS]

  --listen ADDR      where to listen (127.0.0.1:4000); port 0 takes a free one
  --stdin            take commands from standard input too; its end stops the server
  --restarts N       restarts of a session within the window before it is parked (3)
  --window SECONDS   that window (5)

Type `help` into a connection for its commands.";

#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub(crate) listen: SocketAddr,
    pub(crate) input: Input,
    pub(crate) restarts: u32,
    pub(crate) window: Duration,
}

/// Whether commands come from standard input too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Sockets,
    SocketsAndStdin,
}

#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Serve(Flags),
    Help,
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut flags = Flags {
        listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
        input: Input::Sockets,
        restarts: 3,
        window: Duration::from_secs(5),
    };
    while let Some(flag) = words.next() {
        match flag.as_str() {
            "--listen" => flags.listen = value(&flag, words.next())?,
            "--stdin" => flags.input = Input::SocketsAndStdin,
            "--restarts" => flags.restarts = value(&flag, words.next())?,
            "--window" => flags.window = Duration::from_secs(value(&flag, words.next())?),
            "--help" | "-h" => return Ok(Wish::Help),
            _ => return Err(format!("{flag:?} is no flag")),
        }
    }
    Ok(Wish::Serve(flags))
}

fn value<T: FromStr>(flag: &str, word: Option<String>) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    let word = word.ok_or_else(|| format!("{flag} needs a value"))?;
    word.parse()
        .map_err(|error| format!("{flag} {word:?}: {error}"))
}
