#!/bin/sh
# Makes sure that the tests have a PostgreSQL with PostGIS to start, where that is possible; never stops the test run.
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && [ -e "/usr/share/postgresql/$(basename "$(dirname "$folder")")/extension/postgis.control" ] &&
        exit 0
done
command -v initdb >/dev/null 2>&1 && exit 0

skip() {
    echo "!!! NO POSTGIS ($1): the tests that read from a real server will be SKIPPED." >&2
    exit 0
}

command -v apt-get >/dev/null 2>&1 || skip "install PostgreSQL with PostGIS"
[ "$(id -u)" = 0 ] || skip "run as root: apt-get install postgresql postgresql-postgis"

log=$(mktemp) || skip "no room for a log"
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get install -y -qq --no-install-recommends "$@"
}
# The tests make a server of their own: Debian need not start one besides.
without_cluster() {
    sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
}
if ! { apt-get update -qq && install postgresql-common && without_cluster && install postgresql postgresql-postgis; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    skip "apt-get could not install it"
fi
