# Shared by tests/all.sh and tests/long.sh: parts, their minutes, and the totals.
# Sourced, never run. A part is one command; it passes or fails, is timed, and
# the parts after a failed one still run, so that one run tells everything.
# shellcheck shell=sh

# Where tests/tools.sh puts what the checks need.
tools_dir() {
	printf '%s\n' "${QTE_TOOLS:-${HOME:?HOME or QTE_TOOLS must be set}/.cache/qte-ci-tools}"
}

# Called once, from the root of the checkout.
parts_begin() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/qte-ci-tests.XXXXXX")
	behind=
	trap 'if [ -n "$behind" ]; then kill "$behind"; fi; rm -rf "$work"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# A test that cannot run because something optional is missing adds one
	# line here that begins with `SKIPPED: `.
	QTE_SKIPPED_FILE=$work/skipped
	export QTE_SKIPPED_FILE
	: >"$QTE_SKIPPED_FILE"
	: >"$work/parts"
	: >"$work/libtest"
	started=$(date +%s)
}

# Runs `$@` as one part named $1, without standard input.
part() {
	part_name=$1
	shift
	printf '\n== %s\n' "$part_name"
	part_from=$(date +%s)
	# `&&` would switch `set -e` off inside the part; a child shell keeps it.
	set +e
	(
		set -e
		"$@"
	) </dev/null
	part_code=$?
	set -e
	part_note "$part_name" "$part_code" "$(($(date +%s) - part_from))"
}

# The same part in the background, at the lowest priority: it takes what the parts
# in front leave idle. One at a time; `part_join` waits for it, shows what it
# printed and counts it.
part_behind() {
	behind_name=$1
	shift
	behind_from=$(date +%s)
	(
		set -e
		"$@"
	) >"$work/behind" 2>&1 </dev/null &
	behind=$!
	renice -n 19 -p "$behind" >/dev/null
}

part_join() {
	printf '\n== %s (in the background)\n' "$behind_name"
	behind_code=0
	wait "$behind" || behind_code=$?
	cat "$work/behind"
	behind=
	part_note "$behind_name" "$behind_code" "$(($(date +%s) - behind_from))"
}

# As `part`, for a command that runs `cargo test`: each of its tests counts, not
# the part. No test at all is a failure: nothing was shown.
part_tests() {
	part_name=$1
	shift
	printf '\n== %s\n' "$part_name"
	part_from=$(date +%s)
	{
		set +e
		(
			set -e
			"$@"
		) </dev/null 2>&1
		echo $? >"$work/code"
		set -e
	} | tee "$work/log"
	part_code=$(cat "$work/code")
	# test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; ...
	awk '$1 == "test" && $2 == "result:" { passed += $4; failed += $6; ignored += $8 }
		END { print passed + 0, failed + 0, ignored + 0 }' "$work/log" >"$work/sums"
	read -r sum_passed sum_failed sum_ignored <"$work/sums"
	echo "$sum_passed $sum_failed $sum_ignored" >>"$work/libtest"
	printf '%s: %s passed, %s failed, %s ignored\n' \
		"$part_name" "$sum_passed" "$sum_failed" "$sum_ignored"
	if [ "$part_code" = 0 ] && [ $((sum_passed + sum_failed)) = 0 ]; then
		echo "error: $part_name: no test ran"
		part_code=1
	fi
	if [ "$part_code" = 0 ] || [ "$sum_failed" != 0 ]; then
		part_note "$part_name" "$part_code" "$(($(date +%s) - part_from))" counted
	else
		part_note "$part_name" "$part_code" "$(($(date +%s) - part_from))"
	fi
}

# part_note NAME CODE SECONDS [counted]: `counted` when its tests were counted.
part_note() {
	if [ "$2" = 0 ]; then outcome=pass; else outcome=FAIL; fi
	printf '%s\t%s\t%s\t%s\n' "$outcome" "$3" "${4:-part}" "$1" >>"$work/parts"
	if [ "$2" != 0 ]; then printf 'part failed: %s (exit %s)\n' "$1" "$2"; fi
}

