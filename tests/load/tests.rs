//! The parts of the load generator that can be tested by themselves; the whole is run in `tests/gateway/load_tool.rs`.
#![expect(dead_code, reason = "these tests look at parts only")]

mod options;
mod pace;
mod pick;

type Fault = String;
