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
    fileprivate static let pageHeapOffset: UInt = 768
    fileprivate static let smallClassesOffset: UInt = 5632
    static let bytes: UInt = 8192

    static func assertLayout() {
        layoutAssert(MemoryLayout<CachePool>.size <= Int(whaleCacheOffset - cachePoolOffset))
        layoutAssert(MemoryLayout<WhaleCache>.size <= Int(messagePoolOffset - whaleCacheOffset))
        layoutAssert(MemoryLayout<MessagePool>.size <= Int(metadataOffset - messagePoolOffset))
        layoutAssert(MemoryLayout<Metadata>.size <= Int(pageHeapOffset - metadataOffset))
        layoutAssert(MemoryLayout<PageHeap>.size <= Int(smallClassesOffset - pageHeapOffset))
        let smallClassesBytes = MemoryLayout<SmallClass>.stride * (SizeClass.smallCount + 1)
        layoutAssert(smallClassesBytes <= Int(bytes - smallClassesOffset))
    }
}

@inline(__always)
var cachePool: UnsafeMutablePointer<CachePool> {
    pointer(heapAddress &+ HeapParts.cachePoolOffset, to: CachePool.self)
}

@inline(__always)
var whaleCache: UnsafeMutablePointer<WhaleCache> {
    pointer(heapAddress &+ HeapParts.whaleCacheOffset, to: WhaleCache.self)
}

@inline(__always)
var messagePool: UnsafeMutablePointer<MessagePool> {
    pointer(heapAddress &+ HeapParts.messagePoolOffset, to: MessagePool.self)
}

@inline(__always)
var metadata: UnsafeMutablePointer<Metadata> {
    pointer(heapAddress &+ HeapParts.metadataOffset, to: Metadata.self)
}

@inline(__always)
var pageHeap: UnsafeMutablePointer<PageHeap> {
    pointer(heapAddress &+ HeapParts.pageHeapOffset, to: PageHeap.self)
}

/// Constants of the small classes, by index. Written by the start, read-only after.
@inline(__always)
var smallClasses: UnsafeMutablePointer<SmallClass> {
    pointer(heapAddress &+ HeapParts.smallClassesOffset, to: SmallClass.self)
}
