// SPDX-License-Identifier: MIT
//
// conformance: the functions of hakmem.h, where the process runs on hakmem.

import CHakmem
import Glibc

func checkHakAPI(_ checks: inout Checks) {
    guard heap.isHakmem else { return }
    guard let alloc = heap.hakAlloc, let allocAt = heap.hakAllocAt, let free = heap.hakFree,
        let freeAt = heap.hakFreeAt, let calloc = heap.hakCalloc, let realloc = heap.hakRealloc,
        let usableSize = heap.hakUsableSize, let trim = heap.hakTrim
    else { return checks.expect(false, "hakmem.h: every function is exported") }

    let site = dlsym(nil, "malloc").map { UnsafeRawPointer($0) }
    for size in [0] + borderSizes {
        errno = errnoMark
        guard let first = alloc(size), let second = allocAt(size, site),
            let third = calloc(1, size), first != second, errno == errnoMark
        else { return checks.expect(false, "hak_alloc and its kind serve \(size) bytes") }
        Pattern.fill(first, size, 21)
        Pattern.fill(second, size, 22)
        checks.expect(
            usableSize(first) >= size && usableSize(first) == heap.usableSize(first)
                && Pattern.isZero(third, size),
            "hak_usable_size and hak_calloc of \(size) bytes")
        guard let moved = realloc(first, size + 100) else { fail("hak_realloc gave NULL") }
        checks.expect(Pattern.holds(moved, size, 21), "hak_realloc of \(size) bytes")
        errno = errnoMark
        free(moved)
        freeAt(second, site)
        heap.free(third)
        checks.expect(errno == errnoMark, "hak_free and its kind leave errno")
    }
    free(nil)
    freeAt(nil, site)
    checks.expect(usableSize(nil) == 0, "hak_usable_size(NULL) is 0")
    checks.expect(realloc(alloc(10), 0) == nil, "hak_realloc(p, 0) frees")
    heap.free(alloc(10))
    free(heap.malloc(10))
    checks.expect(true, "hak_free and free take each other's blocks")
    for size in impossibleSizes {
        errno = 0
        let none = alloc(size) == nil && allocAt(size, site) == nil && calloc(size, 2) == nil
        checks.expect(
            none && errno == ENOMEM, "hak_alloc(\(hexadecimal(size))) gives NULL and ENOMEM")
    }

    let blocks = (0..<64).map { _ in alloc(1 << 20)! }
    for block in blocks { memset(block, 1, 1 << 20) }
    let full = processFigureKiB("VmRSS")
    for block in blocks { free(block) }
    _ = trim()
    let trimmed = processFigureKiB("VmRSS")
    checks.expect(
        trimmed < full - 32 * 1024, "hak_trim returns freed memory",
        "VmRSS \(full) KiB before, \(trimmed) KiB after")
}

func checkHakStats(_ checks: inout Checks) {
    guard let read = heap.hakStats, let alloc = heap.hakAlloc else { return }
    let whole = UInt(MemoryLayout<hak_stats_t>.size)
    // Without it, the calls are an estimate.
    let isExact = getenv("HAKMEM_STATS") != nil
    var before = hak_stats_t()
    checks.expect(read(&before, whole) == 0, "hak_stats answers 0")
    checks.expect(
        before.version == UInt32(HAK_STATS_VERSION) && UInt(before.struct_size) <= whole,
        "hak_stats fills version and size")
    let blocks = (0..<1000).map { _ in alloc(1000)! }
    var during = hak_stats_t()
    _ = read(&during, whole)
    if isExact {
        checks.expect(
            during.calls_malloc >= before.calls_malloc + 1000, "hak_stats counts the calls",
            "\(before.calls_malloc), then \(during.calls_malloc)")
    }
    checks.expect(
        during.bytes_allocated >= before.bytes_allocated + 1_000_000
            && during.bytes_active >= during.bytes_allocated
            && during.bytes_resident > 0 && during.class_count > 0,
        "hak_stats counts the bytes", "\(during.bytes_allocated) in \(during.bytes_active)")
    for block in blocks { heap.free(block) }
    var after = hak_stats_t()
    _ = read(&after, whole)
    checks.expect(
        after.bytes_allocated + 900_000 <= during.bytes_allocated
            && (!isExact || after.calls_free >= during.calls_free + 1000),
        "hak_stats counts the frees", "\(during.bytes_allocated), then \(after.bytes_allocated)")

    let short = UInt(24)
    withUnsafeMutableBytes(of: &after) { _ = memset($0.baseAddress!, 0xEE, $0.count) }
    checks.expect(read(&after, short) == 0, "hak_stats serves a shorter struct")
    let untouched = withUnsafeBytes(of: &after) { $0[Int(short)...].allSatisfy { $0 == 0xEE } }
    checks.expect(
        untouched && UInt(after.struct_size) <= short && after.calls_malloc > 0,
        "hak_stats fills no more than the shorter struct holds")
    errno = 0
    checks.expect(read(nil, whole) == -1 && errno == EINVAL, "hak_stats refuses NULL")
    errno = 0
    checks.expect(read(&after, 4) == -1 && errno == EINVAL, "hak_stats refuses a tiny struct")
}
