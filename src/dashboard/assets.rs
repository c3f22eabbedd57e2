//! The page and what belongs to it, as they lie in the folder `assets`. No build makes them, and
//! nothing of them is fetched from another host.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The page itself.
pub(super) const PAGE: Asset = Asset::page(include_str!("assets/index.html"));

/// Elements, numbers, times and requests.
pub const DOM: Asset = Asset::script("/dom.js", include_str!("assets/dom.js"));

/// The connection, by which a page is told of what happens.
pub const LIVE: Asset = Asset::script("/live.js", include_str!("assets/live.js"));

/// All files.
pub(super) const ALL: [Asset; 9] = [
    PAGE,
    Asset::style(include_str!("assets/dashboard.css")),
    Asset::icon(include_str!("assets/icon.svg")),
    DOM,
    LIVE,
    Asset::script("/dashboard.js", include_str!("assets/dashboard.js")),
    Asset::script("/plots.js", include_str!("assets/plots.js")),
    Asset::script("/session.js", include_str!("assets/session.js")),
    Asset::script("/table.js", include_str!("assets/table.js")),
];

impl Asset {
    /// The page itself.
    #[must_use]
    pub const fn page(text: &'static str) -> Self {
        Self::new("/index.html", "text/html; charset=utf-8", text)
    }

    /// How it looks.
    #[must_use]
    pub const fn style(text: &'static str) -> Self {
        Self::new("/dashboard.css", "text/css; charset=utf-8", text)
    }

    /// What stands beside its title.
    #[must_use]
    pub const fn icon(text: &'static str) -> Self {
        Self::new("/icon.svg", "image/svg+xml", text)
    }

    /// What it does.
    #[must_use]
    pub const fn script(path: &'static str, text: &'static str) -> Self {
        Self::new(path, "text/javascript; charset=utf-8", text)
    }

    const fn new(path: &'static str, kind: &'static str, text: &'static str) -> Self {
        Self { path, kind, text }
    }

    /// Its path below the mount path.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}
