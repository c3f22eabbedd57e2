//! One figure of the table: what was measured, the ratio, and what it must and should be.
//!
//! The rounds are interleaved, so that changes of the machine's speed affect all sides alike.

use std::fmt;
use std::time::Duration;

/// Which side of a bound is good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Printed for the reader only.
    None,
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::None => true,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">={bound}"),
            Self::AtMost(bound) => write!(f, "<={bound}"),
            Self::None => f.write_str("-"),
        }
    }
}

/// What the bounds are held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judged {
    Ratio(f64),
    /// The value itself; there is nothing to compare it with.
    Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) judged: Judged,
    pub(crate) must: Bound,
    pub(crate) goal: Bound,
}

impl Figure {
    fn measured(&self) -> f64 {
        match self.judged {
            Judged::Ratio(ratio) => ratio,
            Judged::Value => self.value,
        }
    }

    pub(crate) fn must_holds(&self) -> bool {
        self.must.holds(self.measured())
    }

    pub(crate) fn goal_holds(&self) -> bool {
        self.goal.holds(self.measured())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "figure {} {:.3} {} ratio ",
            self.name, self.value, self.unit
        )?;
        match self.judged {
            Judged::Ratio(ratio) => write!(f, "{ratio:.2}")?,
            Judged::Value => f.write_str("-")?,
        }
        let verdict = if self.must_holds() { "ok" } else { "short" };
        write!(f, " must {} goal {} {verdict}", self.must, self.goal)
    }
}

/// The table: printed line by line as it comes.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Figure>);

impl Table {
    pub(crate) fn add(&mut self, figure: Figure) {
        println!("{figure}");
        self.0.push(figure);
    }

    /// Says which goals and musts were missed. Whether all musts hold.
    pub(crate) fn conclude(&self) -> bool {
        let list = |misses: fn(&Figure) -> bool| {
            let names = self.0.iter().filter(|figure| misses(figure));
            names.map(|figure| figure.name.clone()).collect::<Vec<_>>()
        };
        let short = list(|figure| !figure.must_holds());
        let below = list(|figure| figure.must_holds() && !figure.goal_holds());
        println!("goals not reached: {}", joined(&below));
        println!("musts not reached: {}", joined(&short));
        short.is_empty()
    }
}

fn joined(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Microseconds for each of `n`.
pub(crate) fn per(n: usize, took: Duration) -> f64 {
    took.as_secs_f64() * 1e6 / as_f64(n)
}

/// A count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts here are far below 2^52, where every integer is exact"
)]
pub(crate) fn as_f64(n: usize) -> f64 {
    n as f64
}
