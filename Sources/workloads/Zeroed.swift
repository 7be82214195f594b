// SPDX-License-Identifier: MIT
//
// The family of calloc: memory that is fresh from the system, and memory that was used before.
// A block's first and last words are looked at, and one byte of each `strideBytes` is written.

import CWorkload

func visitZeroed(_ body: (Workload) -> Void) {
    body(
        Workload(
            "calloc-fresh-64", "calloc", iterations: 500_000, [],
            "32 MiB of zeroed blocks of 64 bytes kept, then freed",
            run: { measureFresh(bytes: 64, &$0) }))
    body(
        Workload(
            "calloc-fresh-512", "calloc", iterations: 64_000, [],
            "32 MiB of zeroed blocks of 512 bytes kept, then freed",
            run: { measureFresh(bytes: 512, &$0) }))
    body(
        Workload(
            "calloc-fresh-4k", "calloc", iterations: 8_000, [],
            "32 MiB of zeroed blocks of 4 KiB kept, then freed",
            run: { measureFresh(bytes: 4096, &$0) }))
    body(
        Workload(
            "calloc-fresh-1m", "calloc", iterations: 64, [.quick],
            "64 MiB of zeroed blocks of 1 MiB kept, then freed",
            run: { measureFresh(bytes: 1 << 20, &$0) }))
    body(
        Workload(
            "calloc-fresh-1g", "calloc", iterations: 1, [],
            "one zeroed block of 1 GiB, of which few pages are used",
            run: { measureFresh(bytes: 1 << 30, &$0) }))
    body(
        Workload(
            "calloc-again-64", "calloc", iterations: 2_000_000, [.quick, .micro],
            "zeroed blocks of 64 bytes in memory that was written before, 1,000 at a time",
            run: { measureAgain(bytes: 64, count: 1_000, &$0) }))
    body(
        Workload(
            "calloc-again-4k", "calloc", iterations: 100_000, [.micro],
            "zeroed blocks of 4 KiB in memory that was written before, 100 at a time",
            run: { measureAgain(bytes: 4096, count: 100, &$0) }))
    body(
        Workload(
            "calloc-again-1m", "calloc", iterations: 300, [.quick],
            "zeroed blocks of 1 MiB in memory that was written before, 4 at a time",
            run: { measureAgain(bytes: 1 << 20, count: 4, &$0) }))
    body(
        Workload(
            "calloc-again-1g", "calloc", iterations: 2, [],
            "zeroed blocks of 1 GiB one after the other, of which few pages are used",
            run: { measureAgain(bytes: 1 << 30, count: 1, &$0) }))
}

/// The distance of the bytes written: every page up to 1 MiB, one in 256 above.
private func strideBytes(_ bytes: Int) -> Int { bytes > 1 << 20 ? 1 << 20 : 4096 }

private func measureFresh(bytes: Int, _ measurement: inout Measurement) {
    let table = Table(count: measurement.iterations)
    measurement.section(operations: table.count) {
        for index in 0..<table.count { table.slots[index] = zeroedBlock(bytes) }
        table.freeBlocks()
    }
    table.unmap()
}

private func measureAgain(bytes: Int, count: Int, _ measurement: inout Measurement) {
    let table = Table(count: count)
    let rounds = max(1, measurement.iterations / count)
    for index in 0..<count { table.slots[index] = zeroedBlock(bytes) }
    table.freeBlocks()
    measurement.section(operations: rounds * count) {
        for _ in 0..<rounds {
            for index in 0..<count { table.slots[index] = zeroedBlock(bytes) }
            table.freeBlocks()
        }
    }
    table.unmap()
}

/// A block that is proven to begin and end with zeros, and written to.
@inline(__always)
private func zeroedBlock(_ bytes: Int) -> UnsafeMutableRawPointer {
    guard let block = calloc(1, bytes) else { failWithoutMemory() }
    let last = bytes - MemoryLayout<UInt64>.size
    guard block.load(as: UInt64.self) | block.load(fromByteOffset: last, as: UInt64.self) == 0
    else { fail("calloc gave memory that is not zeroed", status: ExitStatus.failure) }
    var offset = 0
    let distance = strideBytes(bytes)
    while offset < bytes {
        block.storeBytes(of: UInt8(0xA5), toByteOffset: offset, as: UInt8.self)
        offset += distance
    }
    block.storeBytes(of: UInt64.max, toByteOffset: last, as: UInt64.self)
    return block
}
