/* Proves when work in the background is done: a moment after a write, until nothing is left unsynced and
 * no table is left to be merged, and then no more. The engine says what it is told to, and the clock is the
 * test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalCarrier } from '../dist/esm/local.js';

const OK = new Uint8Array([0x92, 0xc3]);

function scene(t, { ticks = [], syncIntervalMs = 100 } = {}) {
    let now = 0;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    t.mock.method(performance, 'now', () => now);
    const done = [];
    const lines = [];
    const engine = {
        exec: () => OK,
        close: () => done.push('close'),
        tick() {
            done.push(now);
            const next = ticks.shift() ?? false;
            if (next instanceof Error) {
                throw next;
            }
            return next;
        },
    };
    const onTick = () => done.push('after');
    const carrier = new LocalCarrier(engine, { syncIntervalMs, onLog: (line) => lines.push(line), onTick });
    const pass = (ms) => {
        for (let i = 0; i < ms; i++) {
            now++;
            t.mock.timers.tick(1);
        }
        return done.splice(0).filter((what) => what !== 'after');
    };
    return { carrier, pass, done, lines };
}

test('after opening, and after a write, until a tick came a whole interval later', (t) => {
    const { carrier, pass } = scene(t);
    assert.deepEqual(pass(1000), [102]);
    carrier.exec(OK, true);
    assert.deepEqual(pass(50), []);
    carrier.exec(OK, true);
    assert.deepEqual(pass(1000), [1102, 1204]);
    carrier.exec(OK, false);
    assert.deepEqual(pass(1000), [], 'a read leaves nothing to do');
});

test('while there is more to do the next tick comes soon', (t) => {
    const { pass } = scene(t, { ticks: [true, true, true, false] });
    assert.deepEqual(pass(1000), [102, 112, 122, 132]);
});

test('a failure is logged; what is unsynced gets its tick all the same', (t) => {
    const failure = Object.assign(new Error('no space for tables'), { code: 'no_space' });
    const { carrier, pass, lines } = scene(t, { ticks: [false, failure, false] });
    pass(1000);
    carrier.exec(OK, true);
    pass(50);
    carrier.exec(OK, true);
    assert.deepEqual(pass(1000), [1102, 1204]);
    assert.deepEqual(lines, [{ level: 'error', message: 'no space for tables', fields: 'code=no_space' }]);
});

test('the host is told after each tick, and closing ends them', (t) => {
    const { carrier, pass, done } = scene(t, { ticks: [true, true, true] });
    t.mock.timers.tick(102);
    assert.deepEqual(done.splice(0).slice(1), ['after']);
    carrier.close();
    assert.deepEqual(pass(1000), ['close']);
});
