//! The JSON of the feature `serde`. `docs/json.md` shows each value, and each is compared with it.
//!
//! A heading in that file is the name of what it shows, and below it is the JSON.

mod events;
mod values;
#[path = "../variants/mod.rs"]
mod variants;

use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};
use serde::Serialize;
use session_supervisor::{ChildSpec, Exit, Options, PageMark, SessionId, SessionSupervisor};

/// What the documentation shows.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, name: &'static str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap();
        self.0.push((name, masked(&text)));
    }

    /// Values of an enum, at least one of each variant.
    fn all<T: Serialize + fmt::Debug>(&mut self, name: &'static str, values: &[T]) {
        variants::assert_all(name, values);
        self.add(name, &values);
    }
}

/// The id of an actor, the time and the revision are others in each run.
fn masked(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut shown = line.to_owned();
        if let Some((margin, rest)) = line.split_once("\"actor\": \"") {
            let (id, end) = rest.split_once('"').unwrap();
            let (node, number) = id.split_once('.').unwrap();
            assert_eq!(node, "0", "{line}");
            number.parse::<u64>().unwrap();
            shown = format!("{margin}\"actor\": \"0.7\"{end}");
        }
        for name in ["time", "first_started", "started"] {
            let Some((margin, rest)) = line.split_once(&format!("\"{name}\": ")) else {
                continue;
            };
            let number = rest.trim_end_matches(',');
            let end = &rest[number.len()..];
            // In seconds, this is a point in time.
            if number.parse::<f64>().is_ok_and(|seconds| seconds > 1.0e9) {
                shown = format!("{margin}\"{name}\": 1795910400.5{end}");
            }
        }
        if let Some((margin, rest)) = line.split_once("\"revision\": ") {
            let number = rest.trim_end_matches(',');
            let end = &rest[number.len()..];
            assert!(number.parse::<u64>().unwrap() < 1 << 53, "{line}");
            shown = format!("{margin}\"revision\": 1234567890123456{end}");
        }
        lines.push(shown);
    }
    lines.join("\n")
}

/// Fails with its first message.
struct Chat;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Chat {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        _message: (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("out of paper".into())
    }
}

fn chat() -> ChildSpec<Chat> {
    ChildSpec::new(|_| (Chat, ()))
}

/// The part of the page that is written by hand, and the rest.
fn page() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    match page.find("\n## ") {
        Some(at) => {
            let (rules, values) = page.split_at(at + 1);
            (rules.to_owned(), values.to_owned())
        }
        None => (page, String::new()),
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_is_as_the_documentation_shows_it() {
    let mut shown = Shown::default();
    values::of_sessions(&mut shown).await;
    values::of_children(&mut shown).await;
    values::of_an_application(&mut shown).await;
    events::of_the_feed(&mut shown).await;
    events::of_events(&mut shown).await;
    values::of_parts(&mut shown);
    shown.0.sort_by_key(|(name, _)| *name);
    let mut values = String::new();
    for (at, (name, json)) in shown.0.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        writeln!(values, "{gap}## `{name}`\n\n```json\n{json}\n```").unwrap();
    }
    let (rules, documented) = page();
    if std::env::var("JSON").as_deref() == Ok("write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
        std::fs::write(path, format!("{rules}{values}")).unwrap();
        return;
    }
    assert_eq!(documented, values, "JSON=write writes it anew");
}

#[test]
fn an_id_is_checked_as_a_text_is() {
    let long = "x".repeat(513);
    for id in ["alice", "acme/ä b", "", "a\nb", &long] {
        let json = serde_json::to_string(id).unwrap();
        match (
            serde_json::from_str::<SessionId>(&json),
            id.parse::<SessionId>(),
        ) {
            (Ok(read), Ok(parsed)) => {
                assert_eq!(read, parsed);
                assert_eq!(serde_json::to_string(&read).unwrap(), json);
            }
            (Err(error), Err(rule)) => {
                assert!(error.to_string().starts_with(&rule.to_string()), "{error}");
            }
            (read, parsed) => panic!("{read:?} is not {parsed:?}"),
        }
    }
    let error = serde_json::from_str::<SessionId>("7").unwrap_err();
    assert!(error.to_string().contains("a session id"), "{error}");
}

#[tokio::test]
async fn the_mark_of_a_page_leads_to_the_next_one_when_it_comes_back() {
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .unwrap();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, chat()).await.unwrap();
    }
    let first = sessions.list_page(None, 2).await.unwrap();
    let json = serde_json::to_string(&first.next).unwrap();
    let mark: Option<PageMark> = serde_json::from_str(&json).unwrap();
    let second = sessions.list_page(mark, 2).await.unwrap();
    assert_eq!(second.sessions.len(), 1);
    assert_eq!(second.sessions[0].id, "c");
    // Any number may come back, and a bad id is an error.
    let odd: PageMark = serde_json::from_str("{\"id\":\"z\",\"position\":77}").unwrap();
    assert!(
        sessions
            .list_page(Some(odd), 2)
            .await
            .unwrap()
            .sessions
            .is_empty()
    );
    assert!(serde_json::from_str::<PageMark>("{\"id\":\"\",\"position\":1}").is_err());
    sessions.stop().await.unwrap();
}

/// The message of an error is the user's code.
#[test]
fn an_error_whose_message_panics_is_shown_all_the_same() {
    #[derive(Debug)]
    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in its message")
        }
    }

    impl std::error::Error for Panics {}

    let cause: ActorProcessingErr = Box::new(Panics);
    let exit = Exit::Failed {
        cause: Arc::new(cause),
    };
    assert_eq!(
        serde_json::to_string(&exit).unwrap(),
        "{\"kind\":\"failed\",\"cause\":\"an error whose message panicked\"}"
    );
}
