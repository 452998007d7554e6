# For scripts that make sure that the tests have a program, where that is possible; never stops the test run.
# A script says what is missing and which tests want it, and sources this.

skip() {
    echo "!!! NO $missing ($1): $tests will be SKIPPED." >&2
    exit 0
}

# may_install HINT PACKAGES: ends the script with a loud line where nothing can be installed here.
may_install() {
    command -v apt-get >/dev/null 2>&1 || skip "install $1"
    [ "$(id -u)" = 0 ] || skip "run as root: apt-get install $2"
    log=$(mktemp) || skip "no room for a log"
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
}

install() {
    apt-get install -y -qq --no-install-recommends "$@"
}

# after_update COMMAND: runs what installs, and shows what it said where that fails.
after_update() {
    if ! { apt-get update -qq && "$@"; } </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        skip "apt-get could not install it"
    fi
}
