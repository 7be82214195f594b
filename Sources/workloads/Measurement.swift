// SPDX-License-Identifier: MIT
//
// The samples of one run: a warm-up that is not counted, then every iteration timed on its own.
//
// The samples lie in mapped memory that is touched before the first iteration, so that neither
// the allocator under test nor the page-fault counts see the harness.

import CWorkload

/// What a run is asked for and what it has measured.
struct Measurement {
    let iterations: Int
    let warmup: Int
    /// Only the writes of the scenario, to memory mapped before: what no allocator can undercut.
    let touchesOnly: Bool
    /// Nanoseconds of each iteration in the order of time; the longest that fits when longer.
    let samples: UnsafeMutablePointer<UInt32>
    private(set) var minorFaults = 0
    private(set) var majorFaults = 0

    init(iterations: Int, warmup: Int, touchesOnly: Bool) {
        let (bytes, overflows) = iterations.multipliedReportingOverflow(by: 4)
        guard !overflows, let memory = workload_map(bytes) else {
            fail("no memory for the samples; lower --iterations", status: ExitStatus.failure)
        }
        workload_touch(memory, bytes)
        self.iterations = iterations
        self.warmup = warmup
        self.touchesOnly = touchesOnly
        samples = memory.assumingMemoryBound(to: UInt32.self)
    }

    /// Bytes of the samples, which are part of the process's resident set.
    var sampleBytes: Int { iterations * MemoryLayout<UInt32>.stride }

    /// Runs `operation` `warmup` times, then `iterations` times on the clock.
    @inline(__always)
    mutating func time(_ operation: () -> Void) {
        for _ in 0..<warmup { operation() }
        _ = monotonicNanoseconds()  // its first call faults the kernel's shared page in
        let faultsBefore = Faults.ofProcess()
        for index in 0..<iterations {
            let start = monotonicNanoseconds()
            operation()
            samples[index] = UInt32(clamping: monotonicNanoseconds() &- start)
        }
        let faultsAfter = Faults.ofProcess()
        minorFaults = faultsAfter.minor - faultsBefore.minor
        majorFaults = faultsAfter.major - faultsBefore.major
    }
}

/// Page faults of this process since its start.
struct Faults {
    let minor: Int
    let major: Int

    static func ofProcess() -> Faults {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
            fail("getrusage refused", status: ExitStatus.failure)
        }
        return Faults(minor: Int(usage.ru_minflt), major: Int(usage.ru_majflt))
    }
}

/// The monotonic clock, which the kernel's shared page answers without a system call.
@inline(__always)
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000
        &+ UInt64(bitPattern: Int64(time.tv_nsec))
}
