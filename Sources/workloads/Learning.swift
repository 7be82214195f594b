// SPDX-License-Identifier: MIT
//
// The family of loads to learn from: each stays as it is and has another best strategy, so that
// what learning finds can be compared with every fixed one (scripts/learn-experiment.py). An
// operation is one block.

import CWorkload

func visitLearning(_ body: (Workload) -> Void) {
    body(
        Workload(
            "learn-large", "learning", iterations: 2_000_000, [.experiment],
            "8 buffers of 2.5 MiB at a time, a page of each written",
            run: { measureSets(count: 8, bytes: 5 << 19, strideBytes: 5 << 19, &$0) }))
    body(
        Workload(
            "learn-whales", "learning", iterations: 20_000, [.experiment],
            "8 buffers of 20 MiB at a time, a page in 16 written",
            run: { measureSets(count: 8, bytes: 20 << 20, strideBytes: 64 << 10, &$0) }))
    body(
        Workload(
            "learn-herd", "learning", iterations: 20_000, [.experiment],
            "16 buffers of 40 MiB at a time, a page in 64 written",
            run: { measureSets(count: 16, bytes: 40 << 20, strideBytes: 256 << 10, &$0) }))
    body(
        Workload(
            "learn-growth", "learning", iterations: 1_000_000, [.experiment],
            "32 vectors in turn grow by 1 to 8 KiB to 2 MiB, by realloc",
            run: { measureAppending(count: 32, bytesMax: 2 << 20, &$0) }))
    body(
        Workload(
            "learn-build", "learning", iterations: 60_000_000, [.experiment],
            "300,000 blocks of 16 to 32 bytes built and dropped",
            run: { measureBuilding(count: 300_000, &$0) }))
    body(
        Workload(
            "learn-bursts", "learning", iterations: 2_000_000, [.experiment],
            "every 150 ms 24 MiB of buffers come and go, small blocks between",
            run: { measureBursts(burstMib: 24, periodMs: 150, restMicroseconds: 1000, &$0) }))
    body(
        Workload(
            "learn-spikes", "learning", iterations: 60_000_000, [.experiment],
            "every 400 ms 24 MiB of buffers come and go, many small blocks between",
            run: { measureBursts(burstMib: 24, periodMs: 400, restMicroseconds: 0, &$0) }))
}

/// `count` buffers allocated, written at every `strideBytes`, and freed, over and over.
private func measureSets(
    count: Int, bytes: Int, strideBytes: Int, _ measurement: inout Measurement
) {
    let table = Table(count: count)
    let rounds = max(1, measurement.iterations / count)
    measurement.section(operations: rounds * count) {
        for _ in 0..<rounds { useSet(table, bytes: bytes, strideBytes: strideBytes) }
    }
    table.unmap()
}

func useSet(_ table: Table, bytes: Int, strideBytes: Int) {
    for index in 0..<table.count {
        table.slots[index] = touchedBlock(bytes, strideBytes: strideBytes)
    }
    table.dropBlocks()
}

/// A block with a byte written at every `strideBytes`.
@inline(__always)
func touchedBlock(_ bytes: Int, strideBytes: Int) -> UnsafeMutableRawPointer {
    let block = makeBlock(bytes)
    var offset = strideBytes
    while offset < bytes {
        block.storeBytes(of: UInt8(0x5A), toByteOffset: offset, as: UInt8.self)
        offset += strideBytes
    }
    return block
}

private func measureAppending(count: Int, bytesMax: Int, _ measurement: inout Measurement) {
    var vectors = Vectors(count: count, bytesMax: bytesMax)
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations { vectors.append() }
    }
    measurement.allocationsMin = operations / bytesMax
}

/// Blocks that grow by realloc a little at a time, one of them at random.
struct Vectors {
    private let table: Table
    private let lengths: UnsafeMutablePointer<Int>
    private let bytesMax: Int
    private var random = Random(seed: 15)

    init(count: Int, bytesMax: Int) {
        table = Table(count: count)
        lengths = mappedMemory(count, of: Int.self)
        self.bytesMax = bytesMax
    }

    mutating func append() {
        let index = random.next(below: table.count)
        let length = lengths[index] + 1024 + random.next(below: 7169)
        if length > bytesMax {
            free(table.slots[index])
            (table.slots[index], lengths[index]) = (nil, 0)
            return
        }
        guard let grown = realloc(table.slots[index], length) else { failWithoutMemory() }
        grown.storeBytes(of: UInt8(0xA5), toByteOffset: length - 1, as: UInt8.self)
        (table.slots[index], lengths[index]) = (grown, length)
    }

    func clear() {
        table.freeBlocks()
        for index in 0..<table.count { lengths[index] = 0 }
    }
}

private func measureBuilding(count: Int, _ measurement: inout Measurement) {
    let table = Table(count: count)
    let rounds = max(1, measurement.iterations / count)
    measurement.section(operations: rounds * count) {
        for _ in 0..<rounds {
            for index in 0..<count { table.slots[index] = makeBlock(index & 1 == 0 ? 16 : 32) }
            table.dropBlocks()
        }
    }
    table.unmap()
}

/// Small blocks all the time, and every `periodMs` a burst of buffers that is gone at once.
private func measureBursts(
    burstMib: Int, periodMs: Int, restMicroseconds: UInt32, _ measurement: inout Measurement
) {
    let buffers = Table(count: burstMib * 8)
    let small = Table(count: 2_000)
    let periodNs = UInt64(periodMs) * 1_000_000
    let rounds = max(1, measurement.iterations / small.count)
    measurement.section(operations: rounds * small.count) {
        var next = monotonicNanoseconds()
        for _ in 0..<rounds {
            if monotonicNanoseconds() >= next {
                next += periodNs
                useSet(buffers, bytes: 128 << 10, strideBytes: 4096)
            }
            for index in 0..<small.count { small.slots[index] = makeBlock(256) }
            small.dropBlocks()
            if restMicroseconds > 0 { usleep(restMicroseconds) }
        }
    }
    small.unmap()
    buffers.unmap()
}
