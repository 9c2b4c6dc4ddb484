/* Remember a few things, recall them, and find them again at the next run.
 *
 *     node examples/node/remember.mjs [QUESTION]
 *
 * In a project of your own the import is from 'strata-db'. */
import { open } from '../../js/dist/node.js';

const db = await open('file:./notes.strata', { durability: 'strict' });
try {
    await db.memory.remember('The ferry to Nesodden leaves from Aker Brygge every half hour.', { key: 'ferry' });
    await db.memory.remember('Anna is allergic to walnuts.', { key: 'anna', tags: ['people'] });
    await db.memory.remember('The staging server restarts on Sundays at four.', {
        key: 'staging',
        metadata: { source: 'runbook.md' },
    });

    const question = process.argv[2] ?? 'When does the ferry leave?';
    const { hits, stats } = await db.memory.recall(question, { k: 3 });
    for (const hit of hits) {
        console.log(`${hit.score.toFixed(2)}  ${hit.key.padEnd(8)} ${hit.snippet}`);
    }
    console.log(`${hits.length} of ${stats.memories} memories in ${stats.elapsedUs} µs`);

    const runs = await db.kv.incr('times this was run');
    console.log(`This program was run ${runs} ${runs === 1 ? 'time' : 'times'}; the notes are in notes.strata.`);
} finally {
    await db.close();
}
