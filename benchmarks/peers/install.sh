#!/bin/sh
# Fetches the peers: Alertmanager as Debian's package (its binary wants its files under /usr/share, so it cannot live in a
# folder of its own), changedetection.io into a virtual environment in the folder that is named (default build/peers).
# No service is started. What cannot be had is said here, and skipped by the benchmark.
set -u
folder=${1:-build/peers}
python=${PYTHON:-python3}
policy=/usr/sbin/policy-rc.d
mkdir -p "$folder"

skip() { printf '*** SKIPPED: %s\n' "$1" >&2; }

install_alertmanager() {
    # Debian's way to say that a package must not start its service, which would listen on all interfaces.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends prometheus-alertmanager >/dev/null
}

if ! command -v prometheus-alertmanager >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        install_alertmanager || skip "Alertmanager could not be installed by apt-get"
    else
        skip "Alertmanager is not installed, and installing Debian's prometheus-alertmanager takes root and apt-get"
    fi
fi

if [ ! -e "$folder/.installed" ] || [ requirements/peers.txt -nt "$folder/.installed" ]; then
    "$python" -m venv "$folder/venv" &&
        "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r requirements/peers.txt &&
        touch "$folder/.installed" ||
        skip "changedetection.io could not be installed from requirements/peers.txt"
fi
exit 0
