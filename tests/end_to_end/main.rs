//! The binary as its users meet it: a process, JSON in, JSON out, against the simulated appliance over real HTTPS.
//!
//! `LXCA_BINARY` names the binary under test (`tests/run` sets it to the release build); without it, the one cargo built
//! for these tests. Every answer is held against the published schemas by the harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests"
)]

#[path = "../support/dns_server.rs"]
mod dns_server;
mod harness;
mod hostile;
mod hostile_appliance;

mod appliance_info;
mod authentication;
mod bolt;
mod ca_files;
mod call;
mod callers;
mod catalog;
mod every_fault;
mod export;
mod host;
mod input;
mod limits;
mod memory;
mod proxy;
mod proxy_variables;
mod reading;
mod refusals;
mod repeat;
mod schemas;
mod scripted;
mod secrets;
mod sessions;
mod signals;
mod static_binary;
mod timeouts;
mod tls;
mod trust;
mod updates;
