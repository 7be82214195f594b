// SPDX-License-Identifier: MIT
//
// Load, then most of it freed, then nothing: what counts is the resident set after a second in
// which no thread calls the allocator (`--idle`).

import CWorkload

func visitIdle(_ body: (Workload) -> Void) {
    body(
        Workload(
            "idle", "idle", iterations: 600_000, [.quick],
            "600,000 blocks from 16 bytes with a tail, all but one in a hundred freed, then idle",
            run: { measureIdle(&$0) }))
    body(
        Workload(
            "idle-threads", "idle", iterations: 600_000, [.quick],
            "as idle, by 8 threads that stay and sleep",
            run: { measureSleepers(&$0) }))
}

/// Makes blocks and frees all but one in a hundred, in random order; the rest stays.
private func loadAndFree(_ table: Table, seed: Int) {
    var random = Random(seed: seed)
    table.fill(.tail, &random)
    table.shuffle(&random)
    for index in table.count / 100..<table.count {
        dropBlock(table.block(index))
        table.slots[index] = nil
    }
}

private func measureIdle(_ measurement: inout Measurement) {
    let table = Table(count: measurement.iterations)
    measurement.section(operations: table.count) { loadAndFree(table, seed: 70) }
    table.unmap()
}

private let sleepers = 8

private struct Sleeper {
    let start: MeetingPoint
    let done: MeetingPoint
    let table: Table
    let seed: Int

    func run() {
        start.wait()
        loadAndFree(table, seed: seed)
        table.unmap()
        done.wait()
        while true { sleep(60) }
    }
}

private func measureSleepers(_ measurement: inout Measurement) {
    let crew = Crew<Sleeper>(count: sleepers)
    let start = MeetingPoint(count: sleepers + 1)
    let done = MeetingPoint(count: sleepers + 1)
    let share = max(1, measurement.iterations / sleepers)
    for index in 0..<sleepers {
        crew.workers[index] = Sleeper(
            start: start, done: done, table: Table(count: share), seed: index + 71)
    }
    crew.start { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: Sleeper.self).pointee.run()
        return nil
    }
    measurement.section(operations: share * sleepers) {
        start.wait()
        done.wait()
    }
}
