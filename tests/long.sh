#!/bin/sh
# What takes too long for every change: `sh tests/long.sh`. The timing figures,
# long fuzzing, real projects. Same ending as tests/all.sh. Under 90 minutes.
set -eu
cd "$(dirname "$0")/.."

# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/lib.sh
parts_begin
PATH=$(tools_dir)/bin:$PATH
export PATH

part 'tools' sh tests/tools.sh
part 'build' cargo build --release --locked
# First, while nothing else runs on the machine.
part 'figures' sh benches/figures.sh
part 'action figures' sh benches/action.sh
part_tests 'real projects' cargo test --locked --test projects --test ecosystems_node_java --test scans
part_tests 'error rates' env QTE_REPETITIONS=1000000 cargo test --locked --release --test stats -- --nocapture
fuzz_targets /1500
parts_end
