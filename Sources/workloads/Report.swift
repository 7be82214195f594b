// SPDX-License-Identifier: MIT
//
// What a run hands back on standard output: one line of JSON, then `iterations` samples as
// 32-bit numbers in the byte order of the machine. `hak bench` reads it.

import CWorkload

/// Writes the report of one run. Nothing before this asked the loader or the kernel for proof, so
/// that the measurement is over when the questions allocate.
func report(_ measurement: Measurement, of workload: Workload) {
    let peakKib = peakResidentKib()
    var text = Text(bytesMax: 64 * 1024)
    text.append("{")
    text.append(key: "scenario", bytes: workload.name.buffer)
    text.append(key: "iterations", measurement.iterations)
    text.append(key: "warmup", measurement.warmup)
    text.append(key: "minor_faults", measurement.minorFaults)
    text.append(key: "major_faults", measurement.majorFaults)
    text.append(key: "peak_kib", peakKib)
    text.append(key: "sample_kib", measurement.sampleBytes / 1024)
    let maps = MemoryMap()
    text.append(key: "malloc_object", bytes: maps.object(holding: "malloc"))
    text.append(key: "free_object", bytes: maps.object(holding: "free"))
    if let readStats = dlsym(nil, StaticString("hak_stats").cString) {
        text.append(key: "hak_calls", Int(workload_hak_calls(readStats)))
    }
    text.closeObject()
    text.write(to: STDOUT_FILENO)
    writeAll(measurement.samples, count: measurement.sampleBytes, to: STDOUT_FILENO)
}

/// The most memory that was resident in this process image, from `VmHWM`. The figure of getrusage
/// would begin with that of the parent, whose memory the process shares until its exec.
private func peakResidentKib() -> Int {
    var text = Text(bytesMax: 16 * 1024)
    let path: StaticString = "/proc/self/status"
    guard text.append(fileAt: path.cString) else {
        fail("cannot read ", path.cString, status: ExitStatus.failure)
    }
    text.append(byte: 0)
    let label: StaticString = "VmHWM:"
    let start = UnsafeRawPointer(text.bytes).assumingMemoryBound(to: CChar.self)
    guard let line = strstr(start, label.cString) else {
        fail("no VmHWM in ", path.cString, status: ExitStatus.failure)
    }
    return strtol(line + label.utf8CodeUnitCount, nil, 10)
}

extension StaticString {
    /// The text's bytes.
    var buffer: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
