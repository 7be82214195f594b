// SPDX-License-Identifier: MIT
//
// The family of structures that are built and dropped as a whole, in several orders of dropping.

import CWorkload

func visitBulk(_ body: (Workload) -> Void) {
    body(
        Workload(
            "bulk-forward", "bulk", iterations: 800_000, [],
            "200,000 blocks of 16 to 128 bytes built, and freed in that order",
            run: { measureBulk(.forward, &$0) }))
    body(
        Workload(
            "bulk-reverse", "bulk", iterations: 800_000, [],
            "200,000 blocks of 16 to 128 bytes built, and freed in reverse",
            run: { measureBulk(.reverse, &$0) }))
    body(
        Workload(
            "bulk-shuffled", "bulk", iterations: 800_000, [.quick],
            "200,000 blocks of 16 to 128 bytes built, and freed in random order",
            run: { measureBulk(.shuffled, &$0) }))
    body(
        Workload(
            "bulk-drift", "bulk", iterations: 3_000_000, [.quick],
            "3,000 blocks built and freed in turn, of 200 sizes that drift from 16 to 1,016 bytes",
            run: measureDrift))
}

/// In which order a structure's blocks are freed.
private enum Order {
    case forward
    case reverse
    case shuffled
}

private func measureBulk(_ order: Order, _ measurement: inout Measurement) {
    measureRounds(of: 200_000, seed: 2, &measurement) { _, table, random in
        table.fill(.small, &random)
        switch order {
        case .forward: break
        case .reverse: table.reverse()
        case .shuffled: table.shuffle(&random)
        }
    }
}

/// Batch after batch of 200 sizes, the least of which is a byte more each time; freed in order, in
/// reverse, and every other one first.
private func measureDrift(_ measurement: inout Measurement) {
    measureRounds(of: 3_000, seed: 3, &measurement) { round, table, random in
        let least = 16 &+ round % 801
        for index in 0..<table.count {
            table.slots[index] = makeBlock(least &+ random.next(below: 200))
        }
        switch round % 3 {
        case 0: break
        case 1: table.reverse()
        default: table.dropEveryOther()
        }
    }
}

/// Has `build` fill the table and put it in order, drops what is in it, and again.
@inline(__always)
private func measureRounds(
    of blocks: Int, seed: Int, _ measurement: inout Measurement,
    _ build: (_ round: Int, _ table: Table, _ random: inout Random) -> Void
) {
    let count = min(blocks, measurement.iterations)
    let rounds = measurement.iterations / count
    let table = Table(count: count)
    var random = Random(seed: seed)
    measurement.section(operations: rounds * count) {
        for round in 0..<rounds {
            build(round, table, &random)
            table.dropBlocks()
        }
    }
    table.unmap()
}

extension Table {
    fileprivate func dropEveryOther() {
        for index in stride(from: 0, to: count, by: 2) {
            dropBlock(block(index))
            slots[index] = nil
        }
    }

    fileprivate func reverse() {
        for index in 0..<count / 2 { swapBlocks(index, count - 1 - index) }
    }

    /// Puts the blocks into a random order.
    func shuffle(_ random: inout Random) {
        var index = count
        while index > 1 {
            swapBlocks(index - 1, random.next(below: index))
            index -= 1
        }
    }

    @inline(__always)
    private func swapBlocks(_ first: Int, _ second: Int) {
        let block = slots[first]
        slots[first] = slots[second]
        slots[second] = block
    }
}
