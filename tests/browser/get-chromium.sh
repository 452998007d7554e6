#!/bin/sh
# Makes sure that the browser tests have a Chromium, where that is possible; never stops the test run.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

missing="CHROMIUM"
tests="the browser tests of the map"
. "$(dirname "$0")/../apt.sh"
may_install "the package chromium" "chromium fonts-noto-cjk"
after_update install chromium fonts-noto-cjk
