//! A session that is slow, stuck or broken hurts nobody else.