minutes() {
	awk -v s="$1" 'BEGIN { printf "%.1f", s / 60 }'
}

# The table, the skipped tests, the failed parts, and as the very last line
# `N passed, N failed, N skipped`. Returns non-zero when anything failed.
parts_end() {
	printf '\n== minutes\n'
	while IFS='	' read -r outcome seconds _ name; do
		printf '%6s  %s  %s\n' "$(minutes "$seconds")" "$outcome" "$name"
	done <"$work/parts"
	printf '%6s        total\n' "$(minutes "$(($(date +%s) - started))")"

	if [ -s "$QTE_SKIPPED_FILE" ]; then
		printf '\n== skipped\n'
		cat "$QTE_SKIPPED_FILE"
	fi
	skipped=$(awk '/^SKIPPED: / { n++ } END { print n + 0 }' "$QTE_SKIPPED_FILE")

	bad=$(awk -F '\t' '$1 == "FAIL" { print "  " $4 }' "$work/parts")
	if [ -n "$bad" ]; then printf '\nfailed parts:\n%s\n' "$bad"; fi

	# A skipped test has returned normally, so libtest counted it as passed.
	awk -F '\t' '$3 == "part" { n[$1]++ } END { print n["pass"] + 0, n["FAIL"] + 0, 0 }' \
		"$work/parts" >>"$work/libtest"
	printf '\n'
	awk -v skipped="$skipped" '{ passed += $1; failed += $2; ignored += $3 }
		END { printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, ignored + skipped }' \
		"$work/libtest"
	[ -z "$bad" ]
}

fuzz_build() {
	cargo +nightly fuzz build
}

# fuzz_targets SECONDS_EACH | fuzz_targets /SECONDS_IN_ALL: every target of fuzz/,
# one part each, as many at once as there are processors.
fuzz_targets() {
	if ! cargo +nightly fuzz list >"$work/targets" || ! [ -s "$work/targets" ]; then
		part 'fuzz: list' false
		return
	fi
	part 'fuzz: build' fuzz_build
	if [ "$part_code" != 0 ]; then return; fi
	at_once=$(nproc)
	case $1 in
	/*) each=$((${1#/} * at_once / $(wc -l <"$work/targets"))) ;;
	*) each=$1 ;;
	esac
	mkdir -p "$work/fuzz"
	part "fuzz: run, $at_once at once" fuzz_run "$at_once" "$each" "$work/fuzz"
	# Not from a pipe: the parts must be counted in this shell.
	while read -r target <&3; do
		part "fuzz: $target ($each s)" fuzz_said "$work/fuzz/$target"
	done 3<"$work/targets"
}

# fuzz_run AT_ONCE SECONDS_EACH FOLDER
fuzz_run() {
	host=$(rustc +nightly -vV | sed -n 's/^host: //p')
	xargs -P "$1" -I '{}' sh -c '. tests/lib.sh; fuzz_one "$@"' sh '{}' "$2" "$host" "$3" <"$work/targets"
}

# fuzz_one TARGET SECONDS HOST FOLDER: runs it on a copy of its seeds, so that the
# tree stays clean; its exit code goes to FOLDER/TARGET.code, last of all.
fuzz_one() {
	seeds=$4/$1.seeds
	mkdir -p "$seeds" "fuzz/artifacts/$1"
	if [ -d "fuzz/corpus/$1" ]; then cp -R "fuzz/corpus/$1/." "$seeds"; fi
	code=0
	# Freed memory that the sanitizer holds back would count against the limit.
	ASAN_OPTIONS=quarantine_size_mb=16 "fuzz/target/$3/release/$1" "$seeds" \
		-artifact_prefix="fuzz/artifacts/$1/" -max_total_time="$2" \
		-rss_limit_mb=512 -timeout=10 -print_final_stats=1 >"$4/$1.log" 2>&1 || code=$?
	rm -rf "$seeds"
	echo "$code" >"$4/$1.code"
}

# One that left no exit code was not run.
fuzz_said() {
	if [ -f "$1.log" ]; then cat "$1.log"; fi
	return "$(cat "$1.code")"
}
