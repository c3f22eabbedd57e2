//! A tree as text for people, and as a graph in the language DOT.
//!
//! Names and labels are the user's and hold no control character. The texts of errors may hold any.

use std::fmt::{self, Write};

use super::{Tree, TreeKind, TreePlace, TreeState, Unseen};
use crate::engine::{Counts, Exit, Plain, error_text};

/// More of the text of an exit is not shown, in characters.
const LONGEST_EXIT: usize = 120;

impl Tree {
    /// The tree as a graph in the language DOT, which Graphviz draws.
    ///
    /// Names, labels and texts are escaped, whatever they hold.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{Options, SessionSupervisor};
    /// let sessions = SessionSupervisor::start(Options::new().name("chats")).await.unwrap();
    /// let graph = sessions.tree().await.unwrap().to_dot();
    /// assert!(graph.starts_with("digraph supervision {\n"));
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut graph = String::from("digraph supervision {\n    node [shape=box];\n");
        let mut last = 0;
        self.add_to(&mut graph, &mut last);
        graph.push_str("}\n");
        graph
    }

    /// Adds what is from here on down. `last` is the number of the latest node.
    fn add_to(&self, graph: &mut String, last: &mut usize) {
        let number = *last;
        let name = dot(&format!("{}{}", self.name, self.label_text()));
        let rest = dot(&self.about());
        let shape = match self.kind {
            TreeKind::Actor => ", shape=ellipse",
            TreeKind::Supervisor | TreeKind::SessionSupervisor => "",
        };
        push_line(
            graph,
            format_args!("n{number} [label=\"{name}\\n{rest}\"{shape}];"),
        );
        for child in &self.children {
            *last += 1;
            push_line(graph, format_args!("n{number} -> n{last};"));
            child.add_to(graph, last);
        }
        if self.more > 0 {
            *last += 1;
            let more = self.more_text();
            push_line(
                graph,
                format_args!("n{last} [label=\"{more}\", shape=plaintext];"),
            );
            push_line(graph, format_args!("n{number} -> n{last};"));
        }
    }

    /// Its label, as it follows its name.
    fn label_text(&self) -> String {
        match &self.label {
            Some(label) => format!(" {label:?}"),
            None => String::new(),
        }
    }

    /// What follows its name and its label.
    fn about(&self) -> String {
        let kind = match (self.kind, self.place) {
            (TreeKind::Actor, _) => "",
            (TreeKind::Supervisor, _) => "supervisor, ",
            (TreeKind::SessionSupervisor, _) => "session supervisor",
        };
        let mut text = kind.to_owned();
        if self.kind == TreeKind::SessionSupervisor {
            match (&self.supervisor, self.place) {
                (Some(name), TreePlace::Session | TreePlace::Child) => {
                    text.push_str(&format!(" {name:?}, "));
                }
                _ => text.push_str(", "),
            }
        }
        text.push_str(self.state.text());
        if self.incarnation > 1 {
            text.push_str(&format!(", incarnation {}", self.incarnation));
        }
        if self.restarts > 0 {
            text.push_str(&format!(", {}", many(self.restarts, "restart", "restarts")));
        }
        if let Some(counts) = &self.counts {
            text.push_str(&format!(", {}", self.counts_text(counts)));
        }
        if let Some(exit) = &self.last_exit {
            text.push_str(&format!("; last exit: {}", exit_text(exit)));
        }
        if let Some(unseen) = self.unseen {
            text.push_str(&format!("; {unseen}"));
        }
        text
    }

    fn counts_text(&self, counts: &Counts) -> String {
        let all = counts.specs as u64;
        let mut text = match self.kind {
            TreeKind::SessionSupervisor => many(all, "session", "sessions"),
            TreeKind::Supervisor | TreeKind::Actor => many(all, "child", "children"),
        };
        let states = [
            (counts.active, TreeState::Running),
            (counts.starting, TreeState::Starting),
            (counts.restarting, TreeState::Restarting),
            (counts.stopping, TreeState::Stopping),
            (counts.parked, TreeState::Parked),
            (counts.stuck, TreeState::Stuck),
        ];
        let told = states.into_iter().filter(|(many, _)| *many > 0);
        let told: Vec<_> = told
            .map(|(many, state)| format!("{many} {}", state.text()))
            .collect();
        if !told.is_empty() {
            text.push_str(&format!(" ({})", told.join(", ")));
        }
        text
    }

    fn more_text(&self) -> String {
        format!("… and {} more", self.more)
    }

    /// Writes what is below it, each line behind `margin`.
    fn write_below(&self, f: &mut fmt::Formatter<'_>, margin: &mut String) -> fmt::Result {
        let before = margin.len();
        for (at, child) in self.children.iter().enumerate() {
            let is_last = at + 1 == self.children.len() && self.more == 0;
            let (corner, side) = if is_last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            write!(f, "\n{margin}{corner}{}", child.line())?;
            margin.push_str(side);
            child.write_below(f, margin)?;
            margin.truncate(before);
        }
        if self.more > 0 {
            write!(f, "\n{margin}└── {}", self.more_text())?;
        }
        Ok(())
    }

    fn line(&self) -> String {
        format!("{}{}: {}", self.name, self.label_text(), self.about())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        self.write_below(f, &mut String::new())
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "it ended while it was asked what is below it",
            Self::NoAnswer => "it did not answer in time what is below it",
            Self::LeftOut => "it was not asked what is below it",
        })
    }
}

impl TreeState {
    const fn text(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::NotRunning => "not running",
            Self::Parked => "parked",
            Self::Stuck => "stuck",
        }
    }
}

impl fmt::Display for TreeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

fn many(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// How it ended, on one line and not too long, whatever an error says.
fn exit_text(exit: &Exit) -> String {
    let text = match exit {
        Exit::Failed { cause } => format!("failed: {}", error_text(&***cause)),
        other => other.to_string(),
    };
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST_EXIT {
            shown.push('…');
            break;
        }
        shown.push(c);
    }
    Plain(&shown).to_string()
}

/// A text within the quotes of a DOT label, where backslashes and HTML entities mean something.
fn dot(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '"' => escaped.extend(['\\', c]),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn push_line(graph: &mut String, line: fmt::Arguments<'_>) {
    // A write into a text does not fail.
    writeln!(graph, "    {line}").ok();
}
