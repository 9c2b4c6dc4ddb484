/* MessagePack, as far as Strata speaks it.
 *
 * Invariants
 * 1. A value is encoded in the shortest form; a bigint like a number of the same size. So equal values
 *    have equal bytes, whatever they were made from.
 * 2. Nothing is changed silently: what is not a Strata value (an undefined in an array, a Date, a lone
 *    surrogate, an int beyond 64 bits) is refused with the place where it is.
 * 3. Decoding gives ints within +-2^53 as numbers, others as bigints, and never sets a prototype: a
 *    name like __proto__ is data.
 *
 * Rejected: @msgpack/msgpack, which is the judge in the tests instead. It has no way to say "this number
 * is a float", writes -0 as the int 0 and, with 64-bit support on, ints of more than 32 bits as floats,
 * wraps bigints that do not fit, and refuses to read an object with the name __proto__: each would break
 * a promise of SEMANTICS about values. It is also more than twice the size of this, and no faster.
 */
import { InvalidArgument } from './generated/errors.js';
import { Float, type StoredValue } from './values.js';

/* The engine allows 128 levels and says so in its error; this only ends objects that contain themselves. */
const DEPTH_MAX = 256;

const utf8 = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/* ---- Encoding ------------------------------------------------------------------------------- */

/** Encodes into one buffer that is kept from call to call; the result is a copy of the used part. */
export class Encoder {
    #bytes = new Uint8Array(4096);
    #view = new DataView(this.#bytes.buffer);
    #pos = 0;
    readonly #path: (string | number)[] = [];

    encode(value: unknown): Uint8Array<ArrayBuffer> {
        this.#pos = 0;
        this.#path.length = 0;
        this.#value(value);
        const used = this.#bytes.slice(0, this.#pos);
        if (this.#bytes.length > 1 << 20) {
            // One large value must not hold its memory for ever.
            this.#bytes = new Uint8Array(4096);
            this.#view = new DataView(this.#bytes.buffer);
        }
        return used;
    }

