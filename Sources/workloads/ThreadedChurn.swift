// SPDX-License-Identifier: MIT
//
// Threads that have nothing to do with each other: the same operations in all, shared out.

import CWorkload

func visitThreadedChurn(_ body: (Workload) -> Void) {
    body(
        Workload(
            "churn-threads", "threads", iterations: 2_000_000, [.threads, .quick],
            "random replacement by each thread for itself, 1,000 live each, 16 to 1,024 bytes",
            run: { measureThreadedChurn(&$0) }))
}

private struct ChurnWorker {
    let start: MeetingPoint
    let table: Table
    let operations: Int
    var random: Random

    mutating func run() {
        table.fill(.medium, &random)
        start.wait()
        start.wait()
        table.replace(operations, .medium, &random)
        table.dropBlocks()
    }
}

private func measureThreadedChurn(_ measurement: inout Measurement) {
    let threads = measurement.threads
    let crew = Crew<ChurnWorker>(count: threads)
    let start = MeetingPoint(count: threads + 1)
    let share = max(1, measurement.iterations / threads)
    for index in 0..<threads {
        crew.workers[index] = ChurnWorker(
            start: start, table: Table(count: 1_000), operations: share,
            random: Random(seed: index + 20))
    }
    measurement.section(operations: share * threads, crew, start) { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: ChurnWorker.self).pointee.run()
        return nil
    }
}
