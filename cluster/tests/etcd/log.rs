//! What a test's own thread logs, line by line.

use std::io::{self, Write};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::fmt::MakeWriter;

use crate::node::soon;

/// The lines of the levels error, warn and info, until this is dropped. Tasks of a runtime of one thread are
/// heard too.
pub(crate) struct Log {
    lines: UnboundedReceiver<String>,
    _heard: DefaultGuard,
}

impl Log {
    pub(crate) fn listen() -> Self {
        let (tell, lines) = unbounded_channel();
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_writer(To(tell))
            .finish();
        Self {
            lines,
            _heard: set_default(log),
        }
    }

    /// Waits for a line that holds this, and answers it. Those before it are thrown away.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        soon(text, async {
            loop {
                let line = self.lines.recv().await.expect("it goes on");
                if line.contains(text) {
                    return line;
                }
            }
        })
        .await
    }
}

/// Each line is written at once.
#[derive(Clone)]
struct To(UnboundedSender<String>);

impl Write for To {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The test may have gone.
        drop(self.0.send(String::from_utf8_lossy(line).into_owned()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for To {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
