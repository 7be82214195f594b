// SPDX-License-Identifier: MIT
//
// Generations of threads, as in servers whose connections move: a thread replaces random blocks
// of a table and ends; a new thread takes the table over and frees what the first one made.

import CWorkload

func visitHandOver(_ body: (Workload) -> Void) {
    body(
        Workload(
            "hand-over", "hand-over", iterations: 1_500_000, [.threads, .quick],
            "1,000 blocks of 16 to 512 bytes a thread, handed to a new thread 20 times",
            run: { measureHandOver(&$0) }))
}

private let generations = 20

private struct HandOverWorker {
    let start: MeetingPoint
    let table: Table
    let operations: Int
    var random: Random
    /// The first generation waits for the clock.
    var waits: Bool

    mutating func run() {
        if waits {
            for index in 0..<table.count { table.slots[index] = makeBlock(bytes()) }
            start.wait()
            start.wait()
            waits = false
        }
        for _ in 0..<operations {
            let index = random.next(below: table.count)
            dropBlock(table.block(index))
            table.slots[index] = makeBlock(bytes())
        }
    }

    @inline(__always)
    private mutating func bytes() -> Int { 16 + random.next(below: 497) }
}

private func measureHandOver(_ measurement: inout Measurement) {
    let threads = measurement.threads
    let crew = Crew<HandOverWorker>(count: threads)
    let start = MeetingPoint(count: threads + 1)
    let share = max(1, measurement.iterations / threads / generations)
    for index in 0..<threads {
        crew.workers[index] = HandOverWorker(
            start: start, table: Table(count: 1_000), operations: share,
            random: Random(seed: index + 30), waits: true)
    }
    let body: ThreadBody = { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: HandOverWorker.self).pointee.run()
        return nil
    }
    crew.start(body)
    start.wait()
    measurement.section(operations: share * threads * generations) {
        start.wait()
        for _ in 1..<generations {
            for index in 0..<threads {
                crew.join(index)
                crew.start(index, body)
            }
        }
        crew.join()
        for index in 0..<threads { crew.workers[index].table.dropBlocks() }
    }
}
