/* Proves that values keep their kind: what is encoded is what @msgpack/msgpack, an implementation that
 * is not ours, reads, and what it writes is what we read. Where it cannot be asked (it has no way to say
 * "float", and changes large ints) the bytes are compared with those of the MessagePack specification. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode as otherDecode, encode as otherEncode } from '@msgpack/msgpack';
import { InvalidArgument } from '../dist/esm/generated/errors.js';
import { decode, Encoder } from '../dist/esm/msgpack.js';
import { float } from '../dist/esm/values.js';

const encoder = new Encoder();
const encode = (value) => encoder.encode(value);
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const edges = [0, 1, 0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000];
const ints = edges.flatMap((edge) => [edge, -edge, edge - 1, -edge - 1]).map((int) => int + 0);

test('ints have the shortest form and come back', () => {
    for (const int of [...ints, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
        assert.equal(decode(encode(int)), int);
        assert.equal(hex(encode(int)), hex(encode(BigInt(int))), `${int}n is the same int`);
        if (Math.abs(int) < 2 ** 31) {
            assert.equal(hex(encode(int)), hex(otherEncode(int)));
        }
    }
});

test('ints beyond 2^53 are bigints, up to 64 bits', () => {
    const cases = [2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 53n), -(2n ** 63n)];
    for (const int of cases) {
        assert.equal(decode(encode(int)), int);
        assert.equal(otherDecode(encode(int), { useBigInt64: true }), int);
    }
    for (const int of [2n ** 64n, -(2n ** 63n) - 1n]) {
        assert.throws(() => encode(int), InvalidArgument);
    }
});

test('a float stays a float', () => {
    const cases = [
        [0.5, 'cb3fe0000000000000'],
        [-0, 'cb8000000000000000'],
        [float(1), 'cb3ff0000000000000'],
        [float(-3), 'cbc008000000000000'],
        [2 ** 53, 'cb4340000000000000'],
        [Infinity, 'cb7ff0000000000000'],
        [-Infinity, 'cbfff0000000000000'],
        [NaN, 'cb7ff8000000000000'],
    ];
    for (const [value, bytes] of cases) {
        assert.equal(hex(encode(value)), bytes);
        assert.ok(Object.is(decode(encode(value)), Number(value)));
    }
    assert.equal(decode(Buffer.from('ca3f000000', 'hex')), 0.5, 'a 32-bit float is read');
});

test('strings of every length class and script', () => {
    for (const unit of ['a', 'é', '語', '🦉', '\0']) {
        for (const count of [0, 1, 5, 23, 24, 31, 32, 85, 86, 255, 256, 21845, 65535, 65536]) {
            const text = unit.repeat(count);
            assert.equal(hex(encode(text)), hex(otherEncode(text)), `${count} × ${unit}`);
            assert.equal(decode(encode(text)), text);
        }
    }
    assert.equal(decode(encode('\ufeffmark')), '\ufeffmark', 'a byte order mark is text');
});

test('half of a surrogate pair is refused, wherever it is', () => {
    for (const text of ['\ud800', 'x\udc00y', 'long enough for the other way to encode: \ud83e']) {
        assert.throws(() => encode({ note: [text] }), /note\[0\]: .*surrogate/);
    }
});

test('bytes, arrays and objects of every length class', () => {
    for (const count of [0, 15, 16, 255, 256, 65535, 65536]) {
        const bytes = new Uint8Array(count).fill(7);
        assert.deepEqual(decode(encode(bytes)), bytes);
        assert.equal(hex(encode(bytes)), hex(otherEncode(bytes)));
        assert.equal(hex(encode(bytes.buffer)), hex(encode(bytes)));
        const array = new Array(count).fill(null);
        assert.equal(hex(encode(array)), hex(otherEncode(array)));
        assert.deepEqual(decode(encode(array)), array);
        const object = Object.fromEntries(array.map((_, i) => [`k${i}`, true]));
        assert.equal(hex(encode(object)), hex(otherEncode(object)));
        assert.deepEqual(decode(encode(object)), object);
    }
});

test('whatever comes where the room ends', () => {
    const items = [0.5, 300, 70000, 2 ** 40, -300, -70000, -(2 ** 40), 2n ** 63n, -(2n ** 63n), 'é'.repeat(40), new Uint8Array(300)];
    items.push(new Uint8Array(70000), new Array(20).fill(0), new Array(70000).fill(1), { a: 1 }, { text: 'x'.repeat(70000) });
    for (const item of items) {
        const { length } = new Encoder().encode(item);
        for (let before = 4096 - length - 12; before <= 4096; before++) {
            const value = [new Uint8Array(Math.max(before, 0)), item];
            assert.deepEqual(decode(new Encoder().encode(value)), value);
            if (length > 4096) {
                break; // it does not end there
            }
        }
    }
});

test('decoded bytes are a copy', () => {
    const message = encode(new Uint8Array([1, 2, 3]));
    const bytes = decode(message);
    message.fill(0);
    assert.deepEqual(bytes, new Uint8Array([1, 2, 3]));
});

test('undefined is left out of an object and refused elsewhere', () => {
    assert.equal(hex(encode({ a: undefined, b: 1 })), hex(encode({ b: 1 })));
    assert.throws(() => encode([1, undefined]), /\[1\]: undefined is not a value/);
});

test('what is no value is refused, with its place', () => {
    const cases = [
        [{ when: new Date(0) }, /when: Date is not a value; store its getTime/],
        [{ a: { b: [0, new Map()] } }, /a\.b\[1\]: Map is not a value/],
        [new Float32Array(1), /Float32Array is not a value/],
        [{ f: () => 1 }, /f: function is not a value/],
        [Symbol('s'), /symbol is not a value/],
        [new (class Point {})(), /Point is not a value/],
    ];
    for (const [value, message] of cases) {
        assert.throws(() => encode(value), (error) => error instanceof InvalidArgument && message.test(error.message));
    }
    const loop = {};
    loop.self = loop;
    assert.throws(() => encode(loop), /nested deeper than 256 levels, or containing itself/);
    assert.equal(hex(encode(1)), '01', 'the encoder goes on after a refusal');
});

test('a name like __proto__ is data', () => {
    const object = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
    const back = decode(encode(object));
    assert.deepEqual(Object.keys(back), ['__proto__', 'constructor']);
    assert.equal({}.polluted, undefined);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
});

test('an object without a prototype is an object', () => {
    assert.equal(hex(encode(Object.assign(Object.create(null), { a: 1 }))), hex(encode({ a: 1 })));
});

test('malformed bytes are refused, whatever they are', () => {
    const cases = ['', 'c1', 'c0c0', 'a5616263', '93', 'df7fffffff', 'dd7fffffff', '8101', 'a1ff', 'c7', 'cb00', 'd4'];
    for (const bytes of cases) {
        assert.throws(() => decode(Buffer.from(bytes, 'hex')), InvalidArgument, bytes);
    }
    assert.throws(() => decode(new Uint8Array(100000).fill(0x91)), /nested deeper/);
    // Every prefix of a whole message is cut short.
    const whole = encode({ a: [1, 2.5, 'text', new Uint8Array(3)], b: { c: null } });
    for (let length = 0; length < whole.length; length++) {
        assert.throws(() => decode(whole.subarray(0, length)), InvalidArgument);
    }
});
