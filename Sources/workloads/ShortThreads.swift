// SPDX-License-Identifier: MIT
//
// Threads that live for a moment and leave blocks behind, which a later thread frees.

import CWorkload

func visitShortThreads(_ body: (Workload) -> Void) {
    body(
        Workload(
            "short-threads", "short-threads", iterations: 2_000, [.threads, .quick],
            "2,000 threads, some at a time; each makes 100 blocks, frees half, leaves the rest",
            run: { measureShortThreads(&$0) }))
}

private let blocksOfThread = 100

/// A thread, and the place where the one before it has left its blocks.
private struct ShortWorker {
    let left: Table
    var random: Random

    mutating func run() {
        left.dropBlocks()
        for index in 0..<blocksOfThread {
            let block = makeBlock(Sizes.medium.next(&random))
            if index & 1 == 0 { left.slots[index / 2] = block } else { dropBlock(block) }
        }
    }
}

private func measureShortThreads(_ measurement: inout Measurement) {
    let threads = measurement.threads
    let crew = Crew<ShortWorker>(count: threads)
    let generations = max(1, measurement.iterations / threads)
    for index in 0..<threads {
        crew.workers[index] = ShortWorker(
            left: Table(count: blocksOfThread / 2), random: Random(seed: index + 60))
    }
    let body: ThreadBody = { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: ShortWorker.self).pointee.run()
        return nil
    }
    measurement.section(operations: generations * threads) {
        crew.start(body)
        for _ in 1..<generations {
            for index in 0..<threads {
                crew.join(index)
                crew.start(index, body)
            }
        }
        crew.join()
        for index in 0..<threads { crew.workers[index].left.dropBlocks() }
    }
    measurement.allocationsMin = generations * threads * blocksOfThread
}
