#!/bin/sh
# Brings the binary that dist/SHA256SUMS names onto this machine and says where it is: `binary=PATH` in GITHUB_OUTPUT,
# one line on standard output. Nothing is taken on trust: an archive and a binary are used at the named SHA-256 or not
# at all, one that was installed before included. Needs what busybox has: no bash, no jq, wget where there is no curl.
# Reads QTE_DOWNLOAD_BASE_URL, QTE_DOWNLOAD_TIMEOUT_S (of each attempt), RUNNER_TOOL_CACHE, RUNNER_TEMP, GITHUB_OUTPUT,
# GITHUB_PATH.
set -eu
umask 022

attempts=3
timeout_s=${QTE_DOWNLOAD_TIMEOUT_S:-120}
silence_s=30
if [ "$timeout_s" -lt "$silence_s" ]; then silence_s=$timeout_s; fi

main() {
	here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
	read_release
	if ! find_installed; then
		trap 'rm -rf "${work:-}"' EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM
		make_folder
		download
		unpack
		settle
	fi
	if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'binary=%s\n' "$binary" >>"$GITHUB_OUTPUT"; fi
	# Later steps of the job may ask it questions: `qte-ci requires`, `qte-ci verify`.
	if [ -n "${GITHUB_PATH:-}" ]; then printf '%s\n' "${binary%/*}" >>"$GITHUB_PATH"; fi
	printf 'qte-ci %s for %s, %s: %s\n' "$version" "$target" "$how" "$binary"
}

# refuse WHAT DETAIL...: each detail is one line; the last one is the way out.
refuse() {
	annotate error "$1"
	printf 'error: %s\n' "$1" >&2
	shift
	printf '  %s\n' "$@" >&2
	exit 1
}

# annotate error|warning TEXT: where the runner shows it above the log, too.
annotate() {
	if [ "${GITHUB_ACTIONS:-}" = true ]; then
		printf '::%s title=qte-ci::%s\n' "$1" "$(printf '%s\n' "$2" | sed 's/%/%25/g')"
	fi
}

# What this tree carries for this machine: version, target, and the two checksums.
read_release() {
	find_target
	IFS= read -r version <"$here/VERSION" || refuse "$here/VERSION is empty" \
		'help: use a released version of this action, such as qte/ci-action@v4'
	case $version in
	'' | *[!0-9A-Za-z.-]*) refuse "$here/VERSION does not hold a version" \
		'help: use a released version of this action, such as qte/ci-action@v4' ;;
	esac
	name=qte-ci-$version-$target
	archive=$name.tar.gz
	find_sums
	if [ -z "$archive_sha256" ] || [ -z "$binary_sha256" ]; then
		refuse "this tree carries no released binary for $target" \
			"looked for: $archive and $name/$program in $here/SHA256SUMS" \
			"found:      $(released)" \
			"help: $none"
	fi
}

# `uname`, not RUNNER_ARCH: in a container the runner speaks of its host.
find_target() {
	machine=$(uname -sm)
	program=qte-ci
	none='use a released version of this action, such as qte/ci-action@v4, on one of its platforms'
	case $machine in
	'Linux x86_64' | 'Linux amd64') target=x86_64-unknown-linux-musl ;;
	'Linux aarch64' | 'Linux arm64') target=aarch64-unknown-linux-musl ;;
	'Darwin x86_64') target=x86_64-apple-darwin ;;
	'Darwin arm64' | 'Darwin aarch64') target=aarch64-apple-darwin ;;
	MINGW*' x86_64' | MSYS*' x86_64' | CYGWIN*' x86_64')
		target=x86_64-pc-windows-msvc
		program=qte-ci.exe
		none='there is none for Windows yet: use WSL, or a job on Linux or macOS'
		;;
	*) refuse 'there is no qte-ci for this machine' \
		'looked for: Linux on x86_64 or aarch64, macOS on x86_64 or arm64' \
		"found:      ${machine% *} on ${machine##* }" \
		'help: run this job on one of these' ;;
	esac
}

