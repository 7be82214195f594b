// SPDX-License-Identifier: MIT
//
// conformance: malloc, malloc_usable_size and the ways to free.

import Glibc

/// The names that a complete malloc exports. One left to libc would free into another heap.
private let familyNames = [
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "free_sized",
    "free_aligned_sized", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc",
    "malloc_usable_size", "malloc_trim", "mallinfo", "mallinfo2", "mallopt", "malloc_stats",
    "malloc_info",
]

func checkFamily(_ checks: inout Checks) {
    for name in familyNames {
        checks.expectOfHakmem(
            Allocator.library(of: name) == Allocator.library(of: "malloc"),
            "\(name) comes from the library of malloc")
    }
}

func checkAllocation(_ checks: inout Checks) {
    checkZeroSizes(&checks)
    for size in borderSizes {
        errno = errnoMark
        let block = heap.malloc(size)
        let errnoAfter = errno
        checks.expect(block != nil, "malloc(\(size)) serves")
        guard let block else { continue }
        let usable = heap.usableSize(block)
        checks.expect(
            errnoAfter == errnoMark && block.isAligned(to: size < 16 ? 8 : 16) && usable >= size,
            "malloc(\(size)) is aligned, large enough and leaves errno",
            "\(block), \(usable) usable, errno \(errnoAfter)")
        Pattern.fill(block, usable, UInt64(size))
        checks.expect(
            Pattern.holds(block, usable, UInt64(size)) && heap.usableSize(block) == usable,
            "malloc(\(size)) may be written over its usable size")
        errno = errnoMark
        heap.free(block)
        checks.expect(errno == errnoMark, "free of \(size) bytes leaves errno", "errno \(errno)")
    }
    checkDistinctness(&checks)
}

private func checkZeroSizes(_ checks: inout Checks) {
    var blocks: [Block] = []
    for _ in 0..<100 {
        guard let block = heap.malloc(0) else { return checks.expect(false, "malloc(0)") }
        blocks.append(block)
    }
    checks.expect(Set(blocks).count == blocks.count, "malloc(0) gives distinct blocks")
    checks.expect(blocks.allSatisfy { $0.isAligned(to: 8) }, "malloc(0) is aligned")
    for block in blocks { heap.free(block) }

    let forms: [(String, Block?)] = [
        ("calloc(0, 0)", heap.calloc(0, 0)), ("calloc(0, 8)", heap.calloc(0, 8)),
        ("calloc(8, 0)", heap.calloc(8, 0)), ("realloc(NULL, 0)", heap.realloc(nil, 0)),
        ("aligned_alloc(16, 0)", heap.alignedAlloc(16, 0)),
        ("memalign(64, 0)", heap.memalign(64, 0)), ("valloc(0)", heap.valloc(0)),
    ]
    for (name, block) in forms { checks.expect(block != nil, "\(name) gives a block") }
    checks.expect(Set(forms.map(\.1)).count == forms.count, "zero sizes give distinct blocks")
    for (_, block) in forms { heap.free(block) }
}

/// All sizes to 5000 live at once: none may overlap another.
private func checkDistinctness(_ checks: inout Checks) {
    var blocks: [(block: Block, size: UInt)] = []
    for size in 1...UInt(5000) {
        guard let block = heap.malloc(size) else { fail("malloc(\(size)) gave NULL") }
        Pattern.fill(block, size, UInt64(size))
        blocks.append((block, size))
    }
    checks.expect(
        blocks.allSatisfy { Pattern.holds($0.block, $0.size, UInt64($0.size)) },
        "5000 blocks of all sizes keep their contents")
    let ordered = blocks.sorted { $0.block < $1.block }
    let overlaps = zip(ordered, ordered.dropFirst()).contains {
        $0.block + Int($0.size) > $1.block
    }
    checks.expect(!overlaps, "5000 blocks do not overlap")
    checks.expect(
        blocks.allSatisfy { $0.block.isAligned(to: $0.size < 16 ? 8 : 16) },
        "5000 blocks are aligned")
    for entry in blocks { heap.free(entry.block) }
}

func checkRelease(_ checks: inout Checks) {
    errno = errnoMark
    heap.free(nil)
    checks.expect(errno == errnoMark, "free(NULL) does nothing")
    checks.expect(heap.usableSize(nil) == 0, "malloc_usable_size(NULL) is 0")

    if let cfree = heap.cfree {
        cfree(nil)
        cfree(heap.malloc(100))
        checks.expect(true, "cfree frees")
    }
    if let freeSized = heap.freeSized {
        freeSized(nil, 0)
        freeSized(nil, 100)
        for size in [0] + borderSizes {
            errno = errnoMark
            freeSized(heap.malloc(size), size)
            checks.expect(errno == errnoMark, "free_sized of \(size) bytes")
            freeSized(heap.calloc(1, size), size)
            freeSized(heap.realloc(heap.malloc(10), max(size, 1)), max(size, 1))
        }
    }
    if let freeAlignedSized = heap.freeAlignedSized {
        freeAlignedSized(nil, 64, 0)
        for alignment in [16, 64, 4096, 65_536] as [UInt] {
            for size in [alignment, alignment * 3, 1 << 20] {
                freeAlignedSized(heap.alignedAlloc(alignment, size), alignment, size)
            }
            checks.expect(true, "free_aligned_sized of alignment \(alignment)")
        }
    }
    if let trim = heap.mallocTrim {
        let blocks = (0..<2000).map { _ in heap.malloc(4096) }
        for block in blocks { heap.free(block) }
        let answers = [trim(0), trim(1 << 20), trim(0)]
        checks.expect(answers.allSatisfy { $0 == 0 || $0 == 1 }, "malloc_trim answers 0 or 1")
    }
}
