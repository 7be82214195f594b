// SPDX-License-Identifier: MIT
//
// Blocks of one size, and from a thousand to ten million of them: what an operation costs should
// stay what it is, but for the cache misses of the workload, which `--touch` shows alone: the same
// random accesses to the table and to the blocks, without an allocator.

import CWorkload

func visitScale(_ body: (Workload) -> Void) {
    body(
        Workload(
            "scale-32", "scale", iterations: 1_000_000, [.live, .touch, .micro],
            "random replacement of 32-byte blocks in live sets of several counts",
            run: { measureScale(bytes: 32, &$0) }))
    body(
        Workload(
            "scale-64", "scale", iterations: 1_000_000, [.live, .touch, .micro],
            "random replacement of 64-byte blocks in live sets of several counts",
            run: { measureScale(bytes: 64, &$0) }))
    body(
        Workload(
            "scale-batch", "scale", iterations: 1_000_000, [.live, .touch, .micro],
            "1,000 random 64-byte blocks freed, then as many made, in live sets of several counts",
            run: { measureBatches(bytes: 64, &$0) }))
}

/// Frees a random block and makes another.
private func measureScale(bytes: Int, _ measurement: inout Measurement) {
    let table = liveSet(bytes: bytes, &measurement)
    let live = table.count
    var random = Random(seed: 1)
    let operations = measurement.iterations
    if measurement.touchesOnly {
        measurement.section(operations: operations) {
            for _ in 0..<operations {
                let index = random.next(below: live)
                checkSeal(table.block(index))
                table.slots[index] = seal(table.block(index))
            }
        }
    } else {
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

/// Frees so many random blocks, more than a bin holds at first, and makes as many.
private func measureBatches(bytes: Int, _ measurement: inout Measurement) {
    let table = liveSet(bytes: bytes, &measurement)
    let batch = min(1_000, table.count)
    let rounds = max(1, measurement.iterations / batch)
    let touchesOnly = measurement.touchesOnly
    var random = Random(seed: 1)
    measurement.section(operations: rounds * batch) {
        for _ in 0..<rounds {
            table.drawToFront(batch, &random)
            if touchesOnly {
                for index in 0..<batch { checkSeal(table.block(index)) }
                for index in 0..<batch { table.slots[index] = seal(table.block(index)) }
            } else {
                for index in 0..<batch { dropBlock(table.block(index)) }
                for index in 0..<batch { table.slots[index] = makeBlock(bytes) }
            }
        }
    }
    if !touchesOnly { table.dropBlocks() }
    table.unmap()
}

/// A block in every slot: of the allocator, or side by side in mapped memory.
private func liveSet(bytes: Int, _ measurement: inout Measurement) -> Table {
    let table = Table(count: measurement.live)
    if measurement.touchesOnly {
        let memory = UnsafeMutableRawPointer(mappedMemory(table.count * bytes, of: UInt8.self))
        for index in 0..<table.count { table.slots[index] = seal(memory + index * bytes) }
    } else {
        for index in 0..<table.count { table.slots[index] = makeBlock(bytes) }
        measurement.allocationsMin = measurement.iterations + table.count
    }
    return table
}

extension Table {
    /// Exchanges the first `count` blocks for random ones.
    @inline(__always)
    fileprivate func drawToFront(_ count: Int, _ random: inout Random) {
        for index in 0..<count {
            let other = random.next(below: self.count)
            (slots[index], slots[other]) = (slots[other], slots[index])
        }
    }
}
