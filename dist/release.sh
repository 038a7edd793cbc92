#!/bin/sh
# Makes the files of a release from built binaries: `sh dist/release.sh OUT_DIR TARGET=path/to/qte-ci ...`.
# Writes OUT_DIR/v<version>/qte-ci-<version>-<target>.tar.gz for each, and SHA256SUMS beside them, which belongs into
# dist/ of the commit that the tag names. The same binaries give the same bytes. Needs GNU tar.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
IFS= read -r version <"$here/VERSION"

if [ $# -lt 2 ]; then
	echo 'usage: sh dist/release.sh OUT_DIR TARGET=path/to/qte-ci ...' >&2
	exit 2
fi
mkdir -p "$1/v$version"
out=$(CDPATH='' cd "$1/v$version" && pwd)
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/qte-ci-release.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What install.sh can ask for; another name would be released for nobody.
program() {
	case $1 in
	x86_64-unknown-linux-musl | aarch64-unknown-linux-musl | x86_64-apple-darwin | aarch64-apple-darwin) echo qte-ci ;;
	x86_64-pc-windows-msvc) echo qte-ci.exe ;;
	*)
		echo "error: $1 is no target of dist/install.sh" >&2
		return 2
		;;
	esac
}

for pair in "$@"; do
	target=${pair%%=*}
	name=qte-ci-$version-$target
	program=$(program "$target")
	mkdir "$work/$name"
	cp "$here/../LICENSE" "$work/$name/LICENSE"
	cp "${pair#*=}" "$work/$name/$program"
	chmod 755 "$work/$name/$program"
	chmod 644 "$work/$name/LICENSE"
	# Neither the time, the user nor the order of the folder shows in the bytes.
	tar -C "$work" --sort=name --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX -cf "$work/$name.tar" "$name"
	gzip -9 -n "$work/$name.tar"
	mv "$work/$name.tar.gz" "$out/$name.tar.gz"
	(cd "$out" && sha256sum "$name.tar.gz") >>"$work/sums"
	(cd "$work" && sha256sum "$name/$program") >>"$work/sums"
done

sed -n '/^#/p' "$here/SHA256SUMS" >"$out/SHA256SUMS"
LC_ALL=C sort -k 2 "$work/sums" >>"$out/SHA256SUMS"
echo "$out"