# Sets both checksums, where both stand there. A name stands there once or not at all.
find_sums() {
	archive_sha256=
	binary_sha256=
	while read -r sum file; do
		case ${#sum}/$file in
		64/"$archive") archive_sha256=$sum ;;
		64/"$name/$program") binary_sha256=$sum ;;
		esac
	done <"$here/SHA256SUMS"
}

# The archives that SHA256SUMS names, on one line.
released() {
	found=
	while read -r _ file; do
		case $file in *.tar.gz) found="$found${found:+, }$file" ;; esac
	done <"$here/SHA256SUMS"
	printf '%s\n' "${found:-no archive}"
}

# sha256 FILE: sets `found`. OpenSSL first: four times as fast, and each use of the action pays it.
sha256() {
	if command -v openssl >/dev/null 2>&1 && found=$(openssl dgst -sha256 -r <"$1" 2>/dev/null); then
		found=${found%% *}
		if [ ${#found} = 64 ]; then return; fi
	fi
	if command -v sha256sum >/dev/null 2>&1; then
		found=$(sha256sum <"$1")
	else
		found=$(shasum -a 256 <"$1")
	fi
	found=${found%% *}
}

# The folders to install into, best first. A path with a line break could speak to the runner.
folders() {
	for folder in "${RUNNER_TOOL_CACHE:-}" "${RUNNER_TEMP:-}"; do
		case $folder in
		'' | *'
'*) ;;
		[A-Za-z]:*) printf '%s\n' "$folder" | tr "\\\\" / ;;
		*) printf '%s\n' "$folder" ;;
		esac
	done
}

# Sets `binary` and `how` when the named bytes are here already.
find_installed() {
	folders_here=$(folders)
	while IFS= read -r folder; do
		binary=$folder/qte-ci/$version/$target/$program
		if ! [ -f "$binary" ] || ! [ -r "$binary" ]; then continue; fi
		sha256 "$binary"
		if [ "$found" != "$binary_sha256" ]; then
			warning="$binary is not what this action installed; it was not run, and another is installed"
			annotate warning "$warning"
			printf 'warning: %s\n  expected: SHA-256 %s\n  found:    SHA-256 %s\n' "$warning" "$binary_sha256" "$found" >&2
		elif [ -x "$binary" ]; then
			how='installed before'
			return 0
		fi
	done <<-FOLDERS
		$folders_here
	FOLDERS
	return 1
}

# A new folder beside the place to install to, so that one rename settles it.
make_folder() {
	while IFS= read -r folder; do
		place=$folder/qte-ci/$version/$target
		# The place may be a folder that somebody made, into which a rename would put the binary.
		if [ -n "$folder" ] && ! [ -d "$place/$program" ] && mkdir -p "$place" 2>/dev/null &&
			work=$(mktemp -d "$place/new.XXXXXX" 2>/dev/null); then
			return
		fi
	done <<-FOLDERS
		$folders_here
	FOLDERS
	place=$(mktemp -d "${TMPDIR:-/tmp}/qte-ci.XXXXXX" 2>/dev/null) || refuse 'there is no folder to install into' \
		"looked for: a writable RUNNER_TOOL_CACHE, RUNNER_TEMP or ${TMPDIR:-/tmp}" \
		'help: make one of them writable for the user that runs this job'
	work=$place/new
	mkdir "$work"
}

