#!/bin/sh
# Everything that a change must pass, from a fresh clone: `sh tests/all.sh`.
# Runs each part whatever the others said; the last line is
# `N passed, N failed, N skipped`, the exit code 1 when anything failed.
# Needs what tests/tools.sh needs. Under 40 minutes on 2 cores.
set -eu
cd "$(dirname "$0")/.."

# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/lib.sh
parts_begin
PATH=$(tools_dir)/bin:$PATH
QTE_NODE=$(tools_dir)/node
export PATH QTE_NODE

workflows() {
	actionlint .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.github-actions action.yml
	zizmor --offline --no-progress .github action.yml
}

# Tracked or about to be; what git ignores is not ours.
shell_scripts() {
	git ls-files --cached --others --exclude-standard -z -- '*.sh' .ci/run .ci/long |
		xargs -0 shellcheck --external-sources
}

# The tests wait more than they compute.
builds() {
	cargo build --release --locked
	fuzz_build
}

part 'tools' sh tests/tools.sh
part 'format' cargo fmt --check
part 'clippy' cargo clippy --locked --all-targets -- -D warnings
part_behind 'release and fuzz builds' builds
part_tests 'tests' cargo test --locked --no-fail-fast
part 'dependencies' cargo deny --locked check bans licenses sources
part 'workflows' workflows
part 'shell scripts' shell_scripts
part_join
fuzz_targets 10
parts_end
