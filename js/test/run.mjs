/* Runs the tests of this folder (or those named as arguments) with node:test and closes with the line
 * that `make test` adds up. */
import { readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const folder = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const named = process.argv.slice(2);
const files = named.length
    ? named
    : readdirSync(folder)
          .filter((name) => name.endsWith('.test.mjs'))
          .map((name) => join(folder, name));

let passed = 0;
let failed = 0;
const stream = run({ files, concurrency: 2 });
stream.on('test:pass', (event) => {
    passed += event.skip === undefined ? 1 : 0;
});
stream.on('test:fail', () => {
    failed += 1;
    process.exitCode = 1;
});
stream.compose(new spec()).pipe(process.stdout, { end: false });
process.on('exit', () => writeSync(1, `${passed} passed, ${failed} failed\n`));
