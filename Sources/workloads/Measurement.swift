// SPDX-License-Identifier: MIT
//
// What one run is asked for and what it has measured: one section on the clock, and in the seed's
// scenarios some iterations each by itself before it.
//
// The samples lie in mapped memory that is touched before the first iteration, so that neither
// the allocator under test nor the page-fault counts see the harness.

import CWorkload

/// One run of one workload.
struct Measurement {
    /// Operations, as the workload counts them.
    let iterations: Int
    let warmup: Int
    let threads: Int
    /// Live blocks, where the workload takes their count.
    let live: Int
    /// Only the writes of the workload, to memory mapped before: what no allocator can undercut.
    let touchesOnly: Bool
    /// Nanoseconds of `sampleCount` iterations in the order of time; nil where none is timed.
    private(set) var samples: UnsafeMutablePointer<UInt32>?
    private(set) var operations = 0
    /// Calls that allocate, made at least, in and before the section.
    var allocationsMin = 0
    private(set) var cost = Cost.zero

    init(iterations: Int, warmup: Int, threads: Int, live: Int, touchesOnly: Bool) {
        self.iterations = iterations
        self.warmup = warmup
        self.threads = threads
        self.live = live
        self.touchesOnly = touchesOnly
    }

    /// Most iterations that are timed by themselves: they are part of the process's resident set.
    private static let samplesMax = 10_000

    /// Iterations that are timed by themselves in a workload that does so.
    var sampleCount: Int { min(iterations, Self.samplesMax) }

    /// Runs `body`, which makes `operations` operations, on the clock.
    @inline(__always)
    mutating func section(operations: Int, _ body: () -> Void) {
        _ = Cost.now()  // its first call faults the kernel's shared page in
        let before = Cost.now()
        body()
        cost = Cost.now() - before
        self.operations = operations
        if allocationsMin == 0, !touchesOnly { allocationsMin = operations }
    }

    /// Runs `operation` `warmup` times, then some times each on the clock by itself, then
    /// `iterations` times as one section.
    @inline(__always)
    mutating func time(_ operation: () -> Void) {
        let iterations = iterations
        let samples = mappedMemory(sampleCount, of: UInt32.self)
        self.samples = samples
        for _ in 0..<warmup { operation() }
        for index in 0..<sampleCount {
            let start = monotonicNanoseconds()
            operation()
            samples[index] = UInt32(clamping: monotonicNanoseconds() &- start)
        }
        allocationsMin = touchesOnly ? 0 : warmup + sampleCount + iterations
        section(operations: iterations) {
            for _ in 0..<iterations { operation() }
        }
    }
}

/// What this process has cost since its start.
struct Cost {
    let wallNs: Int
    /// User and system time of all threads.
    let cpuNs: Int
    let minorFaults: Int
    let majorFaults: Int
    let voluntarySwitches: Int
    let involuntarySwitches: Int

    static var zero: Cost {
        Cost(
            wallNs: 0, cpuNs: 0, minorFaults: 0, majorFaults: 0, voluntarySwitches: 0,
            involuntarySwitches: 0)
    }

    static func now() -> Cost {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
            fail("getrusage refused", status: ExitStatus.failure)
        }
        return Cost(
            wallNs: Int(monotonicNanoseconds()),
            cpuNs: Int(nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID)),
            minorFaults: Int(usage.ru_minflt), majorFaults: Int(usage.ru_majflt),
            voluntarySwitches: Int(usage.ru_nvcsw), involuntarySwitches: Int(usage.ru_nivcsw))
    }

    static func - (end: Cost, start: Cost) -> Cost {
        Cost(
            wallNs: end.wallNs - start.wallNs, cpuNs: end.cpuNs - start.cpuNs,
            minorFaults: end.minorFaults - start.minorFaults,
            majorFaults: end.majorFaults - start.majorFaults,
            voluntarySwitches: end.voluntarySwitches - start.voluntarySwitches,
            involuntarySwitches: end.involuntarySwitches - start.involuntarySwitches)
    }
}

/// The monotonic clock, which the kernel's shared page answers without a system call.
@inline(__always)
func monotonicNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_MONOTONIC) }

@inline(__always)
private func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000
        &+ UInt64(bitPattern: Int64(time.tv_nsec))
}
