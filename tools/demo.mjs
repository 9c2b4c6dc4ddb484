/* demo.mjs STRATA DB < questions - asks each line of standard input of the database DB twice: natively,
 * through `strata exec`, and in this process, through WebAssembly. Prints both times and fails unless
 * hits, order and scores are the same. Each is asked once before it is timed, and then the median of
 * ROUNDS is printed: neither side is shown cold.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { open } from '../js/dist/node.js';

const ROUNDS = 11;
const K = 10;
const [strata, path] = process.argv.slice(2);
const questions = readFileSync(0, 'utf8').split('\n').filter(Boolean);

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const milliseconds = (us) => `${(us / 1000).toFixed(2)} ms`;
/* What has to be equal: which memories, in which order, with which score, to the last bit. */
const essence = (hits) => JSON.stringify(hits.map((hit) => [hit.rank, hit.key, hit.score, hit.snippet]));

/* All questions, ROUNDS times over, through one native process. */
async function askNatively() {
    const native = spawn(strata, ['--db', path, '--read-only', 'exec', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: native.stdout })[Symbol.asyncIterator]();
    const answers = [];
    for (const query of questions) {
        const times = [];
        let result;
        for (let round = 0; round <= ROUNDS; round++) {
            native.stdin.write(`${JSON.stringify(['memory.recall', { query, k: K }])}\n`);
            const line = await lines.next();
            const [ok, answer] = JSON.parse(line.value);
            if (!ok) {
                throw new Error(`natively, "${query}": ${answer.message}`);
            }
            result = answer;
            times.push(result.stats.elapsed_us);
        }
        answers.push({ hits: result.hits, us: median(times.slice(1)) });
    }
    native.stdin.end();
    await new Promise((resolve) => native.once('close', resolve));
    return answers;
}

async function askThroughWasm() {
    const begun = performance.now();
    const db = await open(`file:${path}`, { readOnly: true });
    const opened = performance.now();
    const answers = [];
    for (const query of questions) {
        const times = [];
        let result;
        for (let round = 0; round <= ROUNDS; round++) {
            result = await db.memory.recall(query, { k: K });
            times.push(Number(result.stats.elapsedUs));
        }
        answers.push({ hits: result.hits, us: median(times.slice(1)) });
    }
    await db.close();
    console.log(`opened in ${((opened - begun) / 1000).toFixed(2)} s in Node ${process.version}, index included`);
    return answers;
}

const natively = await askNatively();
const throughWasm = await askThroughWasm();
let different = 0;
for (const [i, query] of questions.entries()) {
    const same = essence(natively[i].hits) === essence(throughWasm[i].hits);
    different += same ? 0 : 1;
    console.log(
        `${same ? 'same' : 'DIFFERENT'} ${natively[i].hits.length} hits  native ${milliseconds(natively[i].us)}  ` +
            `wasm ${milliseconds(throughWasm[i].us)}  ${query}`,
    );
    if (!same) {
        console.log(`  native ${essence(natively[i].hits)}\n  wasm   ${essence(throughWasm[i].hits)}`);
    }
}
if (different > 0 || natively.some((answer) => answer.hits.length === 0)) {
    console.error(different > 0 ? `${different} answers differ` : 'a question has no answer');
    process.exit(1);
}
