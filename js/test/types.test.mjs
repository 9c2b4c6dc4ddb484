/* Proves that the published types say what the API takes: compiles types.ts as a user would. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('types.ts compiles, and its mistakes do not', () => {
    const tsc = here('../node_modules/typescript/bin/tsc');
    const result = spawnSync(process.execPath, [tsc, '-p', here('.')], { encoding: 'utf8' });
    assert.equal(result.stdout, '');
    assert.equal(result.status, 0);
});
