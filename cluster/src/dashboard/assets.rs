//! The page and what belongs to it, as they lie in the folder `assets`, and those of the library's page that it
//! has too. No build makes them, and nothing of them is fetched from another host.

use session_supervisor::dashboard::page::{Asset, DOM, LIVE};

/// The page itself.
pub(super) const PAGE: Asset = Asset::page(include_str!("assets/index.html"));

/// All files.
pub(super) const ALL: [Asset; 9] = [
    PAGE,
    Asset::style(include_str!("assets/dashboard.css")),
    Asset::icon(include_str!("assets/icon.svg")),
    DOM,
    LIVE,
    Asset::script("/dashboard.js", include_str!("assets/dashboard.js")),
    Asset::script("/grid.js", include_str!("assets/grid.js")),
    Asset::script("/nodes.js", include_str!("assets/nodes.js")),
    Asset::script("/shards.js", include_str!("assets/shards.js")),
];
