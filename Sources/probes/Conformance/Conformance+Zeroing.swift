// SPDX-License-Identifier: MIT
//
// conformance: calloc gives zeroes, from fresh memory and from memory that others dirtied.

import Glibc

func checkZeroing(_ checks: inout Checks) {
    for size in borderSizes { checkZeroing(&checks, size) }
    checkZeroingAfterResizing(&checks)

    errno = errnoMark
    let block = heap.calloc(7, 11)
    checks.expect(
        block.map { Pattern.isZero($0, 77) } ?? false && errno == errnoMark,
        "calloc(7, 11) gives 77 zeroes and leaves errno")
    heap.free(block)
}

/// calloc after blocks of the same size were written full and freed, in several orders.
private func checkZeroing(_ checks: inout Checks, _ size: UInt) {
    let count = size <= 4096 ? 200 : size <= 1 << 17 ? 20 : 4
    var isZero = true
    for round in 0..<3 {
        var blocks: [Block] = (0..<count).map { _ in heap.malloc(size)! }
        for block in blocks { memset(block, 0xA5, Int(heap.usableSize(block))) }
        if round == 1 { blocks.reverse() }
        for block in blocks { heap.free(block) }
        if round == 2 { _ = heap.mallocTrim?(0) }

        let zeroed = (0..<count).map { index in
            index % 2 == 0 ? heap.calloc(1, size)! : heap.calloc(size, 1)!
        }
        isZero = isZero && zeroed.allSatisfy { Pattern.isZero($0, size) }
        for block in zeroed {
            memset(block, 0x5A, Int(heap.usableSize(block)))
            heap.free(block)
        }
    }
    checks.expect(isZero, "calloc(1, \(size)) of recycled memory is zero")
}

/// Memory dirtied by one size and reused by another.
private func checkZeroingAfterResizing(_ checks: inout Checks) {
    var random = Randomness(seed: 3)
    var live = [Block?](repeating: nil, count: 256)
    var isZero = true
    for _ in 0..<20_000 {
        let index = random.below(live.count)
        heap.free(live[index])
        let size = random.size(max: 4 << 20)
        let block: Block?
        switch random.below(3) {
        case 0:
            block = heap.malloc(size)
        case 1:
            block = heap.realloc(heap.calloc(1, size / 2 + 1), size)
        default:
            block = heap.calloc(1, size)
            isZero = isZero && block.map { Pattern.isZero($0, size) } ?? false
        }
        guard let block else { fail("no block of \(size) bytes") }
        memset(block, 0xFF, Int(size))
        live[index] = block
    }
    for block in live { heap.free(block) }
    checks.expect(isZero, "calloc among mixed sizes is zero")
}
