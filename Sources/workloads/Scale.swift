// SPDX-License-Identifier: MIT
//
// Blocks of one size, and from a thousand to ten million of them: what an operation costs should
// stay what it is, but for the cache misses of the workload, which `--touch` shows alone.

import CWorkload

func visitScale(_ body: (Workload) -> Void) {
    body(
        Workload(
            "scale", "scale", iterations: 1_000_000, [.live, .touch],
            "random replacement of 64-byte blocks in live sets of several counts",
            run: { measureScale(&$0) }))
}

private func measureScale(_ measurement: inout Measurement) {
    let bytes = 64
    let live = measurement.live
    let table = Table(count: live)
    var random = Random(seed: 1)
    let operations = measurement.iterations
    if measurement.touchesOnly {
        let memory = UnsafeMutableRawPointer(mappedMemory(live * bytes, of: UInt8.self))
        for index in 0..<live { table.slots[index] = seal(memory + index * bytes) }
        measurement.section(operations: operations) {
            for _ in 0..<operations {
                let index = random.next(below: live)
                checkSeal(table.block(index))
                table.slots[index] = seal(table.block(index))
            }
        }
    } else {
        for index in 0..<live { table.slots[index] = makeBlock(bytes) }
        measurement.allocationsMin = operations + live
        measurement.section(operations: operations) {
            for _ in 0..<operations {
                let index = random.next(below: live)
                dropBlock(table.block(index))
                table.slots[index] = makeBlock(bytes)
            }
        }
        table.dropBlocks()
    }
    table.unmap()
}
