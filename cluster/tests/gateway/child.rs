//! The node: it reads commands, carries each out on a task of its own, and writes one line for each.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_supervisor_cluster::engine::{Incarnation, NodeName};
use session_supervisor_cluster::gateway::{
    AskError, Gateway, GatewayOptions, PeerInfo, Peers, Serving,
};
use session_supervisor_cluster::wire::{Answer, Ask, Done, Hello, Payload, Request, Wanted};
use tokio::sync::Semaphore;

use crate::{figures, strange, tls};

pub(crate) type Settings = HashMap<String, String>;

pub(crate) fn setting<'a>(settings: &'a Settings, key: &str, usual: &'a str) -> &'a str {
    settings.get(key).map_or(usual, String::as_str)
}

fn number(settings: &Settings, key: &str, usual: &str) -> u64 {
    setting(settings, key, usual).parse().expect("a number")
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::try_from(text).expect("a name")
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("small")
}

pub(crate) fn hello(settings: &Settings) -> Hello {
    Hello {
        cluster: setting(settings, "cluster", "c1").to_owned(),
        protocol: small(number(settings, "protocol", "1")),
        shards: small(number(settings, "shards", "512")),
        hash: small(number(settings, "hash", "1")),
        node: name(setting(settings, "node", "a")),
        incarnation: Incarnation::new(number(settings, "incarnation", "1")),
    }
}

/// Writes one line at once, so that none is torn.
pub(crate) fn say(tag: &str, answer: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{tag} {}", answer.replace('\n', " ")).expect("it is read");
    out.flush().expect("it is read");
}

pub(crate) fn run(args: &[String]) {
    let pairs = args
        .iter()
        .map(|arg| arg.split_once('=').expect("key=value"));
    let settings: Settings = pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(node(settings));
}

async fn node(settings: Settings) {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    if settings.contains_key("strange") {
        strange::node(&settings).await;
        return;
    }
    let mut options = GatewayOptions::new(setting(&settings, "cookie", "secret"))
        .pulse(Duration::from_millis(number(&settings, "pulse", "200")))
        .serving(number(&settings, "serving", "1024") as usize)
        .in_flight(number(&settings, "in_flight", "256") as usize)
        .waiting(number(&settings, "waiting", "4096") as usize);
    if let Some(certificate) = settings.get("tls") {
        options = options.tls(tls::of(certificate));
    }
    let gateway = Gateway::open(options, hello(&settings), Arc::new(serve)).await;
    let gateway = gateway.expect("it is opened");
    say("0", &gateway.address().to_string());

    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let peers = gateway.peers().clone();
        tokio::spawn(async move {
            let mut words = line.split(' ');
            let tag = words.next().expect("a tag").to_owned();
            let words: Vec<_> = words.collect();
            let answer = command(&peers, &words).await;
            say(&tag, &answer);
        });
    }
}

async fn command(peers: &Peers, words: &[&str]) -> String {
    let parse = |text: &str| text.parse::<u64>().expect("a number");
    match *words {
        ["ping"] => "pong".to_owned(),
        ["set", ref nodes @ ..] => {
            peers.set(
                nodes
                    .iter()
                    .filter(|node| !node.is_empty())
                    .map(|node| peer(node))
                    .collect(),
            );
            "ok".to_owned()
        }
        ["up", node] => wait(peers, || peers.is_up(&name(node)).then(|| "up".to_owned())).await,
        ["down", node] => {
            wait(peers, || {
                (!peers.is_up(&name(node))).then(|| "down".to_owned())
            })
            .await
        }
        ["error", node, ref text @ ..] => {
            let text = text.join(" ");
            wait(peers, || {
                last_error(peers, node).filter(|error| error.contains(&text))
            })
            .await
        }
        ["status"] => format!("{:?}", peers.status()),
        ["ports"] => ports(),
        ["rss"] => resident().to_string(),
        ["ask", node, what, bytes, timeout] => {
            let payload = vec![7; usize::try_from(parse(bytes)).expect("small")];
            ask(
                peers,
                node,
                what,
                payload,
                Duration::from_millis(parse(timeout)),
            )
            .await
        }
        ["look", node, timeout] => look(peers, node, Duration::from_millis(parse(timeout))).await,
        ["flood", node, what, count, at_once, bytes, timeout] => {
            let timeout = Duration::from_millis(parse(timeout));
            flood(
                peers,
                node,
                what,
                parse(count),
                parse(at_once),
                parse(bytes),
                timeout,
            )
            .await
        }
        ["sequential", node, count] => figures::sequential(peers, node, parse(count)).await,
        ["local", count] => figures::local(parse(count)).await,
        _ => panic!("what is {words:?}?"),
    }
}

fn peer(text: &str) -> (NodeName, PeerInfo) {
    let (node, rest) = text.split_once('=').expect("name=address#incarnation");
    let (address, incarnation) = rest.rsplit_once('#').expect("name=address#incarnation");
    let info = PeerInfo {
        address: address.to_owned(),
        incarnation: Incarnation::new(incarnation.parse().expect("a number")),
    };
    (name(node), info)
}

