//! The numbers of a session supervisor for Prometheus, on loopback:
//! `cargo run --example metrics --features metrics`, and then
//! `curl http://127.0.0.1:9464/metrics`. Another address may be given.
//!
//! Sessions come, work, crash now and then, and are stopped, so that there is something to see. At
//! Ctrl-C the program ends.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Options, SessionSupervisor, metrics};
use tokio::net::TcpListener;

/// The recorder of the whole program. Its histograms have the buckets in which sessions are counted.
pub(crate) fn prometheus() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, bounds) in metrics::buckets() {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &bounds)?;
    }
    builder.install_recorder()
}

/// `GET /metrics`: each scrape publishes first, so that it shows the numbers of its moment.
pub(crate) fn app(sessions: SessionSupervisor, prometheus: PrometheusHandle) -> Router {
    let exporter = Arc::new(Mutex::new(metrics::Exporter::new()));
    let scrape = move || {
        let scraped = (Arc::clone(&exporter), sessions.clone(), prometheus.clone());
        async move {
            let (exporter, sessions, prometheus) = scraped;
            let text = tokio::task::spawn_blocking(move || {
                let mut exporter = exporter.lock().unwrap_or_else(PoisonError::into_inner);
                exporter.publish(&sessions);
                prometheus.render()
            });
            text.await.map_err(|error| error.to_string())
        }
    };
    Router::new().route("/metrics", get(scrape))
}

/// A session that fails at each seventh message.
struct Worker;

#[ractor::actor(message = u64, state = (), arguments = ())]
impl Worker {
    async fn handle(
        &self,
        _myself: ActorRef<u64>,
        number: u64,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if number % 7 == 6 {
            return Err("the seventh message".into());
        }
        Ok(())
    }
}

async fn work(sessions: SessionSupervisor) {
    for number in 0.. {
        let id = format!("worker-{}", number % 40);
        let worker = sessions.session_ref::<u64>(&id);
        let spec = ChildSpec::new(|_start| (Worker, ()));
        if let Ok(worker) = worker {
            worker.or_start(spec).cast(number).await.ok();
        }
        if number % 50 == 49 {
            sessions.stop_session(&id).await.ok();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:9464");
    let prometheus = prometheus()?;
    let sessions = SessionSupervisor::start(Options::new().name("workers")).await?;
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/metrics", listener.local_addr()?);
    let work = tokio::spawn(work(sessions.clone()));
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app(sessions.clone(), prometheus))
        .with_graceful_shutdown(stop)
        .await?;
    work.abort();
    println!("{:?}", sessions.stop().await?);
    Ok(())
}
