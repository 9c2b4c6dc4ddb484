/* A run of an agent: its own keys, and an event log that nobody can change unseen.
 *
 *     node examples/node/agent-run.mjs
 *
 * In a project of your own the import is from 'strata-db'; with TypeScript, or Node 24 and later,
 * `await using db = await open(...)` closes the database by itself. */
import { Conflict, open } from '../../js/dist/node.js';

const db = await open(':memory:');
await db.runs.create('research', { tags: ['demo'], metadata: { model: 'any' } });
const run = db.run('research');

await run.events.append('tool_call', { tool: 'search', arguments: { q: 'ferries' } });
await run.events.append('tool_result', { tool: 'search', results: 3 });
for await (const event of run.events.range()) {
    console.log(event.sequence, event.type, event.payload);
}
console.log('the chain of hashes holds:', (await run.events.verify()).valid);

// Two writers that read the same version: the second one is told.
await run.kv.put('plan', ['search']);
const { value, version } = await run.kv.entry('plan');
await run.kv.cas('plan', [...value, 'read'], { expectedVersion: version });
try {
    await run.kv.cas('plan', [...value, 'write'], { expectedVersion: version });
} catch (error) {
    if (!(error instanceof Conflict)) {
        throw error;
    }
    console.log('conflict: the plan changed meanwhile:', error.message);
}
await db.runs.complete('research');
await db.close();