    #value(value: unknown): void {
        switch (typeof value) {
            case 'string':
                return this.#string(value);
            case 'number':
                // -0 has no int, so it is a float like every other number that is no safe integer.
                return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.#int(value) : this.#float(value);
            case 'boolean':
                return this.#byte(value ? 0xc3 : 0xc2);
            case 'bigint':
                return this.#bigint(value);
            case 'object':
                return this.#object(value);
            default:
                throw this.#refuse(`${typeof value} is not a value`);
        }
    }

    #object(value: object | null): void {
        if (value === null) {
            this.#byte(0xc0);
        } else if (Array.isArray(value)) {
            this.#header(value.length, 0x90, 16, 0xdc);
            this.#enter();
            for (let i = 0; i < value.length; i++) {
                this.#path[this.#path.length - 1] = i;
                this.#value(value[i]);
            }
            this.#path.pop();
        } else if (value instanceof Uint8Array) {
            this.#binary(value);
        } else if (value instanceof ArrayBuffer) {
            this.#binary(new Uint8Array(value));
        } else if (value instanceof Float) {
            this.#float(value.value);
        } else {
            this.#map(value as Record<string, unknown>);
        }
    }

    #map(value: Record<string, unknown>): void {
        // An object of another realm (a frame, a vm context) has another Object.prototype, which still has
        // no prototype itself.
        const prototype: unknown = Object.getPrototypeOf(value);
        if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
            const kind = value.constructor?.name ?? 'an object with a prototype';
            const hint = value instanceof Date ? '; store its getTime() or toISOString()' : '';
            throw this.#refuse(`${kind} is not a value${hint}`);
        }
        const names = Object.keys(value).filter((name) => value[name] !== undefined);
        this.#header(names.length, 0x80, 16, 0xde);
        this.#enter();
        for (const name of names) {
            this.#path[this.#path.length - 1] = name;
            this.#string(name);
            this.#value(value[name]);
        }
        this.#path.pop();
    }

    #enter(): void {
        if (this.#path.length >= DEPTH_MAX) {
            this.#path.length = 4;
            throw this.#refuse(`nested deeper than ${DEPTH_MAX} levels, or containing itself`);
        }
        this.#path.push('');
    }

    #int(value: number): void {
        if (value >= 0) {
            if (value < 0x80) {
                this.#byte(value);
            } else if (value < 0x100) {
                this.#byte(0xcc);
                this.#byte(value);
            } else if (value < 0x10000) {
                this.#byte(0xcd);
                this.#view.setUint16(this.#take(2), value);
            } else if (value < 0x100000000) {
                this.#byte(0xce);
                this.#view.setUint32(this.#take(4), value);
            } else {
                this.#byte(0xcf);
                this.#view.setBigUint64(this.#take(8), BigInt(value));
            }
        } else if (value >= -0x20) {
            this.#byte(value & 0xff);
        } else if (value >= -0x80) {
            this.#byte(0xd0);
            this.#byte(value & 0xff);
        } else if (value >= -0x8000) {
            this.#byte(0xd1);
            this.#view.setInt16(this.#take(2), value);
        } else if (value >= -0x80000000) {
            this.#byte(0xd2);
            this.#view.setInt32(this.#take(4), value);
        } else {
            this.#byte(0xd3);
            this.#view.setBigInt64(this.#take(8), BigInt(value));
        }
    }

    #bigint(value: bigint): void {
        if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
            this.#int(Number(value));
        } else if (value > 0n && value === BigInt.asUintN(64, value)) {
            this.#byte(0xcf);
            this.#view.setBigUint64(this.#take(8), value);
        } else if (value === BigInt.asIntN(64, value)) {
            this.#byte(0xd3);
            this.#view.setBigInt64(this.#take(8), value);
        } else {
            throw this.#refuse(`${value} does not fit 64 bits`);
        }
    }

    #float(value: number): void {
        this.#byte(0xcb);
        this.#view.setFloat64(this.#take(8), value);
    }

    #string(text: string): void {
        // Three bytes per UTF-16 unit is the most that UTF-8 needs; room for the header comes before.
        const room = text.length * 3;
        this.#reserve(room + 5);
        const start = this.#pos;
        const guess = text.length < 32 ? 1 : text.length < 0x100 ? 2 : text.length < 0x10000 ? 3 : 5;
        const written = this.#utf8(text, start + guess, room);
        const header = written < 32 ? 1 : written < 0x100 ? 2 : written < 0x10000 ? 3 : 5;
        if (header !== guess) {
            this.#bytes.copyWithin(start + header, start + guess, start + guess + written);
        }
        if (header === 1) {
            this.#bytes[start] = 0xa0 | written;
        } else if (header === 2) {
            this.#bytes[start] = 0xd9;
            this.#bytes[start + 1] = written;
        } else if (header === 3) {
            this.#bytes[start] = 0xda;
            this.#view.setUint16(start + 1, written);
        } else {
            this.#bytes[start] = 0xdb;
            this.#view.setUint32(start + 1, written);
        }
        this.#pos = start + header + written;
    }

    /** Writes UTF-8 at `at`; short ASCII, the usual name, is faster by hand than through encodeInto. */
    #utf8(text: string, at: number, room: number): number {
        if (text.length < 24) {
            let i = 0;
            for (; i < text.length; i++) {
                const unit = text.charCodeAt(i);
                if (unit >= 0x80) {
                    break;
                }
                this.#bytes[at + i] = unit;
            }
            if (i === text.length) {
                return i;
            }
        }
        // encodeInto would write U+FFFD for half a pair, which changes what is remembered.
        if (/\p{Surrogate}/u.test(text)) {
            throw this.#refuse('a string with half of a surrogate pair is not Unicode text');
        }
        return utf8.encodeInto(text, this.#bytes.subarray(at, at + room)).written;
    }

    #binary(bytes: Uint8Array): void {
        if (bytes.length < 0x100) {
            this.#byte(0xc4);
            this.#byte(bytes.length);
        } else {
            this.#header(bytes.length, 0, 0, 0xc5);
        }
        const at = this.#take(bytes.length);
        this.#bytes.set(bytes, at);
    }

    /** A length: in the first byte below `small`, else 16 bits after `wide`, else 32 after `wide + 1`. */
    #header(length: number, fixed: number, small: number, wide: number): void {
        if (length < small) {
            this.#byte(fixed | length);
        } else if (length < 0x10000) {
            this.#byte(wide);
            this.#view.setUint16(this.#take(2), length);
        } else {
            this.#byte(wide + 1);
            this.#view.setUint32(this.#take(4), length);
        }
    }

    /* With room for the number behind it: `this.#view.setInt32(this.#take(4), n)` has the view before #take could put
     * a larger one in its place. */
    #byte(value: number): void {
        this.#reserve(9);
        const at = this.#take(1);
        this.#bytes[at] = value;
    }

    #take(count: number): number {
        this.#reserve(count);
        const at = this.#pos;
        this.#pos += count;
        return at;
    }

    #reserve(count: number): void {
        const needed = this.#pos + count;
        if (needed <= this.#bytes.length) {
            return;
        }
        const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
        grown.set(this.#bytes.subarray(0, this.#pos));
        this.#bytes = grown;
        this.#view = new DataView(grown.buffer);
    }

    #refuse(what: string): InvalidArgument {
        const place = this.#path.reduce<string>(
            (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${part}` : part),
            '',
        );
        return new InvalidArgument(place ? `${place}: ${what}` : what, place ? { place } : {});
    }
}

/* ---- Decoding ------------------------------------------------------------------------------- */

/** Decodes one value that fills the bytes. Bytes in the result are copies. */
export function decode(bytes: Uint8Array): StoredValue {
    const decoder = new Decoder(bytes);
    const value = decoder.value(0);
    if (decoder.pos !== bytes.length) {
        throw new InvalidArgument(`bytes after the end of the MessagePack value, at ${decoder.pos}`);
    }
    return value;
}

class Decoder {
    pos = 0;
    readonly #bytes: Uint8Array;
    readonly #view: DataView;

    constructor(bytes: Uint8Array) {
        this.#bytes = bytes;
        this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }

    value(depth: number): StoredValue {
        const head = this.#u8();
        if (head < 0x80) {
            return head;
        }
        if (head >= 0xe0) {
            return head - 0x100;
        }
        if (head < 0x90) {
            return this.#map(head & 0x0f, depth);
        }
        if (head < 0xa0) {
            return this.#array(head & 0x0f, depth);
        }
        if (head < 0xc0) {
            return this.#string(head & 0x1f);
        }
        switch (head) {
            case 0xc0:
                return null;
            case 0xc2:
                return false;
            case 0xc3:
                return true;
            case 0xc4:
                return this.#take(this.#u8()).slice();
            case 0xc5:
                return this.#take(this.#u16()).slice();
            case 0xc6:
                return this.#take(this.#u32()).slice();
            case 0xca:
                return this.#view.getFloat32(this.#skip(4));
            case 0xcb:
                return this.#view.getFloat64(this.#skip(8));
            case 0xcc:
                return this.#u8();
            case 0xcd:
                return this.#u16();
            case 0xce:
                return this.#u32();
            case 0xcf:
                return safe(this.#view.getBigUint64(this.#skip(8)));
            case 0xd0:
                return this.#view.getInt8(this.#skip(1));
            case 0xd1:
                return this.#view.getInt16(this.#skip(2));
            case 0xd2:
                return this.#view.getInt32(this.#skip(4));
            case 0xd3:
                return safe(this.#view.getBigInt64(this.#skip(8)));
            case 0xd9:
                return this.#string(this.#u8());
            case 0xda:
                return this.#string(this.#u16());
            case 0xdb:
                return this.#string(this.#u32());
            case 0xdc:
                return this.#array(this.#u16(), depth);
            case 0xdd:
                return this.#array(this.#u32(), depth);
            case 0xde:
                return this.#map(this.#u16(), depth);
            case 0xdf:
                return this.#map(this.#u32(), depth);
            default:
                throw malformed(`byte 0x${head.toString(16)} at ${this.pos - 1} begins no value`);
        }
    }

    #array(length: number, depth: number): StoredValue[] {
        this.#nest(length, depth);
        const items: StoredValue[] = [];
        for (let i = 0; i < length; i++) {
            items.push(this.value(depth + 1));
        }
        return items;
    }

    #map(length: number, depth: number): StoredValue {
        this.#nest(length * 2, depth);
        const object: Record<string, StoredValue> = {};
        for (let i = 0; i < length; i++) {
            const name = this.value(depth + 1);
            if (typeof name !== 'string') {
                throw malformed(`a name that is not a string, before ${this.pos}`);
            }
            const value = this.value(depth + 1);
            if (name === '__proto__') {
                Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
            } else {
                object[name] = value;
            }
        }
        return object;
    }

    #nest(items: number, depth: number): void {
        if (depth >= DEPTH_MAX) {
            throw malformed(`nested deeper than ${DEPTH_MAX} levels`);
        }
        // Each item has at least one byte: a length beyond that is not believed.
        if (items > this.#bytes.length - this.pos) {
            throw malformed(`cut short at ${this.#bytes.length}`);
        }
    }

    #string(length: number): string {
        const start = this.pos;
        const bytes = this.#take(length);
        if (length < 24) {
            let text = '';
            for (let i = 0; i < length; i++) {
                const unit = bytes[i] as number;
                if (unit >= 0x80) {
                    return this.#text(bytes, start);
                }
                text += String.fromCharCode(unit);
            }
            return text;
        }
        return this.#text(bytes, start);
    }

    #text(bytes: Uint8Array, at: number): string {
        try {
            return utf8Decoder.decode(bytes);
        } catch {
            throw malformed(`a string at ${at} that is not UTF-8`);
        }
    }

    #take(length: number): Uint8Array {
        const at = this.#skip(length);
        return this.#bytes.subarray(at, at + length);
    }

    #skip(length: number): number {
        const at = this.pos;
        if (length > this.#bytes.length - at) {
            throw malformed(`cut short at ${this.#bytes.length}`);
        }
        this.pos = at + length;
        return at;
    }

    #u8(): number {
        return this.#view.getUint8(this.#skip(1));
    }

    #u16(): number {
        return this.#view.getUint16(this.#skip(2));
    }

    #u32(): number {
        return this.#view.getUint32(this.#skip(4));
    }
}

function safe(value: bigint): number | bigint {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
}

function malformed(what: string): InvalidArgument {
    return new InvalidArgument(`not MessagePack: ${what}`);
}
