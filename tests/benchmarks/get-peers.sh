#!/bin/sh
# Makes .venv-peers with the peers that cannot live beside allocate: spopt asks for a PuLP below 4. Never stops a run.
cd "$(dirname "$0")/../.." || exit 0
peers=.venv-peers
[ "$peers/.ready" -nt tests/benchmarks/get-peers.sh ] && exit 0

skip() {
    echo "!!! NO PEERS ($1): the lines beside spopt will be SKIPPED." >&2
    exit 0
}

python=$(sh .ci/find-python) || skip "no Python"
log=$(mktemp) || skip "no room for a log"
trap 'rm -f "$log"' EXIT
if ! { "$python" -m venv "$peers" && "$peers/bin/python" -m pip install --quiet --disable-pip-version-check \
    'spopt>=0.8,<0.9' 'pulp>=3.3,<4' highspy; } >"$log" 2>&1; then
    cat "$log" >&2
    skip "pip could not install them"
fi
touch "$peers/.ready"
