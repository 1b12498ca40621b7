# shellcheck shell=bash
# What start, stop and manage share: where things are, and which processes are ours. Sourced, not run.

DEMO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$DEMO/../.." && pwd)
RUN=$DEMO/.run
# Shared with the tests, which also try other versions: DEMO_VENV and DEMO_FRONTEND name what they have prepared.
VENV=${DEMO_VENV:-$ROOT/.venv}
PYTHON=$VENV/bin/python

say() { printf '%s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# --run-dir DIR, made absolute because the processes work in other folders.
use_run_dir() {
    [ -n "${1:-}" ] || fail "--run-dir needs a folder"
    mkdir -p "$1" || fail "cannot make the folder $1"
    RUN=$(cd "$1" && pwd)
}

# When a process began. A process id alone may belong to somebody else by now.
born() {
    if [ -r "/proc/$1/stat" ]; then
        # The 22nd field; counted after the name in brackets, which may contain spaces.
        sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
    else
        ps -o lstart= -p "$1" 2>/dev/null
    fi
}

# The id of a process that we started and that still runs; fails when there is none.
running() {
    local pid began
    { read -r pid && read -r began; } 2>/dev/null <"$RUN/$1.pid" || return 1
    [ -n "$began" ] && [ "$(born "$pid")" = "$began" ] || return 1
    # Not a dead process that nobody has collected yet.
    case $(ps -o stat= -p "$pid" 2>/dev/null) in '' | Z*) return 1 ;; esac
    echo "$pid"
}

# Ends a process together with everything it started: each has a process group of its own.
end() {
    local pid tries=0
    if ! pid=$(running "$1"); then
        rm -f "$RUN/$1.pid"
        return 1
    fi
    kill -TERM -- "-$pid" 2>/dev/null
    # Longer than the gateway's drain_timeout of 30 s.
    while kill -0 -- "-$pid" 2>/dev/null; do
        tries=$((tries + 1))
        if [ $tries -eq 350 ]; then
            say "$1 does not end by itself and is killed."
            kill -KILL -- "-$pid" 2>/dev/null
            break
        fi
        sleep 0.1
    done
    rm -f "$RUN/$1.pid"
    say "$1 stopped (process $pid)."
}

# A secret of this run folder, made at first use and readable by its owner only.
secret() {
    [ -s "$RUN/$1" ] || (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$RUN/$1") || return 1
    cat "$RUN/$1"
}

backend_environment() {
    mkdir -p "$RUN"
    SIDGATE_GATEWAY_KEY=${SIDGATE_GATEWAY_KEY:-$(secret gateway-key)}
    DEMO_KEY=${DEMO_KEY:-$(secret demo-key)}
    DEMO_DB=${DEMO_DB:-$RUN/demo.sqlite3}
}
