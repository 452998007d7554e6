#!/bin/sh
# Makes sure that the tests have a PostgreSQL with PostGIS to start, where that is possible; never stops the test run.
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && [ -e "/usr/share/postgresql/$(basename "$(dirname "$folder")")/extension/postgis.control" ] &&
        exit 0
done
command -v initdb >/dev/null 2>&1 && exit 0

missing="POSTGIS"
tests="the tests that read from a real server"
. "$(dirname "$0")/../apt.sh"
may_install "PostgreSQL with PostGIS" "postgresql postgresql-postgis"
# The tests make a server of their own: Debian need not start one besides.
install_without_cluster() {
    install postgresql-common &&
        sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
        install postgresql postgresql-postgis
}
after_update install_without_cluster