download() {
	base=${QTE_DOWNLOAD_BASE_URL:-https://github.com/qte/ci-action/releases/download}
	case $base in
	*[[:space:]]* | *[[:cntrl:]]*) refuse 'download-base-url holds a blank or a control character' \
		'help: write it as one address, such as https://mirror.example/qte-ci' ;;
	http://?* | https://?*) ;;
	*) refuse 'download-base-url is no address' \
		'looked for: http:// or https://' \
		'help: write it as one address, such as https://mirror.example/qte-ci' ;;
	esac
	url=${base%/}/v$version/$archive
	attempt=1
	until fetch "$url" "$work/$archive" 2>"$work/said"; do
		if [ "$attempt" = "$attempts" ] || is_final "$work/said"; then
			refuse "$(shown "$url") could not be downloaded" \
				"attempts: $attempt, each at most $timeout_s s" \
				"the last one said: $(said)" \
				'help: is the address reachable from this runner? A mirror is named with the input download-base-url'
		fi
		attempt=$((attempt + 1))
		sleep "$((attempt - 1))"
	done
	sha256 "$work/$archive"
	if [ "$found" != "$archive_sha256" ]; then
		refuse "$(shown "$url") is not the archive that this action names; nothing of it was used" \
			"expected: SHA-256 $archive_sha256" \
			"found:    SHA-256 $found ($(wc -c <"$work/$archive" | tr -d ' ') bytes)" \
			'help: a transfer that was cut is mended by a new run; if it stays, what serves this address changed the file'
	fi
}

# fetch URL FILE
fetch() {
	if command -v curl >/dev/null 2>&1; then
		curl -fsSL --connect-timeout "$silence_s" --speed-limit 1 --speed-time "$silence_s" \
			--max-time "$timeout_s" -o "$2" "$1"
	elif command -v wget >/dev/null 2>&1; then
		# wget alone bounds each silence and not the whole; some busybox end with a fault at -T.
		# Not -q, which hides from some what went wrong.
		if command -v timeout >/dev/null 2>&1; then
			timeout "$timeout_s" wget -nv -O "$2" "$1"
		else
			wget -nv -T "$silence_s" -O "$2" "$1"
		fi
	else
		echo 'neither curl nor wget is here' >&2
		return 127
	fi
}

# is_final FILE: whether trying again is of no use.
is_final() {
	grep -q -e ' 40[134]$' -e ' 40[134][^0-9]' -e 'neither curl nor wget' "$1"
}

# The last line that a tool said, where it cannot command the runner.
said() {
	text=$(tail -n 1 "$work/said" | tr -s '[:cntrl:]' ' ' | cut -c 1-300)
	while :; do
		case $text in
		*'##['*) text="${text%%'##['*}# #[${text#*'##['}" ;;
		*) break ;;
		esac
	done
	printf '%s\n' "${text:-nothing}"
}

# shown URL: without what may be a password.
shown() {
	rest=${1#*://}
	machine=${rest%%/*}
	printf '%s://%s%s\n' "${1%%://*}" "${machine##*@}" "${rest#"$machine"}"
}

unpack() {
	# From inside the folder: a path such as C:/x means a machine to some.
	if ! (cd "$work" && tar -xzf "$archive" "$name/$program" 2>said); then
		refuse "$archive could not be unpacked" "tar said: $(said)" 'help: is there room on the disk of this runner?'
	fi
	sha256 "$work/$name/$program"
	if [ "$found" != "$binary_sha256" ]; then
		refuse "$name/$program in $(shown "$url") is not the binary that this action names; it was not run" \
			"expected: SHA-256 $binary_sha256" \
			"found:    SHA-256 $found" \
			'help: report this to qte/ci-action: its archive and its checksums disagree'
	fi
	chmod 755 "$work/$name/$program"
}

# Another install may settle at the same time: both have the named bytes.
settle() {
	binary=$place/$program
	how=downloaded
	if ! mv -f "$work/$name/$program" "$binary" 2>"$work/said"; then
		if [ -f "$binary" ]; then sha256 "$binary"; fi
		if [ "$found" != "$binary_sha256" ] || ! [ -f "$binary" ]; then
			refuse "$binary could not be written" "mv said: $(said)" 'help: remove it by hand'
		fi
	fi
	rm -rf "$work"
}

main
