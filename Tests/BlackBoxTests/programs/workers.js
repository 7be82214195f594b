// SPDX-License-Identifier: MIT
// Workers that exchange buffers and strings with the main thread.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { gzipSync, gunzipSync } = require('node:zlib');

function work(seed) {
  const objects = [];
  for (let i = 0; i < 30000; i++) {
    objects.push({ id: i, text: `${seed}-${i}`.repeat(i % 9), list: [i, seed] });
    if (i % 5 === 0) objects.splice((i * seed) % objects.length, 1);
  }
  const text = JSON.stringify(objects);
  const packed = gzipSync(Buffer.from(text));
  if (gunzipSync(packed).toString() !== text) throw new Error('gzip');
  return createHash('sha256').update(text).digest('hex');
}

if (isMainThread) {
  const runs = [1, 2, 3, 4].map((seed) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: seed });
    worker.on('message', ({ hash, bytes }) => resolve(`${seed} ${hash} ${bytes.byteLength}`));
    worker.on('error', reject);
  }));
  Promise.all(runs).then((lines) => console.log([...lines, work(9)].join('\n')));
} else {
  const bytes = new ArrayBuffer(1 << 20);
  parentPort.postMessage({ hash: work(workerData), bytes }, [bytes]);
}
