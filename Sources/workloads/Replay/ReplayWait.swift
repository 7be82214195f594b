// SPDX-License-Identifier: MIT
//
// Waiting for other threads of a replay. The CPU time that a wait of some length takes is counted,
// so that it can be left out of the figures: it is not the allocator's.

import CWorkload
import Synchronization

/// CPU time of all threads' waits, in nanoseconds. Relaxed: read when the threads have ended.
private let waitedNanoseconds = Atomic<Int>(0)

enum ReplayWait {
    /// Looks at a condition before a wait counts as one.
    private static let eagerLooks = 50
    /// Looks before the thread sleeps between them.
    private static let yieldingLooks = 70
    private static let sleepMicroseconds: UInt32 = 50

    /// CPU time of all waits so far.
    static var nanoseconds: Int { waitedNanoseconds.load(ordering: .relaxed) }

    /// Returns once `condition` holds.
    static func until(_ condition: () -> Bool) {
        for _ in 0..<eagerLooks {
            if condition() { return }
            workload_pause()
        }
        let start = workload_cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID)
        var looks = eagerLooks
        while !condition() {
            looks += 1
            if looks < yieldingLooks { sched_yield() } else { usleep(sleepMicroseconds) }
        }
        let spent = workload_cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start
        waitedNanoseconds.wrappingAdd(Int(spent), ordering: .relaxed)
    }
}
