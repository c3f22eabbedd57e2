//! A real browser, driven over the WebDriver protocol by hand: it is JSON over HTTP, of which a dozen
//! commands are needed.
//!
//! Where there is no `chromedriver`, the tests are skipped, and say so on standard error whatever the
//! test harness captures.

use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page. Dropped, it is closed.
pub(crate) struct Browser {
    driver: Child,
    _output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes its browser; killed, it would leave it behind.
        let path = format!("/session/{}", self.session);
        call(self.address, "DELETE", &path, "");
        self.driver.start_kill().ok();
    }
}

fn skip(why: &str) {
    // Not by a macro: the harness captures those.
    let told = format!("SKIPPED: the dashboard in a browser: {why}\n");
    std::io::stderr().write_all(told.as_bytes()).ok();
}

impl Browser {
    /// A browser; none if there is none on this machine.
    pub(crate) async fn open() -> Option<Self> {
        let found = Command::new("chromedriver").arg("--version").output();
        if found.is_err() {
            skip("chromedriver is not installed (Debian: chromium, chromium-driver)");
            return None;
        }
        let mut driver = tokio::process::Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the driver starts");
        let stdout = driver.stdout.take().expect("piped");
        let mut output = BufReader::new(stdout).lines();
        let port = loop {
            let line = output.next_line().await.expect("its output");
            let line = line.expect("it tells its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().expect("a port");
            }
        };
        let mut browser = Self {
            driver,
            _output: output,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
        };
        let options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--no-proxy-server", "--window-size=1280,800",
        ] });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 60_000 },
        } } });
        let made = browser.post("/session", wanted).await;
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (address, path) = (self.address, path.to_owned());
        let sent = body.to_string();
        let called = tokio::task::spawn_blocking(move || call(address, "POST", &path, &sent));
        let answer = called.await.expect("it answers").expect("an answer");
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{value}");
        value
    }

    async fn command(&self, command: &str, body: Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        self.post(&path, body).await
    }

    pub(crate) async fn go(&self, url: &str) {
        self.command("url", json!({ "url": url })).await;
    }

    /// Runs a script in the page, and answers what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.command("execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    /// The text of what a selector finds first.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?}).textContent");
        self.run(&script).await.as_str().expect("a text").to_owned()
    }

    /// Waits until an expression holds in the page, and answers the page's time then, in
    /// milliseconds.
    pub(crate) async fn until(&self, expression: &str) -> f64 {
        let script = format!(
            "const done = arguments[0];
             const look = () => {{
               let holds = false;
               try {{ holds = Boolean({expression}); }} catch {{ holds = false; }}
               if (holds) done(performance.now()); else setTimeout(look, 10);
             }};
             look();"
        );
        let wanted = json!({ "script": script, "args": [] });
        let waited = self.command("execute/async", wanted).await;
        waited
            .as_f64()
            .unwrap_or_else(|| panic!("{expression}: {waited}"))
    }

    /// Presses keys, one after the other.
    pub(crate) async fn press(&self, keys: &[char]) {
        let actions: Vec<_> = keys
            .iter()
            .flat_map(|key| {
                let key = key.to_string();
                ["keyDown", "keyUp"].map(|what| json!({ "type": what, "value": key }))
            })
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("actions", json!({ "actions": [keyboard] }))
            .await;
    }

    async fn devtools(&self, cmd: &str, params: Value) {
        let wanted = json!({ "cmd": cmd, "params": params });
        self.command("goog/cdp/execute", wanted).await;
    }

    /// The size of the page, in pixels.
    pub(crate) async fn size(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// `light` or `dark`.
    pub(crate) async fn scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        let features = json!({ "features": [feature] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// What the browser has to complain of, since the last time.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let told = self.command("se/log", json!({ "type": "browser" })).await;
        let lines = told.as_array().expect("lines").iter();
        lines.map(|line| line["message"].to_string()).collect()
    }

    /// The page as a PNG file.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let address = self.address;
        let path = format!("/session/{}/screenshot", self.session);
        let called = tokio::task::spawn_blocking(move || call(address, "GET", &path, ""));
        let answer = called.await.expect("it answers").expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        base64(answer["value"].as_str().expect("a picture"))
    }
}

/// The body of the answer to a request; none if there is none.
fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    // The driver keeps the connection, whatever it is asked.
    let mut stream = std::io::BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(told) = line.strip_prefix("content-length:") {
            length = told.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<_> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(value)
        .collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for four in digits.chunks(4) {
        let whole = four
            .iter()
            .fold(0_u32, |sum, digit| sum << 6 | u32::from(*digit));
        let whole = whole << (6 * (4 - four.len()));
        bytes.extend_from_slice(&whole.to_be_bytes()[1..four.len()]);
    }
    bytes
}
