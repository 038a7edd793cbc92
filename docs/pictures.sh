#!/bin/sh
# Makes the pictures of docs/pictures anew, from a red and a green run of tests/sample: `sh docs/pictures.sh`.
# Needs what tests/tools.sh installs.
set -eu
cd "$(dirname "$0")/.."
QTE_PICTURES=docs/pictures cargo test --locked --test pictures