fn last_error(peers: &Peers, node: &str) -> Option<String> {
    let status = peers
        .status()
        .into_iter()
        .find(|peer| peer.node == name(node))?;
    status.last_error.map(|error| error.to_string())
}

/// Waits until there is an answer, and looks whenever a peer has changed; a last error has no event of
/// its own, so it is looked up now and then.
async fn wait(peers: &Peers, look: impl Fn() -> Option<String>) -> String {
    let mut changes = peers.changes();
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        if Instant::now() > until {
            return format!("late: {:?}", peers.status());
        }
        drop(tokio::time::timeout(Duration::from_millis(20), changes.changed()).await);
    }
}

fn call(what: &str, payload: Vec<u8>) -> Request {
    Request::new(Ask::Call {
        id: what.to_owned(),
        protocol: String::new(),
        request: Payload::from(payload),
        reply: Wanted::Yes,
    })
}

async fn ask(peers: &Peers, node: &str, what: &str, payload: Vec<u8>, timeout: Duration) -> String {
    let began = Instant::now();
    let answer = peers.ask(&name(node), call(what, payload), timeout).await;
    let ms = began.elapsed().as_millis();
    match answer {
        Ok(Answer::Done(Done::Reply(reply))) if what == "from" => {
            String::from_utf8_lossy(reply.as_slice()).into_owned()
        }
        Ok(Answer::Done(Done::Reply(reply))) => {
            format!("reply {} in {ms} ms", reply.as_slice().len())
        }
        Ok(answer) => format!("answer {answer:?} in {ms} ms"),
        Err(error) => failure(&error, ms),
    }
}

async fn look(peers: &Peers, node: &str, timeout: Duration) -> String {
    let began = Instant::now();
    let request = Request::new(Ask::Lookup { id: "s".to_owned() });
    match peers.ask(&name(node), request, timeout).await {
        Ok(answer) => format!("answer {answer:?}"),
        Err(error) => failure(&error, began.elapsed().as_millis()),
    }
}

fn failure(error: &AskError, ms: u128) -> String {
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!("error {:?}: {error}{cause} in {ms} ms", error.outcome())
}

async fn flood(
    peers: &Peers,
    node: &str,
    what: &str,
    count: u64,
    at_once: u64,
    bytes: u64,
    timeout: Duration,
) -> String {
    let turns = Arc::new(Semaphore::new(usize::try_from(at_once).expect("small")));
    let began = Instant::now();
    let mut asks = Vec::new();
    for _ in 0..count {
        let turn = Arc::clone(&turns)
            .acquire_owned()
            .await
            .expect("it is open");
        let (peers, node) = (peers.clone(), name(node));
        let payload = vec![7; usize::try_from(bytes).expect("small")];
        let request = call(what, payload);
        asks.push(tokio::spawn(async move {
            let answer = peers.ask(&node, request, timeout).await;
            drop(turn);
            match answer {
                Ok(Answer::Done(_)) => "done".to_owned(),
                Ok(Answer::NobodyNow { .. }) => "later".to_owned(),
                Ok(answer) => format!("{answer:?}"),
                Err(error) => format!("{:?}: {error}", error.outcome()),
            }
        }));
    }
    let mut counts: HashMap<String, u64> = HashMap::new();
    for ask in asks {
        let outcome = ask.await.expect("it does not panic");
        // Without the durations that some of them tell.
        let outcome = outcome.split(" for ").next().expect("a text").to_owned();
        *counts.entry(outcome).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort();
    let counts: Vec<_> = counts
        .iter()
        .map(|(what, count)| format!("{what}={count}"))
        .collect();
    format!("us={} {}", began.elapsed().as_micros(), counts.join("; "))
}

/// On which ports of 127.0.0.1 this process listens.
fn ports() -> String {
    let sockets: Vec<_> = std::fs::read_dir("/proc/self/fd")
        .expect("Linux")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("Linux");
    let ports = table.lines().skip(1).filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let ours = sockets.contains(&format!("socket:[{}]", words[9]));
        // 0A is a socket that listens.
        let port = words[1].split_once(':')?.1;
        let port = u16::from_str_radix(port, 16).ok()?;
        (ours && words[3] == "0A").then(|| port.to_string())
    });
    ports.collect::<Vec<_>>().join(" ")
}

/// In KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a line").parse().expect("a number")
}

fn serve(from: Option<NodeName>, request: Request) -> Serving {
    Box::pin(async move {
        let Ask::Call { id, request, .. } = request.ask else {
            return Answer::Done(Done::Found(None));
        };
        match id.as_str() {
            "echo" => Answer::Done(Done::Reply(request)),
            "from" => {
                let from = from.map_or_else(String::new, |from| from.to_string());
                Answer::Done(Done::Reply(from.into_bytes().into()))
            }
            "huge" => Answer::Done(Done::Reply(vec![7; 2 << 20].into())),
            "panic" => panic!("on purpose"),
            "slow" => std::future::pending().await,
            other => panic!("what is {other}?"),
        }
    })
}
