#!/bin/sh
# Makes sure that the workbook's tests have a LibreOffice, where that is possible; never stops the test run.
command -v soffice >/dev/null 2>&1 && exit 0

missing="LIBREOFFICE"
tests="the tests that open the workbook in it"
. "$(dirname "$0")/../apt.sh"
may_install "the package libreoffice-calc" "libreoffice-calc"
# Without a desktop it is a good deal smaller; not every release has it so.
install_calc() {
    install libreoffice-calc-nogui || install libreoffice-calc
}
after_update install_calc
