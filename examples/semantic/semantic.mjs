/* Notes that are found by what they are like, as they are now and as they were.
 *
 *     node examples/semantic/semantic.mjs
 *
 * What to look at
 *   - A collection takes embeddings of one dimension, with metadata beside them; a search sees what was stored a moment
 *     ago, and a filter is asked while it looks, so k hits come back whenever k notes pass.
 *   - A note that is stored again, or deleted, is still found by a search as of the commit before.
 *
 * A model would make better embeddings. This one counts the letters that stand side by side, so that it needs nothing
 * and prints the same each time; semantic.c is the same in C. In a project of your own the import is from 'strata-db'. */
import { open } from '../../js/dist/node.js';

const DIMENSION = 96;
const notes = [
    ['kettle', 'drink', 'Boil the kettle and warm the teapot.'],
    ['green', 'drink', 'Green tea wants water below eighty degrees.'],
    ['coffee', 'drink', 'Grind the coffee just before brewing.'],
    ['ferry', 'travel', 'The ferry to Hven leaves at nine.'],
    ['train', 'travel', 'The night train leaves from platform nine.'],
    ['rye', 'food', 'Rye bread keeps for a week in a cloth.'],
];

/** How often each pair of letters stands side by side, in as many buckets as there are dimensions. */
function embed(text) {
    const counts = new Float32Array(DIMENSION);
    const bytes = new TextEncoder().encode(text.toLowerCase());
    for (let i = 0; i + 1 < bytes.length; i++) {
        counts[(bytes[i] * 31 + bytes[i + 1] * 7) % DIMENSION] += 1;
    }
    return counts;
}

async function show(collection, question, options) {
    const { hits } = await collection.search(embed(question), { k: 2, ...options });
    for (const hit of hits) {
        console.log(`  ${hit.score.toFixed(3)}  ${hit.key}: ${hit.text}`);
    }
}

const db = await open(':memory:');
const collection = await db.vectors.create('notes', DIMENSION);
for (const [key, kind, text] of notes) {
    await collection.upsert(key, embed(text), { metadata: { kind }, text });
}
console.log('How warm is the water for tea?');
await show(collection, 'how warm is the water for tea?');
console.log('When does it leave? (travel)');
await show(collection, 'when does it leave?', { filter: { path: '/metadata/kind', eq: 'travel' } });

const before = (await db.stats()).version;
const later = 'The ferry to Hven leaves at ten, from today.';
await collection.upsert('ferry', embed(later), { metadata: { kind: 'travel' }, text: later });
await collection.delete('train');
console.log('When does the ferry leave?');
await show(collection, 'when does the ferry leave?', { k: 1 });
console.log('And yesterday?');
await show(collection, 'when does the ferry leave?', { k: 1, asOf: before });
await db.close();
