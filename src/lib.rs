//! CI gates that cannot pass without evidence. The binary `qte-ci` is a thin shell over these rooms;
//! they are public so that tests, benches and fuzzers reach the pure ones. See docs/ARCHITECTURE.md.

#![forbid(unsafe_code)]

pub mod act;
pub mod cli;
pub mod config;
pub mod facts;
pub mod gate;
pub mod judge;
pub mod order;
pub mod publish;
pub mod read;
pub mod replay;
pub mod requires;
pub mod tell;
pub mod verify;
