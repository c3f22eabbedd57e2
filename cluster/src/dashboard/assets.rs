//! The page and what belongs to it, as they lie in the folder `assets`. No build makes them, and
//! nothing of them is fetched from another host.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    /// Its path below the mount path.
    pub(super) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The page itself.
pub(super) const PAGE: Asset = Asset {
    path: "/index.html",
    kind: "text/html; charset=utf-8",
    text: include_str!("assets/index.html"),
};

/// All files.
pub(super) const ALL: [Asset; 9] = [
    PAGE,
    Asset {
        path: "/dashboard.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("assets/dashboard.css"),
    },
    Asset {
        path: "/icon.svg",
        kind: "image/svg+xml",
        text: include_str!("assets/icon.svg"),
    },
    script("/dashboard.js", include_str!("assets/dashboard.js")),
    script("/dom.js", include_str!("assets/dom.js")),
    script("/grid.js", include_str!("assets/grid.js")),
    script("/live.js", include_str!("assets/live.js")),
    script("/nodes.js", include_str!("assets/nodes.js")),
    script("/shards.js", include_str!("assets/shards.js")),
];

const fn script(path: &'static str, text: &'static str) -> Asset {
    Asset {
        path,
        kind: "text/javascript; charset=utf-8",
        text,
    }
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}
