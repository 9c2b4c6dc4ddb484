/* Proves that a misspelt option is told and never ignored, and that errors keep code, class, details and
 * cause on their way from the engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault, faultOfStatus, faultOfWire, statusOf } from '../dist/esm/fault.js';
import * as errors from '../dist/esm/generated/errors.js';
import { StrataError } from '../dist/esm/errors.js';
import { checkOpenOptions, checkOptions, openRequest } from '../dist/esm/options.js';
import { postable, toWire } from '../dist/esm/protocol.js';

test('misspelt options throw and say what was meant', () => {
    const names = ['k', 'snippets', 'withText', 'signal'];
    checkOptions('recall', undefined, names);
    checkOptions('recall', { k: 3, signal: undefined }, names);
    const cases = [
        [{ snippet: true }, /recall has no option snippet; did you mean snippets\?/],
        [{ with_text: true }, /no option with_text; did you mean withText\?/],
        [{ limit: 3 }, /no option limit; it has k, snippets, withText, signal/],
        [7, /the options must be an object/],
        [null, /the options must be an object/],
        [[], /the options must be an object/],
    ];
    for (const [options, message] of cases) {
        assert.throws(() => checkOptions('recall', options, names), (error) => {
            return error instanceof errors.InvalidArgument && message.test(error.message);
        });
    }
});

test('options of open', () => {
    assert.throws(() => checkOpenOptions({ durabilty: 'strict' }), /did you mean durability\?/);
    assert.throws(() => checkOpenOptions({ onProgress: true }), /onProgress must be a function/);
    checkOpenOptions({ durability: 'strict', onProgress() {} });
    assert.deepEqual(
        Object.entries(openRequest('x', { durability: 'strict', readOnly: true, persist: false })).filter(
            ([, value]) => value !== undefined,
        ),
        [['path', 'x'], ['durability', 'strict'], ['read_only', true]],
    );
});

test('every code has a class, a status and a name', () => {
    for (const [code, { status, make }] of Object.entries(errors.errorTable)) {
        const error = faultOfStatus(status, 'why');
        assert.ok(error instanceof make && error instanceof StrataError && error instanceof Error);
        assert.equal(error.code, code);
        assert.equal(error.name, make.name);
        assert.equal(statusOf(error), status);
        assert.match(String(error), new RegExp(`^${make.name}: why$`));
    }
    assert.equal(faultOfStatus(99, 'why').code, 'internal');
    assert.equal(statusOf(new TypeError('x')), errors.errorTable.io.status, 'an unknown failure is io');
});

test('an error keeps what it says over the wire and between threads', () => {
    const cause = new Error('ENOSPC: no space left on device');
    const there = fault('no_space', 'the disk is full', { file: 'WAL/wal-1.seg' }, cause);
    const wire = structuredClone(toWire(there));
    const here = faultOfWire(wire, wire.cause);
    assert.ok(here instanceof errors.NoSpace);
    assert.deepEqual([here.message, here.retryable, here.details], ['the disk is full', true, there.details]);
    assert.match(String(here.cause), /ENOSPC/);
    assert.equal(toWire(new TypeError('defect')).code, 'internal');
    assert.equal(postable(undefined), undefined);
    assert.equal(faultOfWire({ code: 'unheard_of', message: '' }).code, 'internal');
    assert.equal(faultOfWire({ code: 'constructor', message: '' }).code, 'internal');
});
