//! The binary as its users meet it: a process, JSON in, JSON out, against the simulated appliance over real HTTPS.
//!
//! `LXCA_BINARY` names the binary under test (`tests/run` sets it to the release build); without it, the one cargo built
//! for these tests. Every answer is held against the published schemas by the harness.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod dns_server;
mod harness;

mod first;
