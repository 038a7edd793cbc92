# shellcheck shell=sh
# Runs `go test` once and keeps what it reports. First the report's file, then the arguments.
set -u
report=$1
shift
go test "$@" >"$report"
code=$?
# For the log, which people read: what was printed, out of the JSON around it. Backslashes wait behind a control
# character that Go's JSON never holds while the other escapes are undone.
one=$(printf '\001')
sed -n \
	-e '/"Output":"/!{/^{/!p;d;}' \
	-e 's/^.*"Output":"\(.*\)"[^"]*}$/\1/' \
	-e "s/\\\\\\\\/$one/g" \
	-e 's/\\n$//' \
	-e "s/\\\\t/$(printf '\t')/g" \
	-e 's/\\"/"/g' \
	-e 's/\\u003c/</g' \
	-e 's/\\u003e/>/g' \
	-e 's/\\u0026/\&/g' \
	-e "s/$one/\\\\/g" \
	-e p "$report"
exit "$code"
