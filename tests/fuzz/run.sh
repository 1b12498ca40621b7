#!/usr/bin/env bash
# Fuzzes targets one after another: tests/fuzz/run.sh SECONDS TARGET...
#
# On the stable compiler: coverage comes from LLVM's own pass, without a sanitizer. What is found in a run is kept in
# the build's folder; what is worth keeping is copied into corpus/ by hand (`-merge=1`).
set -euo pipefail
cd "$(dirname "$0")"
seconds=$1
shift
target=$(rustc -vV | sed -n 's/^host: //p')
folder=${CARGO_TARGET_DIR:-target}
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions --cfg fuzzing"
cargo build --release --target "$target"
for name in "$@"; do
    mkdir -p "$folder/found/$name"
    "$folder/$target/release/$name" -max_total_time="$seconds" -max_len=9000 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$folder/found/$name-" "$folder/found/$name" "corpus/$name"
done
