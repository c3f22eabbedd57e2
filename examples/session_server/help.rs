//! What the commands are, and why a line is none of them.

pub(crate) const COMMANDS: &str = "\
open ID    start the session ID, or join it
say TEXT   say something to all who are in your session
history    what was said in it, as its recorder has it
agent on   start the session's agent, which counts what is said
agent off  stop it
crash      make the responder of your session panic, or with a word: its recorder or its agent
hang       make the responder never end when it is stopped, to try out the server's deadline
stop ID    end a session, or discard a parked one
list       all sessions
info ID    one session
stats      what has happened so far, in numbers
watch on   tell what happens to all sessions, as it happens
watch off  tell it no more
tree       the application with all its supervisors and their children
quit       leave; the session lives on
help       this";

pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Why a line is no command.
pub(crate) fn misuse(command: &str) -> String {
    match command {
        "open" | "stop" | "info" => format!("{command} takes one id, a single word"),
        "say" => "say takes a text".to_owned(),
        "agent" | "watch" => format!("{command} takes on or off"),
        "history" | "hang" | "list" | "stats" | "tree" | "help" | "quit" => {
            format!("{command} takes nothing")
        }
        _ => {
            let start: String = command.chars().take(40).collect();
            format!("unknown command {start:?}; try help")
        }
    }
}
