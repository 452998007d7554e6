#!/bin/sh
# Makes sure that the browser tests have a Chromium, where that is possible; never stops the test run.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

skip() {
    echo "!!! NO CHROMIUM ($1): the browser tests of the map will be SKIPPED." >&2
    exit 0
}

command -v apt-get >/dev/null 2>&1 || skip "install the package chromium"
[ "$(id -u)" = 0 ] || skip "run as root: apt-get install chromium fonts-noto-cjk"

log=$(mktemp) || skip "no room for a log"
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    skip "apt-get could not install it"
fi
