#!/bin/sh
# Print the first Python that really runs and is new enough. A name on PATH proves nothing: version
# managers leave stand-ins there for versions that are not installed, so each candidate is run. One
# that can make virtual environments is preferred; setup_venv.py says what others lack.
# Usage: find_python.sh [CANDIDATE]; a candidate that is given is the only one tried.
set -u

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

asked=${1-}
if [ -n "$asked" ]; then
    if fits "$asked"; then
        printf '%s\n' "$asked"
        exit 0
    fi
    printf 'PYTHON=%s does not run, or is older than Python 3.11.\n' "$asked" >&2
    printf 'Name another one, or leave PYTHON out to have one looked for.\n' >&2
    exit 1
fi

for modules in 'venv, ensurepip' 'sys'; do
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if fits "$candidate" && "$candidate" -c "import $modules" >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            exit 0
        fi
    done
done

cat >&2 <<'MESSAGE'
Tailrace needs Python 3.11 or newer, and none was found on PATH. Install one:
    Debian, Ubuntu   sudo apt install python3 python3-venv
    Fedora           sudo dnf install python3
    Arch             sudo pacman -S python
    macOS            brew install python3
Or name one that is not on PATH:  make setup PYTHON=/path/to/python3
MESSAGE
exit 1
