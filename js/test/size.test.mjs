/* Proves that a page loads no more JavaScript than js/README.md says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const LIMIT = 20_000;

test('what a page and its worker load, compressed', () => {
    const sizes = ['browser.js', 'worker.js'].map((name) => {
        return gzipSync(readFileSync(new URL(`../dist/${name}`, import.meta.url)), { level: 9 }).length;
    });
    const sum = sizes[0] + sizes[1];
    assert.ok(sum <= LIMIT, `${sizes.join(' + ')} = ${sum} bytes`);
});
