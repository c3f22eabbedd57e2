//! What the command line says.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use session_supervisor::Strategy;

pub(crate) const USAGE: &str = "\
usage: session_server [--listen ADDR] [--stdin] [--strategy NAME] [--restarts N]
                      [--window SECONDS] [--deadline SECONDS] [--dashboard ADDR]

  --listen ADDR      where to listen (127.0.0.1:4000); port 0 takes a free one
  --stdin            take commands from standard input too; its end stops the server
  --strategy NAME    what is restarted with a child of a session that crashed: one_for_one (it
                     alone, the default), one_for_all, or rest_for_one (those started after it)
  --restarts N       so many restarts of children within the window, then their session is started
                     anew; so many of those within the window, then it is parked (3)
  --window SECONDS   that window (5)
  --deadline SECONDS how long the stop of the server may take before it kills what is left (10)
  --dashboard ADDR   where to show the sessions in the browser; needs the feature `dashboard`

Type `help` into a connection for its commands.";

#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub(crate) listen: SocketAddr,
    pub(crate) input: Input,
    pub(crate) strategy: Strategy,
    pub(crate) restarts: u32,
    pub(crate) window: Duration,
    pub(crate) deadline: Duration,
    pub(crate) dashboard: Option<SocketAddr>,
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
        strategy: Strategy::OneForOne,
        restarts: 3,
        window: Duration::from_secs(5),
        deadline: Duration::from_secs(10),
        dashboard: None,
    };
    while let Some(flag) = words.next() {
        match flag.as_str() {
            "--listen" => flags.listen = value(&flag, words.next())?,
            "--stdin" => flags.input = Input::SocketsAndStdin,
            "--strategy" => flags.strategy = strategy(&flag, words.next())?,
            "--restarts" => flags.restarts = value(&flag, words.next())?,
            "--window" => flags.window = Duration::from_secs(value(&flag, words.next())?),
            "--deadline" => {
                flags.deadline = Duration::from_secs(value(&flag, words.next())?);
            }
            "--dashboard" if cfg!(feature = "dashboard") => {
                flags.dashboard = Some(value(&flag, words.next())?);
            }
            "--dashboard" => {
                return Err("--dashboard needs a build with --features dashboard".to_owned());
            }
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

fn strategy(flag: &str, word: Option<String>) -> Result<Strategy, String> {
    match value::<String>(flag, word)?.as_str() {
        "one_for_one" => Ok(Strategy::OneForOne),
        "one_for_all" => Ok(Strategy::OneForAll),
        "rest_for_one" => Ok(Strategy::RestForOne),
        other => Err(format!("{flag} {other:?}: no such strategy")),
    }
}
