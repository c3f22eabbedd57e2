//! What the command line says.

use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: soak [--minutes M] [--seed S]

  --minutes M   how long it runs (1), fractions allowed, at most 100000; then the round that runs is
                finished, and three are made in any case
  --seed S      the seed of the load (1)";

const MOST_MINUTES: f64 = 100_000.0;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    Run(Flags),
    Help,
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut flags = Flags {
        time: Duration::from_secs(60),
        seed: 1,
    };
    while let Some(flag) = words.next() {
        match flag.as_str() {
            "--minutes" => flags.time = minutes(&value(&flag, words.next())?)?,
            "--seed" => {
                let word = value(&flag, words.next())?;
                flags.seed = word
                    .parse()
                    .map_err(|error| format!("--seed {word:?}: {error}"))?;
            }
            "--help" | "-h" => return Ok(Wish::Help),
            _ => return Err(format!("{flag:?} is no flag")),
        }
    }
    Ok(Wish::Run(flags))
}

fn value(flag: &str, word: Option<String>) -> Result<String, String> {
    word.ok_or_else(|| format!("{flag} needs a value"))
}

fn minutes(word: &str) -> Result<Duration, String> {
    let minutes: f64 = word
        .parse()
        .map_err(|error| format!("--minutes {word:?}: {error}"))?;
    if minutes > 0.0 && minutes <= MOST_MINUTES {
        Ok(Duration::from_secs_f64(minutes * 60.0))
    } else {
        Err(format!(
            "--minutes {word:?}: it must be above 0 and at most {MOST_MINUTES}"
        ))
    }
}
