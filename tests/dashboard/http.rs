//! A server with a dashboard, and a client that makes its requests by hand.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::Router;
use ractor::{ActorProcessingErr, ActorRef};
use serde_json::Value;
use session_supervisor::{Options, SessionSupervisor};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A session that fails when it is told to.
pub(crate) struct Chat;

#[ractor::actor(message = String, state = (), arguments = ())]
impl Chat {
    async fn handle(
        &self,
        _: ActorRef<String>,
        message: String,
        _: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err(message.into())
    }
}

pub(crate) async fn supervisor() -> SessionSupervisor {
    let options = Options::new().unique_name();
    SessionSupervisor::start(options).await.expect("it starts")
}

/// A server on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The stable name of the error.
    pub(crate) fn error(&self) -> String {
        let error = self.json()["error"].as_str().map(str::to_owned);
        error.unwrap_or_else(|| panic!("no error: {self:?}"))
    }
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address }
    }

    /// The origin of the pages that it serves.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn send(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let sent = stream.write_all(request.as_bytes()).await;
        sent.expect("it takes it");
        BufReader::new(stream)
    }

    /// A request as it stands, but for the headers that each has.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!(
            "connection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.raw(&(head + body)).await
    }

    /// A request as it stands. It has to ask for the end of the connection.
    pub(crate) async fn raw(&self, request: &str) -> Response {
        let mut stream = self.send(request).await;
        let (status, headers) = read_head(&mut stream).await;
        let mut body = Vec::new();
        // A server that refuses a request before it has read it may cut the connection.
        stream.read_to_end(&mut body).await.ok();
        let body = String::from_utf8(body).expect("text");
        Response {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], "").await
    }

    /// The JSON at a path.
    pub(crate) async fn data(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    /// Opens a stream of events.
    pub(crate) async fn events(&self, path: &str) -> Result<Events, Response> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        let mut stream = self.send(&head).await;
        let (status, headers) = read_head(&mut stream).await;
        if status != 200 {
            let body = String::new();
            return Err(Response {
                status,
                headers,
                body,
            });
        }
        assert_eq!(headers["content-type"], "text/event-stream");
        let read = String::new();
        Ok(Events { stream, read })
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> (u16, HashMap<String, String>) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let first = lines.next().expect("a status line");
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    (status.expect("a status"), headers.collect())
}

/// An open stream of events.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    read: String,
}

impl Events {
    /// The next event and its data; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                let mut lines = event.lines();
                let name = lines.next().and_then(|line| line.strip_prefix("event: "));
                let data = lines.next().and_then(|line| line.strip_prefix("data: "));
                assert_eq!(lines.next(), None, "{event}");
                let (name, data) = (name.expect("a name"), data.expect("data"));
                let data = serde_json::from_str(data).expect("JSON");
                return Some((name.to_owned(), data));
            }
            let chunk = self.chunk().await?;
            self.read.push_str(&chunk);
        }
    }

    /// The data of the next event of this name. The others are passed over.
    pub(crate) async fn until(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().await.expect("the stream goes on");
            if event == name {
                return data;
            }
        }
    }

    /// A chunk of the body; none at its end.
    async fn chunk(&mut self) -> Option<String> {
        let mut length = String::new();
        self.stream.read_line(&mut length).await.expect("a line");
        let length = usize::from_str_radix(length.trim_end(), 16).unwrap_or(0);
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).expect("text"))
    }
}

/// As in a URL or a form.
pub(crate) fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
