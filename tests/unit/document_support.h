/* document_support.h - documents from JSON text and back, for tests that are about something else. */
#ifndef STRATA_TEST_DOCUMENT_SUPPORT_H
#define STRATA_TEST_DOCUMENT_SUPPORT_H

#include "support.h"

#include "format/change.h"
#include "format/document.h"

/* The document of a text; fails on one that is refused. Borrowed until the sixteenth call after it. */
strata_slice test_document(const char *json);
/* The compact text of a document (checked before), ended with NUL. Borrowed likewise. */
const char *test_document_text(strata_slice document);
/* A path in the arena. */
st_path test_path(const char *text, st_arena *arena);

/* Fails unless the document passes every check. */
void test_document_check(strata_slice document);
bool test_document_equal(strata_slice a, strata_slice b);

/* Replaces *document by what the changes make of it, in memory of exactly the room that is promised. */
strata_status test_apply(strata_buffer *document, strata_slice changes);

#endif
