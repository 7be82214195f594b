// SPDX-License-Identifier: MIT
//
// The family of random replacement: a live set of fixed count, in which a random block is freed
// and replaced by one of a random size. Filling the live set comes before the clock.

import CWorkload

func visitChurn(_ body: (Workload) -> Void) {
    body(
        Workload(
            "small-1k", "churn", iterations: 2_000_000, [.quick, .micro],
            "random replacement, 1,000 live, 16 to 128 bytes",
            run: { measureChurn(live: 1_000, .small, &$0) }))
    body(
        Workload(
            "small-100k", "churn", iterations: 1_000_000, [.micro],
            "random replacement, 100,000 live, 16 to 128 bytes",
            run: { measureChurn(live: 100_000, .small, &$0) }))
    body(
        Workload(
            "small-1m", "churn", iterations: 500_000, [.quick],
            "random replacement, 1,000,000 live, 16 to 128 bytes",
            run: { measureChurn(live: 1_000_000, .small, &$0) }))
    body(
        Workload(
            "medium-1k", "churn", iterations: 2_000_000, [.quick, .micro],
            "random replacement, 1,000 live, 16 to 1,024 bytes",
            run: { measureChurn(live: 1_000, .medium, &$0) }))
    body(
        Workload(
            "medium-100k", "churn", iterations: 800_000, [.quick, .micro],
            "random replacement, 100,000 live, 16 to 1,024 bytes",
            run: { measureChurn(live: 100_000, .medium, &$0) }))
    body(
        Workload(
            "medium-1m", "churn", iterations: 300_000, [],
            "random replacement, 1,000,000 live, 16 to 1,024 bytes",
            run: { measureChurn(live: 1_000_000, .medium, &$0) }))
    body(
        Workload(
            "tail-1k", "churn", iterations: 1_500_000, [.micro],
            "random replacement, 1,000 live, from 16 bytes with a tail to 128 KiB",
            run: { measureChurn(live: 1_000, .tail, &$0) }))
    body(
        Workload(
            "tail-100k", "churn", iterations: 700_000, [.quick, .micro],
            "random replacement, 100,000 live, from 16 bytes with a tail to 128 KiB",
            run: { measureChurn(live: 100_000, .tail, &$0) }))
    body(
        Workload(
            "tail-1m", "churn", iterations: 300_000, [],
            "random replacement, 1,000,000 live, from 16 bytes with a tail to 128 KiB",
            run: { measureChurn(live: 1_000_000, .tail, &$0) }))
}

@inline(__always)
private func measureChurn(live: Int, _ sizes: Sizes, _ measurement: inout Measurement) {
    let table = Table(count: live)
    var random = Random(seed: live)
    table.fill(sizes, &random)
    let operations = measurement.iterations
    measurement.allocationsMin = operations + live
    measurement.section(operations: operations) {
        table.replace(operations, sizes, &random)
    }
    table.dropBlocks()
    table.unmap()
}

extension Table {
    /// Makes a block in every slot.
    @inline(__always)
    func fill(_ sizes: Sizes, _ random: inout Random) {
        for index in 0..<count { slots[index] = makeBlock(sizes.next(&random)) }
    }

    /// Replaces random blocks; every slot has one before and after.
    @inline(__always)
    func replace(_ times: Int, _ sizes: Sizes, _ random: inout Random) {
        for _ in 0..<times {
            let index = random.next(below: count)
            dropBlock(block(index))
            slots[index] = makeBlock(sizes.next(&random))
        }
    }
}
