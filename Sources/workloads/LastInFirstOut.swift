// SPDX-License-Identifier: MIT
//
// The family of stacks: blocks of one size, the last one made freed first.

import CWorkload

func visitLastInFirstOut(_ body: (Workload) -> Void) {
    body(
        Workload(
            "pair-24", "lifo", iterations: 4_000_000, [.micro],
            "one live block of 24 bytes: allocate, write a word, free",
            run: { measureStack(bytes: 24, depth: 1, &$0) }))
    body(
        Workload(
            "lifo-64", "lifo", iterations: 3_000_000, [.quick, .micro],
            "a stack of 64-byte blocks, 100 up and 100 down",
            run: { measureStack(bytes: 64, depth: 100, &$0) }))
    body(
        Workload(
            "lifo-1k", "lifo", iterations: 2_000_000, [.micro],
            "a stack of 1,024-byte blocks, 100 up and 100 down",
            run: { measureStack(bytes: 1024, depth: 100, &$0) }))
    body(
        Workload(
            "lifo-deep", "lifo", iterations: 1_000_000, [.micro],
            "a stack of 48-byte blocks, 100,000 up and 100,000 down",
            run: { measureStack(bytes: 48, depth: 100_000, &$0) }))
}

private func measureStack(bytes: Int, depth: Int, _ measurement: inout Measurement) {
    let table = Table(count: depth)
    let rounds = max(1, measurement.iterations / depth)
    measurement.section(operations: rounds * depth) {
        for _ in 0..<rounds {
            for index in 0..<depth { table.slots[index] = makeBlock(bytes) }
            var index = depth
            while index > 0 {
                index &-= 1
                dropBlock(table.block(index))
            }
        }
    }
    table.unmap()
}
