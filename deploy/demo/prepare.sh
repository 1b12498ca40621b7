# shellcheck shell=bash
# Makes what is missing: dependencies, builds, certificates. Sourced by start, and by tests/run. All run folders share what
# is made; a stamp tells from what.

BACKEND=$DEMO/backend
FRONTEND=${DEMO_FRONTEND:-$DEMO/frontend}
KIT=$ROOT/deploy/django

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

# need NAME MINIMUM FOUND WHAT-TO-DO
need() {
    [ -n "$3" ] || { say "missing: $1 $2 or newer. $4"; lacking=1; return; }
    at_least "$2" "$3" || { say "too old: $1 $3; the demo needs $2 or newer. $4"; lacking=1; }
}

check_tools() {
    local lacking='' rust
    need Node 20.9 "$(node --version 2>/dev/null | tr -d v)" "See https://nodejs.org."
    need Python 3.11 "$(python3 -c 'import platform; print(platform.python_version())' 2>/dev/null)" \
        "See https://www.python.org, or your system's packages."
    if command -v python3 >/dev/null && ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        say "missing: Python's venv. On Debian and Ubuntu: apt install python3-venv."
        lacking=1
    fi
    command -v npm >/dev/null || { say "missing: npm. It comes with Node; on Debian and Ubuntu: apt install npm."; lacking=1; }
    command -v openssl >/dev/null || { say "missing: openssl. It is in your system's packages."; lacking=1; }
    command -v curl >/dev/null || { say "missing: curl. It is in your system's packages."; lacking=1; }
    if [ -n "$with_gateway" ] && [ -z "${DEMO_SIDGATE:-}" ]; then
        rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
        need Rust "${rust:-1.89}" "$(cargo --version 2>/dev/null | cut -d' ' -f2)" \
            "See https://rustup.rs, or give a built gateway: DEMO_SIDGATE=/path/to/sidgate."
    fi
    [ -z "$lacking" ] || exit 1
}

# The checksum of some files' paths and contents.
sum_of() { find "$@" -type f -exec cksum {} + | LC_ALL=C sort | cksum | tr ' ' -; }

# make_once WHAT STAMP-FILE STAMP COMMAND...: runs the command unless the stamp says it was run for the same thing before.
make_once() {
    local what=$1 file=$2 stamp=$3 log=$RUN/prepare.log
    shift 3
    [ "$(cat "$file" 2>/dev/null)" = "$stamp" ] && return
    say "$what ..."
    rm -f "$file"
    "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "that did not work; the whole output is in $log"; }
    echo "$stamp" >"$file"
}

# make_venv [REQUIREMENTS]
make_venv() {
    # From scratch, because one made by another Python, or in another folder, cannot be repaired.
    rm -rf "$VENV"
    python3 -m venv "$VENV" &&
        "$PYTHON" -m pip install --disable-pip-version-check -r "${1:-$BACKEND/requirements.txt}"
}

# The Django kit, as a stranger installs it. A copy, so that what pip builds leaves nothing beside the sources.
install_kit() {
    local copy status=0
    copy=$(mktemp -d)
    cp -R "$KIT/pyproject.toml" "$KIT/README.md" "$KIT/sidgate_django" "$copy/" &&
        "$PYTHON" -m pip install --disable-pip-version-check --no-deps --force-reinstall "$copy" || status=$?
    rm -rf "$copy"
    return "$status"
}

# Round brackets, so that `cd` ends with the function.
npm_ci() (cd "$FRONTEND" && npm ci --no-audit --no-fund)
next_build() (cd "$FRONTEND" && NEXT_TELEMETRY_DISABLED=1 npm run build)

make_certificates() {
    "$ROOT/certs/dev.sh" >"$RUN/prepare.log" 2>&1 || { cat "$RUN/prepare.log" >&2; fail "certs/dev.sh failed"; }
}

make_gateway() {
    SIDGATE=${DEMO_SIDGATE:-}
    [ -z "$SIDGATE" ] || { [ -x "$SIDGATE" ] || fail "DEMO_SIDGATE: $SIDGATE is not a program"; return; }
    SIDGATE=${CARGO_TARGET_DIR:-$ROOT/target}/release/sidgate
    # cargo itself knows whether there is anything to do. Its own progress is shown: the first build takes minutes.
    [ -x "$SIDGATE" ] || say "Building the gateway; the first time this takes some minutes ..."
    (cd "$ROOT" && cargo build --release --quiet --bin sidgate) || fail "the gateway could not be built"
}

prepare_backend() {
    make_once "Installing Django (about half a minute)" "$VENV/stamp" \
        "$(python3 --version) $(cd "$BACKEND" && sum_of requirements.txt) $VENV" make_venv
    make_once "Installing the Django kit" "$VENV/kit.stamp" "$(kit_sum) $VENV" install_kit
}

# Without what Python and pip leave beside the sources.
kit_sum() (
    cd "$KIT" && find pyproject.toml sidgate_django \( -name '*.py' -o -name '*.toml' \) -exec cksum {} + |
        LC_ALL=C sort | cksum | tr ' ' -
)

prepare_frontend() {
    make_once "Installing Next.js (about half a minute)" "$FRONTEND/node_modules/.stamp" \
        "$(node --version) $(cd "$FRONTEND" && sum_of package-lock.json) $(next_kit_sum)" npm_ci
    make_once "Building the Next.js application (about half a minute)" "$FRONTEND/.next/stamp" \
        "$(node --version) $(sources_sum) $(next_kit_sum)" next_build
}

# The Next.js kit is installed, not linked: with a change of it everything is made anew.
next_kit_sum() (cd "$ROOT/deploy/nextjs" && sum_of src package.json)

make_all() {
    mkdir -p "$RUN"
    [ -n "${DEMO_VENV:-}" ] || prepare_backend
    [ -n "${DEMO_FRONTEND:-}" ] || prepare_frontend
}

sources_sum() (
    cd "$FRONTEND" && sum_of app components lib package.json package-lock.json next.config.mjs tsconfig.json
)

# One preparation at a time, whichever run folder it is for.
prepare() {
    mkdir -p "$DEMO/.run"
    if command -v flock >/dev/null; then
        (flock 9 && make_all 9>&-) 9>"$DEMO/.run/prepare.lock" || exit 1
    else
        (make_all) || exit 1
    fi
    if [ -n "$with_gateway" ]; then
        make_certificates
        make_gateway
    fi
}
