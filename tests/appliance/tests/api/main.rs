//! The appliance, seen from outside by a client of a few lines. One test program, because each one is linked anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod access;
mod accounts;
mod binary;
mod certificates;
mod client;
mod downloads;
mod faults;
mod firmware;
mod hostile;
mod load;
mod management;
mod plays;
mod quirks;
mod restart;
mod tasks;
