// SPDX-License-Identifier: MIT
//
// Where the shared parts of the heap lie: one zeroed mapping, made at the start (Start.swift).
// Zeroed memory is the valid initial state of each part, so none is ever initialised.
//
// Each part has its own cache lines, and each but the thread caches its own lock.

/// Address of the mapping; 0 before the start. Guarded by: written once by the start.
nonisolated(unsafe) var heapAddress: UInt = 0

enum HeapParts {
    fileprivate static let cachePoolOffset: UInt = 0
    fileprivate static let whaleCacheOffset: UInt = 256
    fileprivate static let messagePoolOffset: UInt = 512
    fileprivate static let metadataOffset: UInt = 640
    fileprivate static let extentOffset: UInt = 704
    fileprivate static let pageHeapOffset: UInt = 768
    fileprivate static let classConstantsOffset: UInt = 5120
    fileprivate static let strategiesOffset: UInt = 7232
    fileprivate static let writtenDensityOffset: UInt = 8192
    fileprivate static let growthRecordsOffset: UInt = 9216
    static let bytes: UInt = 11_328

    static func assertLayout() {
        layoutAssert(MemoryLayout<CachePoolFields>.size <= Int(whaleCacheOffset - cachePoolOffset))
        layoutAssert(
            MemoryLayout<WhaleCacheFields>.size <= Int(messagePoolOffset - whaleCacheOffset))
        layoutAssert(
            MemoryLayout<MessagePoolFields>.size <= Int(metadataOffset - messagePoolOffset))
        layoutAssert(MemoryLayout<MetadataFields>.size <= Int(extentOffset - metadataOffset))
        layoutAssert(MemoryLayout<HeapExtent>.size <= Int(pageHeapOffset - extentOffset))
        layoutAssert(
            MemoryLayout<PageHeapFields>.size <= Int(classConstantsOffset - pageHeapOffset))
        let classConstantsBytes = MemoryLayout<ClassConstants>.stride * SizeClass.end
        layoutAssert(classConstantsBytes <= Int(strategiesOffset - classConstantsOffset))
        let strategiesBytes = MemoryLayout<Strategy>.stride * Strategy.count
        layoutAssert(strategiesBytes <= Int(writtenDensityOffset - strategiesOffset))
        layoutAssert(
            MemoryLayout<WrittenDensityFields>.size
                <= Int(growthRecordsOffset - writtenDensityOffset))
        layoutAssert(MemoryLayout<GrowthRecordsFields>.size <= Int(bytes - growthRecordsOffset))
    }
}

@inline(__always)
var cachePool: CachePool {
    CachePool(fields: pointer(heapAddress &+ HeapParts.cachePoolOffset, to: CachePoolFields.self))
}

@inline(__always)
var whaleCache: WhaleCache {
    WhaleCache(
        fields: pointer(heapAddress &+ HeapParts.whaleCacheOffset, to: WhaleCacheFields.self))
}

@inline(__always)
var messagePool: MessagePool {
    MessagePool(
        fields: pointer(heapAddress &+ HeapParts.messagePoolOffset, to: MessagePoolFields.self))
}

@inline(__always)
var metadata: Metadata {
    Metadata(fields: pointer(heapAddress &+ HeapParts.metadataOffset, to: MetadataFields.self))
}

@inline(__always)
var pageHeap: PageHeap {
    PageHeap(fields: pointer(heapAddress &+ HeapParts.pageHeapOffset, to: PageHeapFields.self))
}

/// On a cache line of its own: other threads' frees read it, and nearly nobody writes it.
@inline(__always)
var heapExtent: UnsafeMutablePointer<HeapExtent> {
    pointer(heapAddress &+ HeapParts.extentOffset, to: HeapExtent.self)
}

/// Constants of the size classes, by index. Written by the start, read-only after.
@inline(__always)
var classConstants: UnsafeMutablePointer<ClassConstants> {
    pointer(heapAddress &+ HeapParts.classConstantsOffset, to: ClassConstants.self)
}

/// The strategies of this process, by number. Written by the start, read-only after.
@inline(__always)
var strategyTable: UnsafeMutablePointer<Strategy> {
    pointer(heapAddress &+ HeapParts.strategiesOffset, to: Strategy.self)
}

@inline(__always)
var writtenDensity: WrittenDensity {
    WrittenDensity(
        fields: pointer(
            heapAddress &+ HeapParts.writtenDensityOffset, to: WrittenDensityFields.self))
}

@inline(__always)
var growthRecords: GrowthRecords {
    GrowthRecords(
        fields: pointer(heapAddress &+ HeapParts.growthRecordsOffset, to: GrowthRecordsFields.self))
}
