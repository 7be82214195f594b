// SPDX-License-Identifier: MIT
//
// What tells of the heap or tends it: hakmem's own calls, and glibc's for existing tools.

import CHakmem
import CHakmemShim
import Synchronization

@c(hak_alloc_at) public func hakAllocAt(
    _ size: UInt, _ site: UnsafeRawPointer?
) -> UnsafeMutableRawPointer? {
    #if HAKMEM_LEARNING
        if size > mediumMax, SiteSamples.isOn {
            return hakMallocMeasured(size, UInt(bitPattern: site))
        }
    #endif
    return hakMalloc(size)
}

/// A free counts for the site that asked for the block, wherever it is called.
@c(hak_free_at) public func hakFreeAt(
    _ block: UnsafeMutableRawPointer?, _ site: UnsafeRawPointer?
) {
    hakFree(block)
}

@c(hak_trim) public func hakTrim() -> UInt {
    guard heapAddress != 0 else { return 0 }
    return Trim.all()
}

@c(hak_stats) public func hakStats(
    _ stats: UnsafeMutableRawPointer?, _ structBytes: UInt
) -> Int32 {
    guard let stats, structBytes >= 8 else {
        hak_errno_set(EINVAL)
        return -1
    }
    let errorNumber = hak_errno_get()
    let statistics = Statistics()
    // Classes lie between the figures of the first version and those that came later.
    let classesBytes = Int(HAK_STATS_CLASSES_MAX) * MemoryLayout<hak_class_stats_t>.stride
    let laterBytes = Statistics.laterFields * MemoryLayout<UInt64>.stride
    let laterOffset = MemoryLayout<hak_stats_t>.size - laterBytes
    let classesOffset = laterOffset - classesBytes
    let known = min(Int(structBytes), MemoryLayout<hak_stats_t>.size)
    var total = statistics.total
    total.struct_size = UInt32(known)
    withUnsafeBytes(of: &total) { bytes in
        let start = bytes.baseAddress.unsafelyUnwrapped
        stats.copyMemory(from: start, byteCount: min(known, classesOffset))
        if known > laterOffset {
            (stats + laterOffset).copyMemory(
                from: start + laterOffset, byteCount: known - laterOffset)
        }
    }
    for index in 1..<SizeClass.end {
        let offset = classesOffset + (index - 1) * MemoryLayout<hak_class_stats_t>.stride
        if offset + MemoryLayout<hak_class_stats_t>.stride > known { break }
        let figures = statistics.classes[index]
        stats.storeBytes(
            of: hak_class_stats_t(
                block_bytes: UInt64(SizeClass(index: index).blockBytes),
                blocks_served: UInt64(figures.served), blocks_live: UInt64(figures.live),
                spans: UInt64(figures.spans), span_bytes: UInt64(figures.spanBytes)),
            toByteOffset: offset, as: hak_class_stats_t.self)
    }
    hak_errno_set(errorNumber)
    return 0
}

// MARK: glibc

/// 1 if memory went back to the system, else 0. The pad, memory to keep, is not wanted: the purge
/// delay keeps what is in use.
@c(hak_malloc_trim) public func hakMallocTrim(_ pad: UInt) -> Int32 {
    hakTrim() > 0 ? 1 : 0
}

@c(hak_mallinfo2) public func hakMallinfo2() -> hak_mallinfo2_t {
    let total = Statistics().total
    let whales =
        heapAddress == 0 ? 0 : whaleCache.fields.pointee.mappedBytes.load(ordering: .relaxed)
    var info = hak_mallinfo2_t()
    info.arena = Int(total.bytes_mapped) - Int(whales)
    info.hblkhd = Int(whales)
    info.hblks = Int(total.whale_cache_hits + total.whale_cache_misses)
    info.uordblks = Int(total.bytes_allocated)
    info.fordblks = Int(total.bytes_mapped - min(total.bytes_allocated, total.bytes_mapped))
    info.keepcost = Int(total.bytes_retained)
    return info
}

/// mallinfo2 in 32-bit fields, which wrap as in glibc.
@c(hak_mallinfo) public func hakMallinfo() -> hak_mallinfo_t {
    let wide = hakMallinfo2()
    var info = hak_mallinfo_t()
    info.arena = Int32(truncatingIfNeeded: wide.arena)
    info.hblks = Int32(truncatingIfNeeded: wide.hblks)
    info.hblkhd = Int32(truncatingIfNeeded: wide.hblkhd)
    info.uordblks = Int32(truncatingIfNeeded: wide.uordblks)
    info.fordblks = Int32(truncatingIfNeeded: wide.fordblks)
    info.keepcost = Int32(truncatingIfNeeded: wide.keepcost)
    return info
}

/// M_TRIM_THRESHOLD bounds what the page heap retains; M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX,
/// M_ARENA_MAX and the other parameters that glibc knows have no counterpart and are accepted.
@c(hak_mallopt) public func hakMallopt(_ parameter: Int32, _ value: Int32) -> Int32 {
    let trimThreshold: Int32 = -1
    let lowestKnown: Int32 = -8
    let fastMax: Int32 = 1
    guard Start.ensure(), parameter >= lowestKnown, parameter <= fastMax, parameter != 0 else {
        return 0
    }
    if parameter == trimThreshold, value >= 0 {
        process.options.setRetain(bytes: UInt(value))
        Policy.fill()
    }
    return 1
}

@c(hak_malloc_stats) public func hakMallocStats() {
    var text = TextBuffer(sink: .descriptor(2))
    StatisticsReport.writeSummary(Statistics(), to: &text)
    text.flush()
}

@c(hak_malloc_info) public func hakMallocInfo(
    _ options: Int32, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    guard options == 0, let stream else { return EINVAL }
    var text = TextBuffer(sink: .stream(stream))
    StatisticsReport.writeXML(Statistics(), to: &text)
    text.flush()
    return 0
}
