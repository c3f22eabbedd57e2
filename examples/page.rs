//! Sessions, and a page that shows them: `cargo run --example page --features dashboard`.
use session_supervisor::{Application, ChildSpec, Dashboard, Options, SessionSupervisor};
use tokio::net::TcpListener;

struct Chat;
#[ractor::actor(message = String, state = (), arguments = ())]
impl Chat {}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let chat = || ChildSpec::new(|_start| (Chat, ()));
    let page = ChildSpec::task(|_start, stop| async move {
        let chats = SessionSupervisor::where_is("chats").ok_or("there are no chats")?;
        let page = Dashboard::new(&chats).close_on(stop.requested());
        let app = axum::Router::new().nest("/sessions", page.router());
        let listener = TcpListener::bind("127.0.0.1:8080").await?;
        let server = axum::serve(listener, app);
        Ok(server.with_graceful_shutdown(stop.requested()).await?)
    });
    Application::new(Options::new().name("chats"))
        .child("page", page)
        .session("alice", chat())
        .session("bob", chat())
        .run()
        .await?
        .exit()
}
