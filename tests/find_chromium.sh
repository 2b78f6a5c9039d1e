#!/bin/sh
# The tests of the sandbox's page look at it in a real Chromium. Where none is installed, root gets Debian's.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian's chromium for the tests of the page ..."
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-lato fonts-noto-color-emoji >/dev/null 2>&1 || true
fi
if ! command -v chromium >/dev/null 2>&1; then
    echo "NO CHROMIUM: the tests of the page will be skipped. Install it with: apt-get install chromium" >&2
fi
