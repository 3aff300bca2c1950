#!/usr/bin/env bash
# Gives documents that mixmatch writes to the programs they are for, and
# compares what those make of them with the recipe. Not part of what a change
# must pass: it downloads several gigabytes of Python packages.
#
#     .ci/readers.sh [folder for the packages]
#
# sd-mecha and mergekit-pytorch really merge small models here: one number for
# each tensor, the same for all keys of a source, so that each result shows the
# weights of the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ ! -x "$dir/venv/bin/python" ]; then
    python3 -m venv "$dir/venv"
    "$dir/venv/bin/pip" install -q sd-mecha mergekit jsonschema
fi
rm -rf "$dir/documents"
READERS="$dir/documents" go test ./merge/exchange -run '^TestReaders$' -count 1
"$dir/venv/bin/python" -m pip list 2>/dev/null | grep -iE '^(sd-mecha|mergekit|torch|jsonschema) '
"$dir/venv/bin/python" .ci/readers.py "$dir/documents"
