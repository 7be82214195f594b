// SPDX-License-Identifier: MIT
//
// What a replay hands back on standard output: one line of JSON, which `hak replay` reads.

import CTraceFormat
import CWorkload

/// What the process has used since its start, or between two moments.
struct ReplayCost {
    private(set) var wallNanoseconds: Int
    /// Of all threads, their waits for each other left out.
    private(set) var cpuNanoseconds: Int
    private(set) var waitNanoseconds: Int
    private(set) var minorFaults: Int
    private(set) var majorFaults: Int
    private(set) var voluntarySwitches: Int
    private(set) var involuntarySwitches: Int

    static func ofProcess() -> ReplayCost {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
            fail("getrusage refused", status: ExitStatus.failure)
        }
        let wait = ReplayWait.nanoseconds
        return ReplayCost(
            wallNanoseconds: Int(monotonicNanoseconds()),
            cpuNanoseconds: Int(workload_cpu_nanoseconds(CLOCK_PROCESS_CPUTIME_ID)) - wait,
            waitNanoseconds: wait,
            minorFaults: Int(usage.ru_minflt), majorFaults: Int(usage.ru_majflt),
            voluntarySwitches: Int(usage.ru_nvcsw), involuntarySwitches: Int(usage.ru_nivcsw))
    }

    func since(_ before: ReplayCost) -> ReplayCost {
        ReplayCost(
            wallNanoseconds: wallNanoseconds - before.wallNanoseconds,
            cpuNanoseconds: cpuNanoseconds - before.cpuNanoseconds,
            waitNanoseconds: waitNanoseconds - before.waitNanoseconds,
            minorFaults: minorFaults - before.minorFaults,
            majorFaults: majorFaults - before.majorFaults,
            voluntarySwitches: voluntarySwitches - before.voluntarySwitches,
            involuntarySwitches: involuntarySwitches - before.involuntarySwitches)
    }
}

/// Writes the report; the questions that it asks allocate, so it comes last.
func report(_ cost: ReplayCost, of replay: UnsafePointer<Replay>) {
    let peakKib = statusKib("VmHWM:")
    let header = replay.pointee.header
    let calls = header.calls
    var text = Text(bytesMax: 64 * 1024)
    text.append("{")
    text.append(key: "events", Int(header.events))
    text.append(key: "births", Int(calls.1 + calls.2 + calls.3 + calls.4))
    text.append(key: "streams", Int(header.streams))
    text.append(key: "live_blocks", replay.pointee.slots.liveCount())
    text.append(key: "wall_ns", cost.wallNanoseconds)
    text.append(key: "cpu_ns", cost.cpuNanoseconds)
    text.append(key: "wait_ns", cost.waitNanoseconds)
    text.append(key: "minor_faults", cost.minorFaults)
    text.append(key: "major_faults", cost.majorFaults)
    text.append(key: "voluntary_switches", cost.voluntarySwitches)
    text.append(key: "involuntary_switches", cost.involuntarySwitches)
    text.append(key: "peak_kib", peakKib)
    text.append(key: "slot_kib", replay.pointee.slots.bytes / 1024)
    let maps = MemoryMap()
    text.append(key: "malloc_object", bytes: maps.object(holding: "malloc"))
    text.append(key: "free_object", bytes: maps.object(holding: "free"))
    if let readStats = dlsym(nil, StaticString("hak_stats").cString) {
        text.append(key: "hak_calls", Int(workload_hak_calls(readStats)))
    }
    text.closeObject()
    text.write(to: STDOUT_FILENO)
}
