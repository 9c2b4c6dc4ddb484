/* A static server for the example, on 127.0.0.1 only: this folder at /, the package at /strata-db/.
 * Any web server does as well; no special headers are needed.
 *
 *     node examples/browser/serve.mjs [PORT]
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('.', import.meta.url));
const strata = fileURLToPath(new URL('../../js/dist/', import.meta.url));

const types = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.map': 'application/json',
    '.svg': 'image/svg+xml',
    '.wasm': 'application/wasm',
};

/** Starts the server; resolves to it and its URL. Port 0: any that is free. */
export async function serve(port) {
    const server = createServer(answer);
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

async function answer(request, response) {
    const path = fileOf(request.url);
    const info = path && (await stat(path).catch(() => undefined));
    if (!info?.isFile() || !['GET', 'HEAD'].includes(request.method)) {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
        return;
    }
    response.writeHead(200, {
        'content-type': types[extname(path)] ?? 'application/octet-stream',
        'content-length': info.size,
        'cache-control': 'no-cache',
    });
    if (request.method === 'HEAD') {
        response.end();
    } else {
        createReadStream(path).on('error', () => response.destroy()).pipe(response);
    }
}

/** The file of a URL; undefined for one that leads out of the two folders. */
function fileOf(url) {
    let path;
    try {
        path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    } catch {
        return undefined;
    }
    if (path.includes('\0')) {
        return undefined;
    }
    if (path.startsWith('/strata-db/')) {
        return join(strata, path.slice('/strata-db/'.length));
    }
    return join(page, path === '/' ? 'index.html' : path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const { url } = await serve(Number(process.argv[2] ?? 8123)).catch((error) => {
        console.error(`cannot listen: ${error.message}; name another port: node serve.mjs PORT`);
        process.exit(1);
    });
    console.log(`Strata in a page: ${url}  (Ctrl-C ends it)`);
}
