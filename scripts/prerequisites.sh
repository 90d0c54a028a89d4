#!/bin/sh
# Name every missing prerequisite of `make install` with the line that installs it. Called by the
# Makefile with the interpreter to use; changes nothing.
set -eu
python=$1
missing=0

need() {
    echo "Missing: $1. Install it with:  $2" >&2
    missing=1
}

if ! command -v "$python" >/dev/null 2>&1; then
    need "Python 3.11 or newer ($python)" "apt-get install python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    need "Python 3.11 or newer ($python is $("$python" -V 2>&1))" \
        "apt-get install python3.11 python3.11-venv, then make PYTHON=python3.11"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    need "Python's venv module" "apt-get install python3-venv"
fi
command -v git >/dev/null 2>&1 || need "git" "apt-get install git"
exit "$missing"
