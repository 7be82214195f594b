// SPDX-License-Identifier: MIT
//
// Producers that allocate and consumers that free, a queue between the two of each pair.
//
// Blocks cross in batches under a lock, so that the queue's own cost is small beside the
// allocator's. With `--threads 1` one thread plays both parts in turn.

import CWorkload

func visitQueues(_ body: (Workload) -> Void) {
    body(
        Workload(
            "queue-bounded", "queue", iterations: 2_000_000, [.threads, .quick],
            "producers and consumers in pairs, 16 to 256 bytes, at most 1,024 blocks under way",
            run: { measureQueues(capacity: 1_024, batch: 64, &$0) }))
    body(
        Workload(
            "queue-bursty", "queue", iterations: 1_000_000, [.threads],
            "producers and consumers in pairs, 16 to 256 bytes, in bursts of 25,000 blocks",
            run: { measureQueues(capacity: 50_000, batch: 25_000, &$0) }))
}

/// A bounded queue that moves whole batches.
///
/// Invariant: 0 <= filled <= table.count; blocks lie at taken ..< taken + filled, modulo count.
private struct Queue {
    var lock = pthread_mutex_t()
    var changed = pthread_cond_t()
    let table: Table
    var taken = 0
    var filled = 0

    init(capacity: Int) { table = Table(count: capacity) }
}

extension UnsafeMutablePointer<Queue> {
    fileprivate func prepare() {
        pthread_mutex_init(&pointee.lock, nil)
        pthread_cond_init(&pointee.changed, nil)
    }

    /// Waits for room and puts `count` blocks in.
    fileprivate func put(_ blocks: Table, count: Int) {
        pthread_mutex_lock(&pointee.lock)
        while pointee.filled + count > pointee.table.count {
            pthread_cond_wait(&pointee.changed, &pointee.lock)
        }
        for index in 0..<count {
            let place = (pointee.taken + pointee.filled + index) % pointee.table.count
            pointee.table.slots[place] = blocks.slots[index]
        }
        pointee.filled += count
        pthread_cond_signal(&pointee.changed)
        pthread_mutex_unlock(&pointee.lock)
    }

    /// Waits for `count` blocks and takes them out.
    fileprivate func take(_ blocks: Table, count: Int) {
        pthread_mutex_lock(&pointee.lock)
        while pointee.filled < count { pthread_cond_wait(&pointee.changed, &pointee.lock) }
        for index in 0..<count {
            let place = (pointee.taken + index) % pointee.table.count
            blocks.slots[index] = pointee.table.slots[place]
        }
        pointee.taken = (pointee.taken + count) % pointee.table.count
        pointee.filled -= count
        pthread_cond_signal(&pointee.changed)
        pthread_mutex_unlock(&pointee.lock)
    }
}

/// One end of a queue, or both.
private struct QueueWorker {
    let start: MeetingPoint
    let queue: UnsafeMutablePointer<Queue>
    let batch: Table
    let batches: Int
    let produces: Bool
    let consumes: Bool
    var random: Random

    mutating func run() {
        start.wait()
        start.wait()
        for _ in 0..<batches {
            if produces {
                for index in 0..<batch.count {
                    batch.slots[index] = makeBlock(16 + random.next(below: 241))
                }
                queue.put(batch, count: batch.count)
            }
            if consumes {
                queue.take(batch, count: batch.count)
                batch.dropBlocks()
            }
        }
    }
}

private func measureQueues(capacity: Int, batch: Int, _ measurement: inout Measurement) {
    let threads = measurement.threads
    let pairs = max(1, threads / 2)
    let crew = Crew<QueueWorker>(count: threads == 1 ? 1 : pairs * 2)
    let start = MeetingPoint(count: crew.count + 1)
    let size = max(1, min(batch, measurement.iterations / pairs))
    let batches = max(1, measurement.iterations / pairs / size)
    for index in 0..<pairs {
        let queue = mappedMemory(1, of: Queue.self)
        queue.initialize(to: Queue(capacity: capacity))
        queue.prepare()
        for end in 0..<(crew.count / pairs) {
            crew.workers[index * 2 + end] = QueueWorker(
                start: start, queue: queue, batch: Table(count: size), batches: batches,
                produces: end == 0, consumes: end == 1 || crew.count == 1,
                random: Random(seed: index + 40))
        }
    }
    measurement.section(operations: pairs * batches * size, crew, start) { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: QueueWorker.self).pointee.run()
        return nil
    }
}
