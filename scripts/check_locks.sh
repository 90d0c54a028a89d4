#!/bin/sh
# Fail when a lock is not what its source compiles to, or names an address. `make checks` calls it with the
# compile command in UV_COMPILE; the locks themselves are only read.
set -eu
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp requirements/*.txt "$fresh"/

$UV_COMPILE pyproject.toml -o "$fresh/main.txt" >/dev/null
$UV_COMPILE --group dev -c "$fresh/main.txt" pyproject.toml -o "$fresh/dev.txt" >/dev/null
$UV_COMPILE -c "$fresh/dev.txt" requirements/build.in -o "$fresh/build.txt" >/dev/null
$UV_COMPILE requirements/ministack.in -o "$fresh/ministack.txt" >/dev/null
$UV_COMPILE requirements/mlflow.in -o "$fresh/mlflow.txt" >/dev/null
$UV_COMPILE requirements/fuzz.in -o "$fresh/fuzz.txt" >/dev/null

for lock in main dev build ministack mlflow fuzz; do
    if ! cmp -s "requirements/$lock.txt" "$fresh/$lock.txt"; then
        echo "requirements/$lock.txt is not what its source compiles to: run  make lock" >&2
        exit 1
    fi
done
if grep -n '://' requirements/*.txt; then
    echo "A lock names an address; locks must install from whatever index the machine is told of." >&2
    exit 1
fi
echo "Locks are fresh."
