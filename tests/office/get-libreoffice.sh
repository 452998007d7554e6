#!/bin/sh
# Makes sure that the workbook's tests have a LibreOffice, where that is possible; never stops the test run.
command -v soffice >/dev/null 2>&1 && exit 0

skip() {
    echo "!!! NO LIBREOFFICE ($1): the tests that open the workbook in it will be SKIPPED." >&2
    exit 0
}

command -v apt-get >/dev/null 2>&1 || skip "install the package libreoffice-calc"
[ "$(id -u)" = 0 ] || skip "run as root: apt-get install libreoffice-calc"

log=$(mktemp) || skip "no room for a log"
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get install -y -qq --no-install-recommends "$1"
}
# Without a desktop it is a good deal smaller; not every release has it so.
if ! { apt-get update -qq && { install libreoffice-calc-nogui || install libreoffice-calc; }; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    skip "apt-get could not install it"
fi
