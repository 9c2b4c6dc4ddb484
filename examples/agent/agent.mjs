/* A small agent, and what its memory is for. It plans a trip, asks its tools, decides, books; later it goes
 * back to the moment before the decision, tries the other plan, and keeps the better one.
 *
 *     node examples/agent/agent.mjs
 *
 * What to look at
 *   - Everything that belongs to a step (a plan, its phase, what a tool said, why) is one transaction with a
 *     label: it is there as a whole or not at all, and the log of the run calls it by its name.
 *   - The run keeps provenance: each commit remembers what it had read. So at the end the question "why is
 *     the price what it is?" has an answer, made of what happened and not of what somebody says.
 *   - A fork costs a small commit, whatever the run holds. The second plan is tried on real memory, not on a
 *     copy, and the first one never sees it.
 *
 * The tools are plain functions, so that it prints the same each time; agent.c is the same story in C. In a
 * project of your own the import is from 'strata-db'. */
import { open } from '../../js/dist/node.js';

/* ---- The world: the tools of the agent --------------------------------------------------------- */

const ferries = { friday: { fare: 890, wind: 15 }, saturday: { fare: 1240, wind: 6 } };
const tools = {
    fare: (day) => ferries[day].fare, // for one, in kroner
    wind: (day) => ferries[day].wind, // m/s
};
const CABIN = 900;

/* ---- The steps of the agent: each is one transaction ------------------------------------------- */

/** What it is to do, and how far it is. */
async function plan(tx) {
    await tx.json.create('plan', { to: 'Copenhagen', people: 2, day: null });
    await tx.states.set('phase', 'looking');
    await tx.traces.record('thought', { content: 'There are two ferries; look at both.' }, { id: 'think' });
    await tx.events.append('planned', { to: 'Copenhagen' });
}

/** Asks a tool: the answer, the call and the event of it are one commit. */
async function ask(tx, tool, day) {
    const result = tools[tool](day);
    const call = { tool, arguments: { day }, result };
    await tx.traces.record('tool_call', call, { id: `${tool}-${day}`, parent: 'think' });
    await tx.events.append('asked', { tool, day });
    await tx.kv.put(`${tool}/${day}`, result);
}

/** Takes the day with the lowest fare, or the least wind. */
async function decide(tx, tool) {
    const friday = await tx.kv.get(`${tool}/friday`);
    const saturday = await tx.kv.get(`${tool}/saturday`);
    const chosen = friday < saturday ? 'friday' : 'saturday';
    const reasoning = `${tool} ${friday} on friday, ${saturday} on saturday`;
    const decision = { chosen, reasoning, question: 'Which ferry?', options: ['friday', 'saturday'] };
    await tx.traces.record('decision', decision, { id: 'decide', parent: 'think' });
    await tx.json.set('plan', '/day', chosen);
    await tx.states.set('phase', 'decided');
}

/** How much wind is too much, by what it has once been told: it recalls that, and reads it. An agent with a
 *  model would ask that what it means; this one takes the number. */
async function mostWind(tx) {
    const { hits } = await tx.memory.recall('who gets seasick in the wind?');
    return hits.length > 0 ? Number(/\d+/.exec((await tx.memory.get(hits[0].key)).text)?.[0]) : Infinity;
}

/** Adds up what it costs, with a cabin if there is too much wind. */
async function book(tx) {
    const { day, people } = await tx.json.get('plan');
    const fare = await tx.kv.get(`fare/${day}`);
    const rough = (await tx.kv.get(`wind/${day}`)) > (await mostWind(tx));
    const price = people * fare + (rough ? CABIN : 0);
    await tx.kv.put('price', price);
    await tx.states.set('phase', 'booked');
    await tx.events.append('booked', { day, price });
    const lesson = `The ferry on ${day} cost ${price}, ${rough ? 'with' : 'without'} a cabin.`;
    await tx.memory.remember(lesson, { key: 'lesson' });
}

async function decideAndBook(run, by) {
    await run.transaction((tx) => decide(tx, by), { label: `decide by ${by}` });
    await run.transaction(book, { label: 'book' });
}

/* ---- For people -------------------------------------------------------------------------------- */

const short = (value) => {
    const text = JSON.stringify(value);
    return text.length > 88 ? `${text.slice(0, 85)}...` : text;
};

function print({ ref, value, label = '', again, read }, depth = 0) {
    if (value !== undefined) { // else it was looked for, and not there
        const name = '  '.repeat(depth) + ref;
        console.log(`  ${name.padEnd(22)} ${label.padEnd(28)} ${again ? '(above)' : short(value)}`);
    }
    read.forEach((node) => print(node, depth + 1));
}

/* ---- The story --------------------------------------------------------------------------------- */

const db = await open(':memory:');
await db.runs.begin('trip', { provenance: true });
const trip = db.run('trip');
await trip.memory.remember('Marit gets seasick when the wind is above 12 m/s.', { key: 'marit' });
await trip.transaction(plan, { label: 'plan' });
for (const day of ['friday', 'saturday']) {
    for (const tool of ['fare', 'wind']) {
        await trip.transaction((tx) => ask(tx, tool, day), { label: `ask for the ${tool} of ${day}` });
    }
}
await decideAndBook(trip, 'fare');

// What has happened. The commit before the decision is the point to go back to.
let before = 0n;
console.log('trip, step by step');
for await (const { label = '', version, changes } of trip.history.log({ reverse: true })) {
    console.log(`  ${label.padEnd(28)} ${changes.map(({ ref }) => ref).join(' ')}`);
    before = label === 'decide by fare' ? version - 1n : before;
}
await db.runs.fork('trip', { asOf: before, name: 'calm' });
const calm = db.run('calm');
await decideAndBook(calm, 'wind');

console.log('\nwhat differs: trip, calm');
for await (const { ref, before, after } of trip.history.diff({ run: 'calm' })) {
    console.log(`  ${ref}`);
    if (before !== undefined) console.log(`    - ${short(before)}`);
    if (after !== undefined) console.log(`    + ${short(after)}`);
}

// The better plan is kept; the other one stays to be read, but nobody writes to it any more.
const cheaper = (await calm.kv.get('price')) < (await trip.kv.get('price'));
const [better, other] = cheaper ? [calm, trip] : [trip, calm];
await db.runs.end(better.name);
await db.runs.end(other.name, { status: 'cancelled', error: 'the other plan is cheaper' });
console.log(`\n${better.name} is completed, ${other.name} is cancelled`);

console.log(`\nwhy the price is ${await better.kv.get('price')}`);
const { versions } = await better.history.explain('kv:price');
versions.forEach((version) => print(version));

console.log('\nand what it has learned');
const { hits } = await better.memory.recall('what did the ferry cost?');
hits.forEach(({ snippet }) => console.log(`  ${snippet}`));
await db.close();
