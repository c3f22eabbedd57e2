//! The file: who may open it, and what is in the way.

