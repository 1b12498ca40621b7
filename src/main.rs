//! The `sidgate` program: see the library for what it does.

use std::process::ExitCode;

/// A request allocates some thirty times, mostly headers; the system's allocator took a sixth of its instructions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sidgate::cli::main()
}
