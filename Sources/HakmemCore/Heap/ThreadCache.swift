// SPDX-License-Identifier: MIT
//
// A thread's part of the heap: its slabs, and a bin of ready blocks for each small class.
//
// In memory, in address order:
//
//   +0     bins      one of 16 bytes a small class, at the class's block size, so that malloc's bin
//                    is at `cache + ((n + 15) & ~15)`; bin 0 is always empty
//   +1088  header    inbox, state, links, counters, large blocks kept for reuse, outgoing messages
//   then   records   one a class: slabs with free blocks, counts
//   then   hints     per medium class, up to four free blocks that are still warm
//   then   stacks    per small class: the sentinel, then the ready blocks, lowest on top
//
// Owner: the thread whose TLS word points here; nobody when it is in the pool; for a moment a
// thread that drains the inbox of a pooled cache. Only `inbox` and `state` are touched by others
// (CachePool has the protocol), and the counters are read by the statistics.
//
// Caches are never unmapped: the block map names them as owners, and their address is what a
// remote free sends to.

import CHakmemShim
import Synchronization

/// Ready blocks of one small class.
struct Bin {
    /// The slot of the block that malloc takes next; the sentinel's when there is none.
    var top: UInt
    /// The slot that is the top of a full stack.
    var full: UInt
}

struct ThreadCacheHeader: ~Copyable {
    /// The next of all caches ever made; constant once the cache is published.
    var nextCache: UInt
    /// The next pooled cache. Guarded by: the pool's lock.
    var nextPooled: UInt
    /// Messages of remote frees, newest first. Pushed by others: releasing; taken by the owner:
    /// acquiring.
    let inbox: Atomic<UInt>
    /// A CacheState. See CachePool.
    let state: Atomic<UInt32>
    private let padding: (UInt, UInt, UInt, UInt)

    let aligned: Atomic<UInt>
    let callocs: Atomic<UInt>
    let reallocs: Atomic<UInt>
    let reallocMoves: Atomic<UInt>
    let largeServed: Atomic<UInt>
    let largeHits: Atomic<UInt>
    let refills: Atomic<UInt>
    let remoteFrees: Atomic<UInt>

    var large: LargeCache
    var outgoing: Outgoing
    /// Refills until the next look at the clock.
    var refillsUntilTick: UInt32
    /// The trim that this cache has followed last.
    var trimEpoch: UInt32
}

/// What a cache knows of one class.
struct ClassRecord: ~Copyable {
    /// Slabs that may have a free block.
    var available: SpanList
    var slabs: UInt32
    /// Medium: how many hints are there.
    var hintCount: UInt32
    /// Blocks taken from slabs since the start, bins included.
    let taken: Atomic<UInt>
}

/// A thread cache, by its address.
struct ThreadCache: Equatable {
    let address: UInt

    static let alignment: UInt = 4096
    private static let binBytes: UInt = 16
    private static let headerOffset: UInt = 1088
    private static let recordsOffset: UInt =
        headerOffset + alignUp(UInt(MemoryLayout<ThreadCacheHeader>.size), to: 64)
    private static let hintsOffset: UInt =
        recordsOffset + UInt(SizeClass.end * MemoryLayout<ClassRecord>.stride)
    static let hintsMax: UInt32 = 4
    static let stacksOffset: UInt =
        hintsOffset + UInt(SizeClass.mediumCount) * UInt(hintsMax) * 8

    @inline(__always)
    init(at address: UInt) { self.address = address }

    @inline(__always)
    var header: UnsafeMutablePointer<ThreadCacheHeader> {
        pointer(address &+ ThreadCache.headerOffset, to: ThreadCacheHeader.self)
    }

    @inline(__always)
    func bin(_ sizeClass: SizeClass) -> UnsafeMutablePointer<Bin> {
        pointer(address &+ sizeClass.blockBytes, to: Bin.self)
    }

    @inline(__always)
    func record(_ sizeClass: SizeClass) -> UnsafeMutablePointer<ClassRecord> {
        let stride = UInt(MemoryLayout<ClassRecord>.stride)
        return pointer(
            address &+ ThreadCache.recordsOffset &+ UInt(sizeClass.index) &* stride,
            to: ClassRecord.self)
    }

    @inline(__always)
    func hints(_ sizeClass: SizeClass) -> UnsafeMutablePointer<UInt> {
        let offset = UInt(sizeClass.mediumIndex) &* UInt(ThreadCache.hintsMax) &* 8
        return pointer(address &+ ThreadCache.hintsOffset &+ offset, to: UInt.self)
    }

    /// The first word of a ready block that a refill has brought.
    static let readyMark: UInt64 = 1 << 63

    /// A new cache, owned by the caller; nil when out of memory.
    static func make() -> ThreadCache? {
        let last = SmallClassTable.entry(SizeClass(index: SizeClass.smallCount)).pointee
        let bytes = UInt(last.stackOffset + (SizeClass.stackCapacity + 1) * 8)
        guard let address = metadata.allocate(bytes, alignment: alignment) else {
            return nil
        }
        let cache = ThreadCache(at: address)
        // No bin has room until its first refill prepares its stack.
        let empty = Bin(top: hak_empty_slot_address(), full: hak_empty_slot_address())
        pointer(address, to: Bin.self).pointee = empty
        for index in 1...SizeClass.smallCount { cache.bin(SizeClass(index: index)).pointee = empty }
        return cache
    }

    /// Counts a freed block that became ready again: malloc will serve it without a refill.
    @inline(__always)
    static func countReady(_ cache: UInt, binOffset: UInt) {
        let stride = UInt(MemoryLayout<ClassRecord>.stride)
        let record = pointer(
            cache &+ recordsOffset &+ binOffset &* (stride / unitBytes), to: ClassRecord.self)
        count(record.pointee.taken)
    }

    /// Adds to a counter that only this thread writes.
    @inline(__always)
    static func count(_ counter: borrowing Atomic<UInt>, _ amount: UInt = 1) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    static func assertLayout() {
        layoutAssert(HAK_EMPTY_BINS == SizeClass.smallCount + 1)
        layoutAssert(UInt(HAK_EMPTY_BINS) * binBytes <= headerOffset)
        layoutAssert(MemoryLayout<Bin>.stride == Int(binBytes))
        layoutAssert(binBytes == unitBytes)
    }
}
