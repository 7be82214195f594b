// SPDX-License-Identifier: MIT
//
// Cache lines that an allocator gives to two threads. Active: each thread allocates a small block
// and writes it many times. Passive: the first block of each was made by one thread, side by side,
// and an allocator that gives it back to whoever freed it keeps the lines shared.

import CWorkload

func visitSharing(_ body: (Workload) -> Void) {
    body(
        Workload(
            "sharing-active", "sharing", iterations: 1_500_000, [.threads],
            "each thread allocates 8 bytes, writes them 100 times, frees",
            run: { measureSharing(isPassive: false, &$0) }))
    body(
        Workload(
            "sharing-passive", "sharing", iterations: 1_500_000, [.threads, .quick],
            "as sharing-active, after freeing a block that one thread made for all",
            run: { measureSharing(isPassive: true, &$0) }))
}

private let writes = 100

private struct SharingWorker {
    let start: MeetingPoint
    var inherited: UnsafeMutableRawPointer?
    let operations: Int

    func run() {
        start.wait()
        start.wait()
        if let inherited { dropBlock(inherited) }
        for _ in 0..<operations {
            let block = makeBlock(8)
            workload_write(block, Int32(writes))
            free(block)
        }
    }
}

private func measureSharing(isPassive: Bool, _ measurement: inout Measurement) {
    let threads = measurement.threads
    let crew = Crew<SharingWorker>(count: threads)
    let start = MeetingPoint(count: threads + 1)
    let share = max(1, measurement.iterations / threads)
    for index in 0..<threads {
        crew.workers[index] = SharingWorker(
            start: start, inherited: isPassive ? makeBlock(8) : nil, operations: share)
    }
    measurement.section(operations: share * threads, crew, start) { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: SharingWorker.self).pointee.run()
        return nil
    }
}
