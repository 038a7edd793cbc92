#!/bin/sh
# What the action costs a job, asserted: `sh benches/action.sh`. `act` runs it offline against a release on loopback;
# the best of n times of its step is taken, less the best of n of a composite that does nothing. The binary only says
# its version and ends, so the time is the action's. The exit code is 1 when a figure is missed. For a machine with
# nothing else running; takes a minute, and three more for the build. QTE_CI_BINARY names a static binary that is there
# already.
set -eu
cd "$(dirname "$0")/.."

rounds=25
warm_most_ms=60
cold_most_ms=400
target=x86_64-unknown-linux-gnu
work=$(mktemp -d "${TMPDIR:-/tmp}/qte-ci-action.XXXXXX")
server=
finish() {
	if [ -n "$server" ]; then kill "$server"; fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source-path=SCRIPTDIR source=../tests/lib.sh
. tests/lib.sh
PATH=$(tools_dir)/bin:$PATH

machine() {
	printf 'cpu:    %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	printf 'cores:  %s\n' "$(nproc)"
	printf 'kernel: %s\n' "$(uname -sr)"
	printf 'load:   %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	printf 'act:    %s\n' "$(act --version)"
	printf 'binary: %s bytes, archive %s bytes\n\n' "$(wc -c <"$binary")" "$(cat "$folder"/*.tar.gz | wc -c)"
}

build() {
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target"
	folder=$(cargo metadata --locked --no-deps --format-version 1 |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
	binary=$folder/$target/release/qte-ci
}

release() {
	mkdir -p "$work/tree/dist"
	cp action.yml LICENSE "$work/tree"
	cp dist/VERSION dist/SHA256SUMS dist/*.sh "$work/tree/dist"
	case $(uname -m) in
	aarch64) name=aarch64-unknown-linux-musl ;;
	*) name=x86_64-unknown-linux-musl ;;
	esac
	folder=$(sh dist/release.sh "$work/release" "$name=$binary")
	cp "$folder/SHA256SUMS" "$work/tree/dist"
	# What the gates take is measured elsewhere (figures.py).
	sed -i 's/^\( *run: exec .*\) action$/\1 --version/' "$work/tree/action.yml"
	grep -q 'run: exec .* --version$' "$work/tree/action.yml"
	python3 -m http.server 0 --bind 127.0.0.1 --directory "$work/release" >"$work/server" 2>&1 &
	server=$!
	until grep -q 'Serving HTTP' "$work/server"; do sleep 0.1; done
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/server")
}

project() {
	mkdir -p "$work/project/.github/workflows" "$work/no-op" "$work/home"
	cat >"$work/no-op/action.yml" <<-'YAML'
		name: no-op
		description: does nothing
		runs: {using: composite, steps: [{shell: sh, run: ":"}]}
	YAML
	cat >"$work/project/.github/workflows/bench.yml" <<-YAML
		on: push
		jobs:
		  bench:
		    runs-on: ubuntu-latest
		    steps:
		      - uses: qte/no-op@v1
		      - uses: qte/ci-action@v4
		        with: {artifact: "", download-base-url: "http://127.0.0.1:$port"}
	YAML
	git -C "$work/project" -c init.defaultBranch=main init --quiet
	git -C "$work/project" add --all
	git -C "$work/project" -c user.name=A -c user.email=a@example.org commit --quiet --message=x
}

# once FILE: one job; appends the milliseconds of the action and of the no-op.
once() {
	(cd "$work/project" && HOME=$work/home act push --json -P ubuntu-latest=-self-hosted \
		--local-repository "qte/no-op@v1=$work/no-op" \
		--local-repository "qte/ci-action@v4=$work/tree" \
		--local-repository "actions/upload-artifact@$uploader=$work/no-op") >"$work/events" 2>"$work/said"
	python3 - "$work/events" >>"$1" <<-'PYTHON'
		import json, sys
		took = {}
		for line in open(sys.argv[1]):
		    event = json.loads(line)
		    # Inner steps bear the name of their action, too; the outer one has a single id.
		    if event.get("stage") == "Main" and "executionTime" in event and len(event["stepID"]) == 1:
		        assert event["stepResult"] == "success", event
		        took[event["step"]] = event["executionTime"] / 1e6
		print(f'{took["qte/ci-action@v4"]:.1f} {took["qte/no-op@v1"]:.1f}')
	PYTHON
}

# figure NAME FILE BAR
figure() {
	best=$(awk 'NR == 1 || $1 < action { action = $1 } NR == 1 || $2 < no_op { no_op = $2 }
		END { printf "%.1f", action - no_op }' "$2")
	if awk -v best="$best" -v bar="$3" 'BEGIN { exit !(best <= bar) }'; then
		outcome=met
	else
		outcome=MISSED
		missed=1
	fi
	printf '%-7s %-48s %11s ms   <= %s ms (best of %s)\n' "$outcome" "$1" "$best" "$3" "$rounds"
}

binary=${QTE_CI_BINARY:-}
if [ -z "$binary" ]; then build; fi
uploader=$(sed -n 's|.*uses: actions/upload-artifact@\([0-9a-f]*\).*|\1|p' action.yml)
release
project
machine
missed=0
for round in $(seq "$rounds"); do
	rm -rf "$work/home/.cache/act/tool_cache"
	once "$work/cold"
	echo "cold $round: action and no-op in ms: $(tail -n 1 "$work/cold")"
done
for round in $(seq "$rounds"); do
	once "$work/warm"
	echo "warm $round: action and no-op in ms: $(tail -n 1 "$work/warm")"
done
asked=$(grep -c 'GET /v' "$work/server")
if [ "$asked" != "$rounds" ]; then
	echo "MISSED  downloads: $asked, and $rounds were to be"
	missed=1
fi
figure 'action: warm, over a composite that does nothing' "$work/warm" "$warm_most_ms"
figure 'action: cold from loopback, over the same' "$work/cold" "$cold_most_ms"
if [ "$missed" != 0 ]; then
	echo 'action: a figure was missed'
	exit 1
fi
echo 'action: all met'
