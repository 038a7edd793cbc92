#!/bin/sh
# The promised figures, asserted: `sh benches/figures.sh`. CPU, memory, overhead (figures.py), and what the static
# binary is: fully static, under 10 MB, at home in an empty chroot. Prints the machine and each figure with its bar;
# the exit code is 1 when one is missed. For a machine with nothing else running; takes about six minutes,
# three of them the build. QTE_CI_BINARY names a static binary that is there already.
set -eu
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
work=$(mktemp -d "${TMPDIR:-/tmp}/qte-ci-figures.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
missed=0

# figure OUTCOME NAME VALUE BAR, in the columns of figures.py.
figure() {
	printf '%-7s %-48s %14s   %s\n' "$1" "$2" "$3" "$4"
	if [ "$1" = MISSED ]; then missed=1; fi
}

# verdict NAME VALUE BAR COMMAND...: met when the command succeeds.
verdict() {
	name=$1 value=$2 bar=$3
	shift 3
	if "$@"; then figure met "$name" "$value" "$bar"; else figure MISSED "$name" "$value" "$bar"; fi
}

machine() {
	printf 'cpu:    %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	printf 'cores:  %s\n' "$(nproc)"
	printf 'memory: %s\n' "$(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)"
	printf 'kernel: %s\n' "$(uname -sr)"
	printf 'load:   %s\n\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
}

build() {
	RUSTFLAGS="-C target-feature=+crt-static" \
		cargo build --release --locked --target "$target"
	folder=$(cargo metadata --locked --no-deps --format-version 1 |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
	binary=$folder/$target/release/qte-ci
}

is_static() {
	[ -s "$work/headers" ] && ! grep -q INTERP "$work/headers"
}

# Some say "statically linked", some "not a dynamic executable".
said_static() {
	grep -q -e 'statically linked' -e 'not a dynamic executable' "$work/ldd"
}

in_empty_root() {
	if [ "$(id -u)" = 0 ]; then chroot "$work/root" "$@"; else unshare -r chroot "$work/root" "$@"; fi
}

empty_root_works() {
	in_empty_root /qte-ci --version | grep -q '^qte-ci ' &&
		in_empty_root /qte-ci read --json /junit.xml | grep -q '"tests":1,"passed":1,'
}

static_binary() {
	readelf --program-headers --wide "$binary" >"$work/headers"
	# ldd says no to a static binary, with exit code 1.
	if ! ldd "$binary" >"$work/ldd" 2>&1; then echo 'exit 1' >>"$work/ldd"; fi
	bytes=$(wc -c <"$binary")
	verdict 'static: program interpreter' "$(awk '/INTERP/ { n++ } END { print n + 0 }' "$work/headers")" '0' is_static
	verdict 'static: what ldd says' 'static' 'static' said_static
	verdict 'static: size' "$(awk -v b="$bytes" 'BEGIN { printf "%.2f MB", b / 1e6 }')" '< 10 MB' \
		test "$bytes" -lt 10000000
	if [ "$(id -u)" != 0 ] && ! unshare -r true; then
		line='SKIPPED: figures: the empty chroot needs root or unshare -r'
		echo "$line"
		if [ -n "${QTE_SKIPPED_FILE:-}" ]; then echo "$line" >>"$QTE_SKIPPED_FILE"; fi
		return
	fi
	mkdir "$work/root"
	cp "$binary" "$work/root/qte-ci"
	echo '<testsuite name="s" tests="1"><testcase classname="a" name="b" time="1"/></testsuite>' >"$work/root/junit.xml"
	verdict 'static: --version and read in an empty chroot' 'runs' 'runs' empty_root_works
}

machine
binary=${QTE_CI_BINARY:-}
if [ -z "$binary" ]; then build; fi
static_binary
python3 benches/figures.py "$binary" "$work" tests/sample || missed=1
if [ "$missed" != 0 ]; then
	echo 'figures: at least one was missed'
	exit 1
fi
echo 'figures: all met'
