# shellcheck shell=sh
# Runs every test of a workspace once.
#   $1 folder for reports   $2 measure (yes, no)   $3 keep Cargo.lock (yes, no)
#   $4 profile of nextest, or nothing   $5 arguments of the doc tests beside nextest, or nothing
# The others go to cargo whenever it builds.
set -u
out=$1 measure=$2 keep=$3 profile=$4 doc=$5
shift 5
report=$out/cargo-test.txt
locked=
case " $* " in *' --locked '*) locked=--locked ;; esac

variables() {
	cargo llvm-cov show-env --sh 2>/dev/null || cargo llvm-cov show-env --export-prefix
}

# Instrumented artifacts stay apart from the project's own, as cargo-llvm-cov keeps them.
if [ "$measure" = yes ]; then
	if found=$(variables); then
		CARGO_TARGET_DIR=$(eval "$found" && printf '%s/llvm-cov-target' "$CARGO_LLVM_COV_TARGET_DIR")
		export CARGO_TARGET_DIR
		eval "$(variables)"
		# Old artifacts and counters would be reported as this run's. Even this would write a new lock unless told.
		cargo llvm-cov clean --workspace $locked
	else
		echo 'coverage cannot be measured (see above): rustup component add llvm-tools; the tests run without it' >&2
		measure=no
	fi
fi

# Built apart: a compiler's error is then a report of its own, and the report of the tests holds nothing else.
if [ -n "$profile" ]; then
	printf '[profile.default.junit]\npath = "%s/junit.xml"\n' "$out" >"$out/nextest.toml"
	set -- "$@" --tool-config-file "qte-ci:$out/nextest.toml" --profile "$profile"
	cargo nextest run "$@" --no-run 2>"$out/cargo-build.txt"
else
	cargo test "$@" --no-run 2>"$out/cargo-build.txt"
fi
code=$?
cat "$out/cargo-build.txt" >&2
if [ "$code" -ne 0 ]; then
	# No test ran, and there is nothing to report on.
	measure=no
	sed -n '/^ *\(Compiling\|Checking\|Blocking\|error\)/,$p' "$out/cargo-build.txt" >"$report"
elif [ -n "$profile" ]; then
	cargo nextest run "$@" --no-fail-fast
	code=$?
	if [ -n "$doc" ]; then
		# shellcheck disable=SC2086 # several words on purpose; names of packages hold no blanks
		cargo test --doc $doc $locked --no-fail-fast >"$report"
		doc_code=$?
		cat "$report"
		[ "$code" -ne 0 ] || code=$doc_code
	fi
else
	cargo test "$@" --no-fail-fast >"$report"
	code=$?
	cat "$report"
fi

if [ "$measure" = yes ]; then
	cargo llvm-cov report --lcov --output-path "$out/coverage.lcov"
fi
if [ "$keep" = no ] && [ -e Cargo.lock ]; then
	mv Cargo.lock "$out/Cargo.lock"
fi
exit "$code"
