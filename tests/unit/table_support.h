/* table_support.h - sorted tables for the tests of the store: generated entries, the same as a
 * sorted array, and comparisons of the two.
 */
#ifndef STRATA_TEST_TABLE_SUPPORT_H
#define STRATA_TEST_TABLE_SUPPORT_H

#include "sim.h"

#include "store/table/table.h"

typedef struct tab_entry {
    strata_slice key;
    st_revision revision;
} tab_entry;

/* Entries in the order of a table. */
typedef struct tab_model {
    tab_entry *entries;
    size_t count;
    size_t cap;
    uint64_t chance;
    uint64_t next_version;
    st_arena arena;
} tab_model;

typedef enum tab_shape {
    TAB_MIXED,     /* keys of all kinds and lengths, several runs, all flags, short histories */
    TAB_PLAIN,     /* one version of each key, values of 100 bytes */
    TAB_HISTORIES, /* a few keys with thousands of versions */
    TAB_LONG_KEYS, /* keys of up to the longest, that share much */
    TAB_APART,     /* about half of the values are kept apart, noise and long ones */
    TAB_CLUSTERS,  /* names like paths, in clusters of all sizes */
    TAB_SHAPES,
} tab_shape;

extern const char *const tab_shape_names[TAB_SHAPES];

/* About `count` entries. Free with tab_free. */
void tab_fill(tab_model *model, tab_shape shape, size_t count, uint64_t seed);
void tab_free(tab_model *model);

/* Of table 7 in "db" on the machine. */
st_table_spec tab_spec(sim *s, strata_codec codec);
/* Builds the model's table and fails the test if that fails. */
void tab_build(sim *s, const tab_model *model, strata_codec codec);
/* The same in a file of its own. */
void tab_build_as(const st_table_spec *spec, const tab_model *model);
/* The same, whatever comes of it; without a finish the file is gone. */
strata_status tab_try_build(sim *s, const tab_model *model, strata_codec codec,
                            st_table_info *info);

/* Place of the first entry that is not before (key, number). */
size_t tab_lower_bound(const tab_model *model, strata_slice key, uint64_t number);

/* Fails the test unless the iterator stands at that entry of the model, or nowhere when there is
 * no such place; values are compared, too. */
void tab_expect_at(const tab_model *model, st_table_iter *iter, size_t place);
/* Fails the test unless a get of the key inside the bound gives what the model has. */
void tab_expect_get(const tab_model *model, const st_table *table, strata_slice key,
                    const st_bound *bound);
/* Walks the whole table, asks for keys that are there and that are not. */
void tab_compare(const tab_model *model, const st_table *table);

#endif
