//! Many tasks on the same ids at once, on both kinds of runtime.
