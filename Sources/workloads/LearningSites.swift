// SPDX-License-Identifier: MIT
//
// Two call sites of large blocks that want different things of the allocator:
//
//   frames   6 buffers of 400 KiB in every step: wanted again at once, and after every pause
//   reports  8 buffers of 2 MiB once before every pause: not wanted again for long

import CWorkload

func visitLearningSites(_ body: (Workload) -> Void) {
    body(
        Workload(
            "learn-sites", "learning", iterations: 60_000, [.experiment],
            "buffers that are wanted again at once and others that are not, and pauses",
            run: { measureSites(&$0) }))
}

private let frameBytes = 400 << 10
private let reportBytes = 2 << 20
private let stepsBetweenPauses = 1_000
private let pauseMicroseconds: UInt32 = 150_000

@inline(never)
private func makeFrame() -> UnsafeMutableRawPointer {
    touchedBlock(frameBytes, strideBytes: 4096)
}

@inline(never)
private func makeReport() -> UnsafeMutableRawPointer {
    touchedBlock(reportBytes, strideBytes: 4096)
}

private func measureSites(_ measurement: inout Measurement) {
    let frames = Table(count: 6)
    let reports = Table(count: 8)
    let steps = max(stepsBetweenPauses, measurement.iterations)
    let pauses = steps / stepsBetweenPauses
    measurement.section(operations: steps * frames.count + pauses * reports.count) {
        for step in 1...steps {
            for index in 0..<frames.count { frames.slots[index] = makeFrame() }
            frames.dropBlocks()
            guard step % stepsBetweenPauses == 0 else { continue }
            for index in 0..<reports.count { reports.slots[index] = makeReport() }
            reports.dropBlocks()
            usleep(pauseMicroseconds)
        }
    }
    measurement.allocationsMin = steps
    frames.unmap()
    reports.unmap()
}
