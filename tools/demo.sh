#!/bin/bash
# demo.sh BUILD FOLDER - the main job, on this machine's own text: remember the package stanzas that apt
# knows and the text below FOLDER, recall five questions natively, then open the same database from Node,
# through WebAssembly, and check that the hits are the same.
#
# Every figure is printed as it was measured in this run. Fails if a step fails or a hit differs.
set -euo pipefail

build=$1
folder=$2
demo=$build/demo
db=$demo/demo.strata
strata=$build/strata

questions=(
    "text editor"
    "command line tool for sqlite databases"
    "play music from the terminal"
    "copyright license permission notice"
    "compress files quickly"
)

say() {
    printf '\n== %s\n' "$*"
}

rm -rf "$demo"
mkdir -p "$demo"

knows_packages() {
    command -v apt-cache >/dev/null && [ -n "$(apt-cache dumpavail 2>/dev/null | head -c 1)" ]
}

say "Remember what apt knows about packages"
if ! knows_packages && command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi || true
fi
if ! knows_packages; then
    echo "apt-cache knows no packages here; going on with the files alone"
else
    echo "\$ apt-cache dumpavail | strata ingest --as deb822 -"
    apt-cache dumpavail | "$strata" --db "$db" --format box ingest --as deb822 -
fi

say "Remember the text below $folder"
echo "\$ strata ingest $folder"
"$strata" --db "$db" --format box ingest "$folder"

say "What is there now"
"$strata" --db "$db" --format line stats | grep -E '^(memories|wal_bytes|index_bytes)'
du -sh "$db" | awk '{print "on disk     " $1}'

say "Recall, natively"
for question in "${questions[@]}"; do
    echo "\$ strata recall --k 3 '$question'"
    COLUMNS=${COLUMNS:-120} "$strata" --db "$db" --format box recall --k 3 "$question"
done

say "The same database from Node, through WebAssembly"
printf '%s\n' "${questions[@]}" | node tools/demo.mjs "$strata" "$db"

say "Nothing is damaged"
"$strata" --db "$db" --format box verify
