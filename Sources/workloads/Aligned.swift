// SPDX-License-Identifier: MIT
//
// The family of aligned blocks.

import CWorkload

func visitAligned(_ body: (Workload) -> Void) {
    body(
        Workload(
            "aligned-64", "aligned", iterations: 1_000_000, [.quick, .micro],
            "random replacement, 1,000 live, 64 to 1,024 bytes aligned to 64",
            run: { measureAligned(to: 64, bytesMax: 1024, &$0) }))
    body(
        Workload(
            "aligned-4k", "aligned", iterations: 100_000, [],
            "random replacement, 1,000 live, 4 to 32 KiB aligned to 4 KiB",
            run: { measureAligned(to: 4096, bytesMax: 32 * 1024, &$0) }))
}

private func measureAligned(
    to alignment: Int, bytesMax: Int, _ measurement: inout Measurement
) {
    let table = Table(count: 1_000)
    var random = Random(seed: 7)
    for index in 0..<table.count {
        table.slots[index] = alignedBlock(alignment, bytesMax, &random)
    }
    let operations = measurement.iterations
    measurement.allocationsMin = operations + table.count
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let index = random.next(below: table.count)
            dropBlock(table.block(index))
            table.slots[index] = alignedBlock(alignment, bytesMax, &random)
        }
    }
    table.dropBlocks()
    table.unmap()
}

/// A block of a random multiple of the alignment.
@inline(__always)
private func alignedBlock(
    _ alignment: Int, _ bytesMax: Int, _ random: inout Random
) -> UnsafeMutableRawPointer {
    var block: UnsafeMutableRawPointer?
    let bytes = alignment * (1 + random.next(below: bytesMax / alignment))
    guard posix_memalign(&block, alignment, bytes) == 0 else { failWithoutMemory() }
    let start = seal(block)
    guard Int(bitPattern: start) & (alignment - 1) == 0 else {
        fail("a block is not aligned as asked", status: ExitStatus.failure)
    }
    return start
}
