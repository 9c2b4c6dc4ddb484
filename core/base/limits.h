/* limits.h - every limit of the core, with its reason. */
#ifndef ST_BASE_LIMITS_H
#define ST_BASE_LIMITS_H

enum {
    /* A key must fit the block of a sorted table many times over. */
    ST_KEY_BYTES_MAX = 1024,
    /* Of a value in a key of an index, encoded; longer ones are cut there, and compared in whole where
     * they are stored. */
    ST_INDEX_VALUE_BYTES_MAX = 256,
    /* Run names and event types are short words; one length byte holds them. */
    ST_NAME_BYTES_MAX = 255,
    /* Default for strings and bytes: one value never takes more than a quarter of a log segment. */
    ST_STRING_BYTES_MAX = 16 << 20,
    /* Values longer than this are kept apart from the keys of a sorted table, in frames of their own:
     * a scan of keys never sees them, and a get of one brings none of its neighbours into memory. An
     * embedding of 384 numbers is one, and is read alone. */
    ST_VALUE_APART_BYTES = 1 << 10,
    /* Up to here, what a codec packs well stays among its neighbours, which it resembles: a document
     * of 2 KiB takes 28 % more when it is packed alone, one of 1.4 KiB 45 %. */
    ST_VALUE_PACKED_BYTES = 16 << 10,
    /* The longest value kept apart that is cached: one of more costs a read of the storage little
     * beside its copy, and would push as many others out as it is longer. */
    ST_VALUE_CACHED_BYTES = 64 << 10,
    /* Nesting of values; parsers keep a stack of this many frames, they do not recurse. */
    ST_NESTING_MAX = 128,
    /* Entries of one array or object: bounds what a hostile length can ask for. */
    ST_ENTRIES_MAX = 1000000,
    /* A JSON document; its sizes are 32 bits wide, and a change of it moves its bytes. */
    ST_DOCUMENT_BYTES_MAX = 16 << 20,
    /* Its nesting: a document fits into a value (ST_NESTING_MAX) with what is said about it. */
    ST_DOCUMENT_DEPTH_MAX = 100,
    /* Segments of a path into one. More than can be met, so that a path too deep to exist is still
     * told from one that is nonsense. */
    ST_PATH_SEGMENTS_MAX = 256,
    /* Operations of one patch: each of them moves the bytes of the document. */
    ST_PATCH_OPERATIONS_MAX = 10000,
    /* Distinct words of one query: bounds the cursors of a search. */
    ST_QUERY_TERMS_MAX = 1024,
    /* Bytes of one indexed word; longer ones are cut there, as no person types them. */
    ST_TERM_BYTES_MAX = 64,
    /* Hits of one recall and entries of one page. */
    ST_PAGE_MAX = 1000,
    ST_PAGE_DEFAULT = 100,
    /* Tags of a run or a memory. */
    ST_TAGS_MAX = 256,
    /* Open transactions of one handle. */
    ST_TXNS_MAX = 16,
    /* Problems that one verify reports; the rest are as bad. */
    ST_PROBLEMS_MAX = 100,
};

#endif
