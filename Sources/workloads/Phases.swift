// SPDX-License-Identifier: MIT
//
// The family of phases whose sizes change: each leaves a few blocks behind at random places, and
// the next needs other sizes. What counts is the resident set.

import CWorkload

func visitPhases(_ body: (Workload) -> Void) {
    body(
        Workload(
            "phases", "phases", iterations: 8, [.quick],
            "eight times 24 MiB of another size, of which one block in twenty stays",
            run: { measurePhases(&$0) }))
    body(
        Workload(
            "phases-mixed", "phases", iterations: 6, [],
            "six times 150,000 blocks from 16 bytes with a tail, of which one in ten stays",
            run: { measureMixedPhases(&$0) }))
}

private let phaseBytes = 24 * 1024 * 1024

/// The block size of a phase in bytes; neighbours in time are far apart.
private func size(ofPhase phase: Int) -> Int {
    let sizes: [8 of Int] = [32, 1_024, 80, 8_192, 208, 2_560, 640, 40_960]
    return sizes[phase % 8]
}

private func measurePhases(_ measurement: inout Measurement) {
    let phases = measurement.iterations
    let table = Table(count: phaseBytes / 32)
    let left = Table(count: phases * (table.count / 20 + 1))
    var random = Random(seed: 8)
    var operations = 0
    for phase in 0..<phases { operations += phaseBytes / size(ofPhase: phase) }
    measurement.section(operations: operations) {
        var leftCount = 0
        for phase in 0..<phases {
            let bytes = size(ofPhase: phase)
            let count = phaseBytes / bytes
            for index in 0..<count { table.slots[index] = writtenBlock(bytes) }
            for index in 0..<count {
                let block = table.block(index)
                if random.next(below: 20) == 0, leftCount < left.count {
                    left.slots[leftCount] = block
                    leftCount += 1
                } else {
                    dropBlock(block)
                }
                table.slots[index] = nil
            }
        }
        left.dropBlocks()
    }
    left.unmap()
    table.unmap()
}

private func measureMixedPhases(_ measurement: inout Measurement) {
    let phases = measurement.iterations
    let table = Table(count: 150_000)
    let left = Table(count: phases * table.count)
    var random = Random(seed: 9)
    measurement.section(operations: phases * table.count) {
        var leftCount = 0
        for _ in 0..<phases {
            for index in 0..<table.count {
                table.slots[index] = writtenBlock(Sizes.tail.next(&random))
            }
            for index in 0..<table.count {
                if random.next(below: 10) == 0 {
                    left.slots[leftCount] = table.slots[index]
                    leftCount += 1
                } else {
                    dropBlock(table.block(index))
                }
                table.slots[index] = nil
            }
        }
        left.dropBlocks()
    }
    left.unmap()
    table.unmap()
}

/// A block with a byte written in every page.
private func writtenBlock(_ bytes: Int) -> UnsafeMutableRawPointer {
    let block = makeBlock(bytes)
    if bytes > 4096 { workload_touch(block + 8, bytes - 8) }
    return block
}
