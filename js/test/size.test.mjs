/* Proves that a page loads no more than js/README.md says: what there is, and 3 % for what is mended.
 * A feature that needs more has to say here what it is worth. The module is what a first visit waits
 * for; SQLite's has 402 kB by the same measure. docs/wasm.md has what was tried, and what it cost. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const SCRIPT_LIMIT = 22_400; // 20 864 with all primitives, 21 723 with vectors
const MODULE_LIMIT = 357_000; // 303 843 with all primitives, 347 100 with vectors: kernels, graph, segments, pages, filters

function compressed(name) {
    return gzipSync(readFileSync(new URL(`../dist/${name}`, import.meta.url)), { level: 9 }).length;
}

test('what a page and its worker load, compressed', () => {
    const sizes = ['browser.js', 'worker.js'].map(compressed);
    const sum = sizes[0] + sizes[1];
    assert.ok(sum <= SCRIPT_LIMIT, `${sizes.join(' + ')} = ${sum} bytes`);
});

test('the module that they load, compressed', () => {
    const size = compressed('strata.wasm');
    assert.ok(size <= MODULE_LIMIT, `${size} bytes`);
});
