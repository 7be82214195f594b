// SPDX-License-Identifier: MIT
//
// conformance: realloc and reallocarray.

import Glibc

func checkResizing(_ checks: inout Checks) {
    errno = errnoMark
    let fresh = heap.realloc(nil, 100)
    checks.expect(fresh != nil && errno == errnoMark, "realloc(NULL, n) allocates")
    Pattern.fill(fresh!, 100, 1)

    errno = errnoMark
    let none = heap.realloc(fresh, 0)
    checks.expect(none == nil, "realloc(p, 0) frees and gives NULL")
    checks.expect(errno == errnoMark, "realloc(p, 0) leaves errno", "errno \(errno)")
    let array = heap.reallocarray(nil, 10, 10)
    checks.expect(heap.usableSize(array) >= 100, "reallocarray(NULL, 10, 10) allocates")
    checks.expect(heap.reallocarray(array, 0, 10) == nil, "reallocarray(p, 0, n) frees")

    for from in borderSizes { checkResizing(&checks, from: from) }
    checkStepwiseGrowth(&checks)
    checkRepeatedMoves(&checks)
}

/// From one size to each of the others: the common part of the contents stays.
private func checkResizing(_ checks: inout Checks, from: UInt) {
    var kept = true
    var errnoLeft = true
    var aligned = true
    for to in borderSizes where from < 1 << 21 || to < 1 << 23 {
        guard let block = heap.malloc(from) else { fail("malloc(\(from)) gave NULL") }
        Pattern.fill(block, from, UInt64(from ^ to))
        errno = errnoMark
        guard let moved = heap.realloc(block, to) else { fail("realloc to \(to) gave NULL") }
        errnoLeft = errnoLeft && errno == errnoMark
        aligned = aligned && moved.isAligned(to: to < 16 ? 8 : 16)
        kept = kept && Pattern.holds(moved, min(from, to), UInt64(from ^ to))
        kept = kept && heap.usableSize(moved) >= to
        Pattern.fill(moved, to, 0)
        heap.free(moved)
    }
    checks.expect(kept, "realloc from \(from) bytes to other sizes keeps the contents")
    checks.expect(errnoLeft, "realloc from \(from) bytes leaves errno")
    checks.expect(aligned, "realloc from \(from) bytes gives aligned blocks")
}

/// One block grown and shrunk in steps, with neighbours that stay untouched.
private func checkStepwiseGrowth(_ checks: inout Checks) {
    let below = heap.malloc(64)!
    var block = heap.malloc(1)!
    let above = heap.malloc(64)!
    Pattern.fill(below, 64, 11)
    Pattern.fill(above, 64, 12)
    Pattern.fill(block, 1, 13)
    var size: UInt = 1
    var kept = true
    while size < 24 << 20 {
        let next = size + size / 3 + 1
        guard let moved = heap.realloc(block, next) else { fail("realloc to \(next) gave NULL") }
        kept = kept && Pattern.holds(moved, size, 13)
        Pattern.fill(moved, next, 13)
        (block, size) = (moved, next)
    }
    while size > 1 {
        let next = size - size / 3 - (size < 3 ? 1 : 0)
        guard let moved = heap.realloc(block, next) else { fail("realloc to \(next) gave NULL") }
        kept = kept && Pattern.holds(moved, next, 13)
        (block, size) = (moved, next)
    }
    checks.expect(kept, "a block grown to 24 MiB and shrunk to 1 byte keeps its contents")
    checks.expect(
        Pattern.holds(below, 64, 11) && Pattern.holds(above, 64, 12),
        "the neighbours of a resized block stay as they are")
    for block in [below, block, above] { heap.free(block) }
}

/// Many blocks that grow in turn, so that none can stay where it is.
private func checkRepeatedMoves(_ checks: inout Checks) {
    var blocks: [Block] = (0..<64).map { _ in heap.malloc(8)! }
    for (index, block) in blocks.enumerated() { Pattern.fill(block, 8, UInt64(index)) }
    var kept = true
    var size: UInt = 8
    while size < 200_000 {
        let next = size * 3 / 2
        for index in blocks.indices {
            guard let moved = heap.reallocarray(blocks[index], next / 4, 4) else {
                fail("reallocarray to \(next) gave NULL")
            }
            kept = kept && Pattern.holds(moved, size / 4 * 4, UInt64(index))
            Pattern.fill(moved, next / 4 * 4, UInt64(index))
            blocks[index] = moved
        }
        size = next / 4 * 4
    }
    checks.expect(kept, "64 blocks grown in turn keep their contents")
    for block in blocks { heap.free(block) }
}

func checkFailedResizing(_ checks: inout Checks) {
    for size in [10, 1000, 40_000, 300_000, 5_000_000] as [UInt] {
        let block = heap.malloc(size)!
        Pattern.fill(block, size, UInt64(size))
        var failures = true
        for impossible in impossibleSizes + [UInt(Int.max), 1 << 60] {
            errno = 0
            failures = failures && heap.realloc(block, impossible) == nil && errno == ENOMEM
        }
        errno = 0
        failures = failures && heap.reallocarray(block, UInt.max / 2, 3) == nil
        failures = failures && errno == ENOMEM
        checks.expect(failures, "realloc of \(size) bytes to impossible sizes gives ENOMEM")
        checks.expect(
            Pattern.holds(block, size, UInt64(size)) && heap.usableSize(block) >= size,
            "a failed realloc leaves its block of \(size) bytes")
        heap.free(block)
    }
}
