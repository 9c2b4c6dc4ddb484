#!/bin/bash
# fetch-source.sh BINARY_PACKAGE FOLDER - the source of an installed package, in FOLDER.
#
# WebAssembly libraries are not in the distribution, so the build compiles the distribution's own
# sources, at the version whose native library is installed: the same code on every host.
#
# The system's package lists are read, never changed: what they say of binary packages is copied
# to a private list that asks for source packages, with private folders for the indexes. Any user
# can do that. FOLDER appears whole or not at all.
set -euo pipefail

package=$1
folder=$2
deps=$(dirname "$folder")
apt=$deps/.apt

die() {
    echo "fetch-source: $*" >&2
    exit 1
}

command -v apt-get >/dev/null || die "needs apt-get; or name your own copy (see docs/wasm.md)"
command -v dpkg-source >/dev/null || die "needs dpkg-source, of the package dpkg-dev"
# "name=version" of the source package that the installed library was built from.
wanted=$(dpkg-query -W -f '${source:Package}=${source:Version}' "$package") ||
    die "the package $package is not installed"

mkdir -p "$apt"/{parts,lists/partial,cache/archives/partial}
apt=$(realpath "$apt")
exec 9>"$apt/lock"
flock 9 # one at a time: make may want several sources at once
# Read after the system's settings: what those do after an update is about the system's own lists.
cat >"$apt/apt.conf" <<'END'
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END

# Both forms of list, "Types: deb" stanzas and "deb ..." lines, as sources.
write_lists() {
    local LIST=/etc/apt/sources.list PARTS=/etc/apt/sources.list.d file
    eval "$(apt-config shell LIST Dir::Etc::SourceList/f PARTS Dir::Etc::SourceParts/d)"
    rm -f "$apt"/parts/*
    for file in "$LIST" "$PARTS"/*.list; do
        if [ -f "$file" ]; then
            { grep -E '^[[:space:]]*deb[[:space:]]' "$file" || true; } |
                sed -E 's/^[[:space:]]*deb/deb-src/' >"$apt/parts/$(basename "$file" .list).list"
        fi
    done
    for file in "$PARTS"/*.sources; do
        if [ -f "$file" ]; then
            sed -E 's/^types:.*/Types: deb-src/I' "$file" >"$apt/parts/$(basename "$file")"
        fi
    done
}

private_apt_get() {
    apt-get -c "$apt/apt.conf" -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/parts" \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@"
}

# The indexes of a distribution change seldom; they are fetched again when they lack the version.
fetch() {
    (cd "$1" && private_apt_get --only-source source "$wanted" >log 2>&1)
}

temporary=$(mktemp -d "$apt/fetch.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
if ! fetch "$temporary"; then
    write_lists
    private_apt_get update || true # a list without sources fails alone; what matters comes next
    fetch "$temporary" || {
        cat "$temporary/log" >&2
        die "no source of $wanted; bring $package up to date, or name your own copy (docs/wasm.md)"
    }
fi

found=("$temporary"/*/)
[ ${#found[@]} -eq 1 ] && [ -d "${found[0]}" ] || die "$wanted did not unpack into one folder"
rm -rf "$folder"
mv "${found[0]}" "$folder"
echo "$wanted" >"$folder/.strata-source"
