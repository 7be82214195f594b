// SPDX-License-Identifier: MIT
//
// What a run hands back on standard output: one line of JSON, then `samples` times of iterations
// as 32-bit numbers in the byte order of the machine. `hak bench` reads it.

import CWorkload

/// How long a process is left alone before its resident set is read.
private let idleMicroseconds: UInt32 = 1_000_000

/// Writes the report of one run. Nothing before this asked the loader or the kernel for proof, so
/// that the measurement is over when the questions allocate.
func report(_ measurement: Measurement, of workload: Workload, idles: Bool) {
    var idleKib: Int?
    if idles {
        usleep(idleMicroseconds)
        idleKib = statusKib("VmRSS:")
    }
    let peakKib = statusKib("VmHWM:")
    var text = Text(bytesMax: 64 * 1024)
    text.append("{")
    text.append(key: "scenario", bytes: workload.name.buffer)
    text.append(key: "operations", measurement.operations)
    text.append(key: "allocations_min", measurement.allocationsMin)
    text.append(key: "wall_ns", measurement.cost.wallNs)
    text.append(key: "cpu_ns", measurement.cost.cpuNs)
    text.append(key: "minor_faults", measurement.cost.minorFaults)
    text.append(key: "major_faults", measurement.cost.majorFaults)
    text.append(key: "voluntary_switches", measurement.cost.voluntarySwitches)
    text.append(key: "involuntary_switches", measurement.cost.involuntarySwitches)
    text.append(key: "peak_kib", peakKib)
    if let idleKib { text.append(key: "idle_kib", idleKib) }
    text.append(key: "samples", measurement.samples == nil ? 0 : measurement.sampleCount)
    let maps = MemoryMap()
    text.append(key: "malloc_object", bytes: maps.object(holding: "malloc"))
    text.append(key: "free_object", bytes: maps.object(holding: "free"))
    if let readStats = dlsym(nil, StaticString("hak_stats").cString) {
        text.append(key: "hak_calls", Int(workload_hak_calls(readStats)))
    }
    text.closeObject()
    text.write(to: STDOUT_FILENO)
    if let samples = measurement.samples {
        let bytes = measurement.sampleCount * MemoryLayout<UInt32>.stride
        writeAll(samples, count: bytes, to: STDOUT_FILENO)
    }
}

/// A figure of /proc/self/status in KiB. The peak of this process image is `VmHWM`; the figure of
/// getrusage would begin with that of the parent, whose memory the process shares until its exec.
func statusKib(_ label: StaticString) -> Int {
    var text = Text(bytesMax: 16 * 1024)
    let path: StaticString = "/proc/self/status"
    guard text.append(fileAt: path.cString) else {
        fail("cannot read ", path.cString, status: ExitStatus.failure)
    }
    text.append(byte: 0)
    let start = UnsafeRawPointer(text.bytes).assumingMemoryBound(to: CChar.self)
    guard let line = strstr(start, label.cString) else {
        fail("the kernel does not tell ", label.cString, status: ExitStatus.failure)
    }
    return strtol(line + label.utf8CodeUnitCount, nil, 10)
}

extension StaticString {
    /// The text's bytes.
    var buffer: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
