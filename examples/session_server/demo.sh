#!/bin/sh
# Drives the session server through its standard input: a conversation, crashes, an agent, the live tree,
# a stop.
set -eu
cd "$(dirname "$0")/../.."
cargo run --quiet --example session_server -- --listen 127.0.0.1:0 --stdin <examples/session_server/demo.txt
