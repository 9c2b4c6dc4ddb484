/* json.c - how fast JSON text is parsed, in bytes of text a second, beside SQLite and simdjson.
 *
 * Ours makes a document, which is what is stored; SQLite's json() makes its tree and text again (its
 * jsonb, which would be the like, came with 3.45); simdjson makes its tape, with checks of names that
 * come twice left out. One text after the other, each parser in turn, medians over the rounds; processor
 * time, as others may be using the machine.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "json_peers.h"
#include "json_texts.h"
#include "strata/strata.h"

#include "format/document.h"

enum { ROUNDS = 15, TEXT_BYTES = 2 << 20 };

static double parse_ours(const char *text, size_t len) {
    static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    static strata_buffer document;
    const strata_slice json = {text, len};
    document.len = 0;
    const double start = bench_cpu();
    if (st_document_parse(json, &limits, &document, NULL) != STRATA_OK) {
        bench_fail("ours", "refused");
    }
    return bench_cpu() - start;
}

static double parse_to_msgpack(const char *text, size_t len) {
    static strata_buffer value;
    const strata_slice json = {text, len};
    const double start = bench_cpu();
    if (strata_json_to_msgpack(json, &value, NULL) != STRATA_OK) {
        bench_fail("ours", "refused");
    }
    return bench_cpu() - start;
}

static double parse_sqlite(const char *text, size_t len) {
    static sqlite3 *db;
    static sqlite3_stmt *ask;
    if (db == NULL && (sqlite3_open(":memory:", &db) != SQLITE_OK ||
                       sqlite3_prepare_v2(db, "SELECT json(?1)", -1, &ask, NULL) != SQLITE_OK)) {
        bench_fail("sqlite", "cannot be opened");
    }
    sqlite3_bind_text(ask, 1, text, (int)len, SQLITE_STATIC);
    const double start = bench_cpu();
    if (sqlite3_step(ask) != SQLITE_ROW) {
        bench_fail("sqlite", sqlite3_errmsg(db));
    }
    const double took = bench_cpu() - start;
    sqlite3_reset(ask);
    return took;
}

typedef struct peer {
    const char *name;
    double (*parse)(const char *text, size_t len);
} peer;

int main(void) {
    static const peer peers[] = {{"ours", parse_ours},
                                 {"ours, to MessagePack", parse_to_msgpack},
                                 {"SQLite json()", parse_sqlite},
                                 {"simdjson", peer_simdjson}};
    enum { PEERS = sizeof peers / sizeof peers[0] };
    for (size_t kind = 0; kind < JSON_KINDS; kind++) {
        double rates[PEERS][ROUNDS];
        double middle[PEERS];
        char id[64];
        size_t len;
        char *text = json_text(kind, TEXT_BYTES, &len);
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t p = 0; p < PEERS; p++) {
                const double took = peers[p].parse(text, len);
                if (took <= 0) {
                    bench_fail(peers[p].name, "refused");
                }
                rates[p][round] = (double)len / took / 1e9;
            }
        }
        for (size_t p = 0; p < PEERS; p++) {
            middle[p] = bench_median(rates[p], ROUNDS);
        }
        for (size_t p = 2; p < PEERS; p++) {
            snprintf(id, sizeof id, "json.parse.%s", json_kinds[kind].name);
            bench_report(id, middle[0], "GB/s", peers[p].name, middle[p], 0);
        }
        snprintf(id, sizeof id, "json.parse.msgpack.%s", json_kinds[kind].name);
        bench_report(id, middle[1], "GB/s", peers[2].name, middle[2], 0);
        free(text);
    }
    return 0;
}
