// SPDX-License-Identifier: MIT
//
// conformance: the aligned allocations.

import Glibc

func checkAlignment(_ checks: inout Checks) {
    var alignment: UInt = 8
    while alignment <= 64 << 20 {
        checkPosixMemalign(&checks, alignment)
        checkPlainAligned(&checks, "memalign", heap.memalign, alignment)
        checkPlainAligned(&checks, "aligned_alloc", heap.alignedAlloc, alignment)
        alignment *= 2
    }
    for alignment in [1, 2, 4] as [UInt] {
        checkPlainAligned(&checks, "memalign", heap.memalign, alignment)
        checkPlainAligned(&checks, "aligned_alloc", heap.alignedAlloc, alignment)
    }
    for size in [0, 1, 100, pageSize - 1, pageSize, pageSize + 1, 1 << 20] {
        checkPages(&checks, "valloc", heap.valloc, size, usableMin: size)
        guard let pvalloc = heap.pvalloc else { continue }
        let rounded = (size + pageSize - 1) / pageSize * pageSize
        checkPages(&checks, "pvalloc", pvalloc, size, usableMin: rounded)
    }
    checkAlignedLives(&checks)
}

private func checkPages(
    _ checks: inout Checks, _ name: String, _ allocate: Allocator.Allocate, _ size: UInt,
    usableMin: UInt
) {
    errno = errnoMark
    let block = allocate(size)
    let errnoAfter = errno
    let isFit = block.map { $0.isAligned(to: pageSize) && heap.usableSize($0) >= usableMin }
    checks.expect(isFit == true && errnoAfter == errnoMark, "\(name)(\(size)) starts a page")
    heap.free(block)
}

/// Sizes to try with an alignment: odd ones, the alignment's neighbours and some multiples.
private func sizes(for alignment: UInt) -> [UInt] {
    [0, 1, 24, 100, 1000, alignment - 1, alignment, alignment + 1, alignment * 2 + 5]
}

private func checkPosixMemalign(_ checks: inout Checks, _ alignment: UInt) {
    for size in sizes(for: alignment) {
        let result = heap.posixMemalign(alignment, size, untouched: nil, errnoBefore: errnoMark)
        guard result.status == 0, let block = result.block else {
            checks.expect(false, "posix_memalign(\(alignment), \(size))", "\(result)")
            continue
        }
        Pattern.fill(block, heap.usableSize(block), UInt64(size))
        checks.expect(
            block.isAligned(to: alignment) && result.errnoAfter == errnoMark
                && heap.usableSize(block) >= size,
            "posix_memalign(\(alignment), \(size))", "\(result)")
        heap.free(block)
    }
}

private func checkPlainAligned(
    _ checks: inout Checks, _ name: String, _ allocate: Allocator.AllocateTwo, _ alignment: UInt
) {
    for size in sizes(for: alignment) {
        errno = errnoMark
        let block = allocate(alignment, size)
        let errnoAfter = errno
        // C11 let aligned_alloc refuse a size that is no multiple of the alignment; C17 does not.
        guard let block else {
            checks.expect(
                name == "aligned_alloc" && size % alignment != 0 && errnoAfter == EINVAL,
                "\(name)(\(alignment), \(size))", "errno \(errnoAfter)")
            continue
        }
        Pattern.fill(block, heap.usableSize(block), UInt64(size))
        checks.expect(
            block.isAligned(to: alignment) && heap.usableSize(block) >= size
                && errnoAfter == errnoMark,
            "\(name)(\(alignment), \(size))", "\(block), errno \(errnoAfter)")
        heap.free(block)
    }
}

/// Many aligned blocks alive at once, resized and freed in every way.
private func checkAlignedLives(_ checks: inout Checks) {
    var random = Randomness(seed: 7)
    var blocks: [(block: Block, size: UInt)] = []
    for round in 0..<2000 {
        let alignment: UInt = 16 << UInt(round % 10)
        let size = random.size(max: 1 << 16)
        guard let block = heap.memalign(alignment, size), block.isAligned(to: alignment) else {
            return checks.expect(false, "memalign(\(alignment), \(size)) among many")
        }
        Pattern.fill(block, size, UInt64(blocks.count))
        blocks.append((block, size))
    }
    for index in stride(from: 0, to: blocks.count, by: 2) {
        let (block, size) = blocks[index]
        let grownTo = size * 2 + 100
        guard let moved = heap.realloc(block, grownTo) else { fail("realloc gave NULL") }
        blocks[index] = (moved, size)
    }
    let kept = blocks.enumerated().allSatisfy {
        Pattern.holds($1.block, $1.size, UInt64($0))
    }
    checks.expect(kept, "2000 aligned blocks keep their contents, also through realloc")
    for entry in blocks { heap.free(entry.block) }
}

func checkAlignmentErrors(_ checks: inout Checks) {
    let untouched = Block(bitPattern: 0x1234)
    for alignment in [0, 1, 2, 3, 4, 7, 12, 24, 100, 4095, 4097] as [UInt] {
        let result = heap.posixMemalign(
            alignment, 64, untouched: untouched, errnoBefore: errnoMark)
        checks.expect(
            result.status == EINVAL && result.block == untouched
                && result.errnoAfter == errnoMark,
            "posix_memalign refuses alignment \(alignment) and leaves output and errno",
            "\(result)")
    }
    for size in impossibleSizes {
        let result = heap.posixMemalign(64, size, untouched: untouched, errnoBefore: errnoMark)
        checks.expect(
            result.status == ENOMEM && result.block == untouched,
            "posix_memalign(64, \(hexadecimal(size))) answers ENOMEM and leaves its output",
            "\(result)")
        checks.expectOfHakmem(
            result.errnoAfter == errnoMark,
            "posix_memalign(64, \(hexadecimal(size))) leaves errno", "\(result)")
    }
    for alignment in [3, 24, 48, 1000, 4097] as [UInt] {
        errno = 0
        let block = heap.alignedAlloc(alignment, alignment * 2)
        checks.expect(
            block != nil || errno == EINVAL,
            "aligned_alloc(\(alignment)), no power of two: EINVAL or a block", "errno \(errno)")
        heap.free(block)
    }
    errno = 0
    let unreachable = heap.memalign(UInt.max / 2 + 2, 16)
    checks.expect(
        unreachable == nil && (errno == EINVAL || errno == ENOMEM),
        "memalign refuses an alignment above half of the address space", "errno \(errno)")
    errno = 0
    let half = heap.memalign(UInt.max / 2 + 1, 16)
    checks.expect(half == nil && errno == ENOMEM, "memalign(2^63) gives ENOMEM", "errno \(errno)")
}
