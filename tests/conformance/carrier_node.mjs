/* carrier_node.mjs - the npm package in Node for the conformance scripts: db.exec(op, args), a line of
 * JSON in, a line of JSON out (carriers.py).
 *
 * JavaScript's numbers do not tell 1 from 1.0, so ints cross the pipe as {"$int": "1"}, floats as
 * {"$float": "1.0"}, objects as {"$object": [[name, value], ...]}: any name, in any order.
 */
import { createInterface } from 'node:readline';
import { float, open, StrataError } from '../../js/dist/node.js';

const FLOATS = { nan: NaN, inf: Infinity, '-inf': -Infinity };

/* ---- Values ------------------------------------------------------------------------------------ */

function intOf(text) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text);
}

function floatOf(text) {
    if (text in FLOATS) {
        return FLOATS[text];
    }
    if (text.startsWith('nan:')) {
        return new DataView(Uint8Array.from(Buffer.from(text.slice(4), 'hex')).buffer).getFloat64(0);
    }
    return float(Number(text));
}

function valueOf(tagged) {
    if (tagged === null || typeof tagged !== 'object') {
        return tagged;
    }
    if (Array.isArray(tagged)) {
        return tagged.map(valueOf);
    }
    const [[tag, inside]] = Object.entries(tagged);
    switch (tag) {
        case '$int':
            return intOf(inside);
        case '$float':
            return floatOf(inside);
        case '$bytes':
            return new Uint8Array(Buffer.from(inside, 'base64'));
        case '$object': {
            const object = Object.create(null);
            for (const [name, value] of inside) {
                object[name] = valueOf(value);
            }
            return object;
        }
        default:
            throw new Error(`no value is written ${tag}`);
    }
}

function tagNumber(value) {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        return { $int: String(value) };
    }
    const word = Object.keys(FLOATS).find((key) => Object.is(FLOATS[key], value));
    return { $float: word ?? (Object.is(value, -0) ? '-0.0' : String(value)) };
}

function tag(value) {
    if (typeof value === 'number') {
        return tagNumber(value);
    }
    if (typeof value === 'bigint') {
        return { $int: String(value) };
    }
    if (value === null || typeof value !== 'object') {
        return value;
    }
    if (value instanceof Uint8Array) {
        return { $bytes: Buffer.from(value).toString('base64') };
    }
    if (Array.isArray(value)) {
        return value.map(tag);
    }
    return { $object: Object.entries(value).map(([name, inner]) => [name, tag(inner)]) };
}

/* ---- Requests ---------------------------------------------------------------------------------- */

const OPTION_NAMES = {
    durability: 'durability',
    codec: 'codec',
    read_only: 'readOnly',
    must_exist: 'mustExist',
    lazy_index: 'lazyIndex',
    snapshot: 'snapshot',
    import: 'import',
    wal_segment_bytes: 'walSegmentBytes',
    value_bytes_max: 'valueBytesMax',
};

let db;

async function run(message) {
    switch (message.do) {
        case 'open': {
            const options = Object.entries(message.options).map(([name, value]) => [OPTION_NAMES[name], value]);
            const target = message.path === ':memory:' ? message.path : `file:${message.path}`;
            db = await open(target, Object.fromEntries(options));
            return {};
        }
        case 'exec':
            return await db.exec(message.op, valueOf(message.args));
        case 'close':
            await db.close();
            return {};
        default:
            throw new Error(`nothing is done by ${message.do}`);
    }
}

async function answer(message) {
    try {
        return { ok: true, content: tag(await run(message)) };
    } catch (error) {
        if (!(error instanceof StrataError)) {
            throw error;
        }
        const { code, message: text, retryable, details } = error;
        return { ok: false, content: tag({ code, message: text, retryable, details }) };
    }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
