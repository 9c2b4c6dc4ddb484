/* main_node.mjs - the main job in Node, through WebAssembly.
 *
 *     node bench/main_node.mjs STANZAS QUESTIONS NEW_DATABASE FILLED_DATABASE
 *
 * Ingest: every stanza is parsed and remembered, one awaited call each, into a new database on disk;
 * the rate counts from the first call to the end of close. Recall: the questions over the database that
 * the command line filled, the median time of each as the caller sees it, then the median of those.
 * Prints one JSON object; bench/main.py adds the peers. */
import { readFileSync } from 'node:fs';
import { open } from '../js/dist/node.js';

const [stanzas, questions, fresh, filled] = process.argv.slice(2);
const median = (samples) => samples.sort((a, b) => a - b)[samples.length >> 1];

function* memories(text) {
    for (const stanza of text.split('\n\n')) {
        const metadata = {};
        let field;
        for (const line of stanza.split('\n')) {
            if (line.startsWith(' ')) {
                metadata[field] += '\n' + line.slice(1);
            } else if (line !== '') {
                const colon = line.indexOf(':');
                field = line.slice(0, colon);
                metadata[field] = line.slice(colon + 1).trim();
            }
        }
        if (metadata.Package !== undefined) {
            const { Package, Version, Architecture, Description = '', Tag = '' } = metadata;
            yield {
                key: `${Package}_${Version}_${Architecture}`,
                text: `${Package}: ${Description}\n${Tag}`,
                metadata,
            };
        }
    }
}

async function ingest() {
    const text = readFileSync(stanzas, 'utf8');
    const start = performance.now();
    const db = await open(`file:${fresh}`);
    let count = 0;
    for (const { key, text: words, metadata } of memories(text)) {
        await db.memory.remember(words, { key, metadata });
        count += 1;
    }
    await db.close();
    return count / ((performance.now() - start) / 1000);
}

async function recall() {
    const db = await open(`file:${filled}`);
    const times = [];
    for (const question of readFileSync(questions, 'utf8').trim().split('\n')) {
        const rounds = [];
        for (let round = 0; round < 7; round++) {
            const start = performance.now();
            const { hits } = await db.memory.recall(question, { k: 10 });
            rounds.push(performance.now() - start);
            if (hits.length === 0) throw new Error(`no hits for ${question}`);
        }
        times.push(median(rounds));
    }
    await db.close();
    return median(times);
}

console.log(JSON.stringify({ ingest: await ingest(), recall: await recall() }));
