/* json_peers.h - other parsers. Each parses a text whole and returns the seconds it took. */
#ifndef JSON_PEERS_H
#define JSON_PEERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* simdjson's DOM parser, its memory kept from one text to the next. 0: refused. */
double peer_simdjson(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
