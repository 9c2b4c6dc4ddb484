/* json_peers.cpp - simdjson, which is C++. */
#include "json_peers.h"

#include <simdjson.h>

extern "C" double bench_cpu(void);

double peer_simdjson(const char *text, size_t len) {
    static simdjson::dom::parser parser;
    const simdjson::padded_string padded(text, len);
    simdjson::dom::element root;
    const double start = bench_cpu();
    const simdjson::error_code error = parser.parse(padded).get(root);
    const double took = bench_cpu() - start;
    return error == simdjson::SUCCESS ? took : 0;
}
