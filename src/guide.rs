//! The guide. Its pages are the files in `docs/guide`, and their examples are tests. Two pages that
//! tests compare with the code lie beside that folder.
//!
//! `guide/links.md` says where their links lead in rustdoc. The pages themselves end with where the
//! same links lead in the repository.
#![doc = ""]
#![doc = include_str!("guide/links.md")]
#![doc = ""]
#![doc = include_str!("../docs/guide/README.md")]

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/first_sessions.md")]
pub mod first_sessions {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/actors_and_http.md")]
pub mod actors_and_http {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/state.md")]
pub mod state {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/trees.md")]
pub mod trees {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/limits.md")]
pub mod limits {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/stopping.md")]
pub mod stopping {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/sharing.md")]
pub mod sharing {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/watching.md")]
pub mod watching {}

#[doc = include_str!("../docs/log.md")]
pub mod log {}

#[doc = include_str!("../docs/json.md")]
pub mod json {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/from_dynamic_supervisor.md")]
pub mod from_dynamic_supervisor {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/from_akka.md")]
pub mod from_akka {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/from_kameo.md")]
pub mod from_kameo {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/from_ractor.md")]
pub mod from_ractor {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/performance.md")]
pub mod performance {}

#[doc = include_str!("guide/links.md")]
#[doc = ""]
#[doc = include_str!("../docs/guide/promises.md")]
pub mod promises {}
