// SPDX-License-Identifier: MIT
//
// A thread's part of the heap: its slabs, and a bin of ready blocks for each class.
//
// In memory, in address order; a cache's address is that of its bins:
//
//          stacks    per class: from the end down the sentinel, then the ready blocks, the
//                    next one last; deep ones below, each in pages of its own; shared ones, which
//                    share pages, those that were taken first next to the records
//          records   one a class: slabs with free blocks, counts
//   +0     bins      one of 16 bytes a class, of tiny ones at the class's block size, so that
//                    malloc's bin is at `cache + ((n + 15) & ~15)`; bin 0 is both empty and full
//   +1360  mask of the own map; one StartCheck a class
//   +2752  sentinel
//   +2816  header    inbox, state, links, counters, large blocks kept for reuse, outgoing messages
//          stacks    the first shared ones
//   +4096  own map   2 bytes a granule of address space (OwnMap)
//
// Owner: the thread whose TLS word points here; nobody when it is in the pool; for a moment a
// thread that drains the inbox of a pooled cache. Others touch `inbox`, `waiting` and `state`
// (CachePool has the protocol) and, with the slab lock, what it has of slabs (CachePool+Visits);
// the counters are read by the statistics.
//
// Caches are never unmapped: the block map names them as owners, and their address is what a
// remote free sends to.

import CHakmemShim
import Synchronization

/// Ready blocks of one class: a stack that grows down.
struct Bin {
    /// The slot of the block that malloc takes next; the sentinel's when there is none.
    var top: UInt
    /// What free compares with `StartCheck.checkedTop`: at least this when there is room, and the
    /// block's start is one.
    private(set) var bound: UInt

    init(top: UInt, full: UInt) {
        self.top = top
        bound = full &+ Bin.firstRoom
    }

    /// A bin without a stack: empty, and full.
    init(emptyAt slot: UInt) {
        top = slot
        bound = UInt.max
    }

    /// The slot that is the top of a full stack.
    @inline(__always)
    var full: UInt {
        get { bound &- Bin.firstRoom }
        set { bound = newValue &+ Bin.firstRoom }
    }

    /// Whether there is no room.
    @inline(__always)
    var isFull: Bool { top &+ StartCheck.start < bound }

    /// From the slot of a full stack's top to the checked top of a stack with one block less.
    private static let firstRoom = StartCheck.start &+ 8
}

struct ThreadCacheHeader: ~Copyable {
    /// The next of all caches ever made; constant once the cache is published.
    var nextCache: UInt
    /// The next pooled cache. Guarded by: the pool's lock.
    var nextPooled: UInt
    /// The pooled cache before it. Guarded by: the pool's lock.
    var previousPooled: UInt
    /// Messages of remote frees, newest first. Pushed by others: releasing; taken by the owner:
    /// acquiring.
    let inbox: Atomic<UInt>
    /// A CacheState. See CachePool.
    let state: Atomic<UInt32>
    /// Bytes of blocks in the inbox, about: counted by who sends them (CachePool+Visits).
    let waiting: Atomic<UInt32>
    private let padding: (UInt, UInt, UInt)

    let aligned: Atomic<UInt>
    let callocs: Atomic<UInt>
    let reallocs: Atomic<UInt>
    let reallocMoves: Atomic<UInt>
    let largeServed: Atomic<UInt>
    let largeHits: Atomic<UInt>
    let refills: Atomic<UInt>
    let remoteFrees: Atomic<UInt>

    let slabLock: SlabLock
    var large: LargeCache
    var outgoing: Outgoing
    var ownMap: OwnMapRange
    /// The call site of the request under way, when it is for a block of whole granules and sites
    /// are learnt from; else 0.
    var site: UInt
    /// Slow calls until the next look at the clock.
    var callsUntilTick: UInt32
    /// Its thread has settled when `refills` is this much (ThreadCache+Settling).
    var settledAtRefill: UInt
    /// When its thread was given it, in ms.
    var begunMs: UInt32
    /// When the bins that nobody used were flushed last.
    var binsFlushedMs: UInt32
    /// The trim that this cache has followed last.
    var trimEpoch: UInt32
    /// Where the next shared stack may lie: in the header's page from here on, or, when it is full
    /// or the stack too large for what is left, below this.
    var sharedStacksFrom: UInt
    var sharedStacksBelow: UInt
    /// Granules of its slabs, and of those that were untouched memory since bins were looked over
    /// for what nobody uses.
    var slabGranules: UInt32
    var freshGranules: UInt32
    /// Pooled: since when, in ms. Guarded by: the pool's lock.
    var pooledMs: UInt32
    /// Pooled: bytes of its slabs while it still has ready blocks and empty slabs, else 0
    /// (CachePool+Warm). Written by whoever has the cache.
    var warmBytes: UInt
}

/// What a cache knows of one class.
struct ClassRecord: ~Copyable {
    /// Slabs that may have a free block.
    var available: SpanList
    var slabs: UInt32
    /// Overflows of the bin since its last refill, at most 1; more look like it.
    var overflows: UInt8
    /// Whether the bin was refilled or overflowed since unused ones were flushed.
    var isUsed: Bool
    /// How many blocks the bin may hold, how many of those that it holds are out of the hit
    /// paths' sight, and how many the next refill brings (ThreadCache+Bins).
    var limit: UInt16
    var below: UInt16
    var batch: UInt16
    /// Fewest blocks that were out of sight since unused ones were flushed; at most `below`.
    var leastBelow: UInt16
    /// Slots of its stack.
    var room: UInt16
    /// Blocks returned to slabs, and taken from there, since the bin last turned from taking
    /// to returning.
    var flushed: UInt32
    var refilled: UInt32
    /// Blocks that are out, with the program or ready.
    var blocksOut: UInt32
    /// Whether a slab was kept that had no block out; it may have some again.
    var keptEmpty: Bool
    /// Blocks taken from slabs since the start, bins included. While every call is counted: also
    /// those freed into the bin, and less those that the bin returned.
    let taken: Atomic<UInt>
}

/// A thread cache, by its address.
struct ThreadCache: Equatable {
    let address: UInt

    private static let binBytes: UInt = 16
    private static let headBytes = UInt(HAK_OWN_MAP_OFFSET)
    static let ownMaskOffset = UInt(HAK_BINS) * binBytes
    static let startChecksOffset = ownMaskOffset + 16
    private static let sentinelOffset: UInt = 2752
    private static let headerOffset: UInt = 2816
    private static let headerEnd = alignUp(
        headerOffset + UInt(MemoryLayout<ThreadCacheHeader>.size), to: 8)
    private static let recordsBytes = UInt(SizeClass.end * MemoryLayout<ClassRecord>.stride)

    @inline(__always)
    init(at address: UInt) { self.address = address }

    @inline(__always)
    var header: UnsafeMutablePointer<ThreadCacheHeader> {
        pointer(address &+ ThreadCache.headerOffset, to: ThreadCacheHeader.self)
    }

    @inline(__always)
    func bin(_ sizeClass: SizeClass) -> UnsafeMutablePointer<Bin> {
        pointer(address &+ sizeClass.binOffset, to: Bin.self)
    }

    @inline(__always)
    func startCheck(_ sizeClass: SizeClass) -> UnsafeMutablePointer<StartCheck> {
        pointer(
            address &+ ThreadCache.startChecksOffset &+ sizeClass.binOffset, to: StartCheck.self)
    }

    @inline(__always)
    func record(_ sizeClass: SizeClass) -> UnsafeMutablePointer<ClassRecord> {
        let stride = UInt(MemoryLayout<ClassRecord>.stride)
        return pointer(
            address &- ThreadCache.recordsBytes &+ UInt(sizeClass.index) &* stride,
            to: ClassRecord.self)
    }

    /// The address of the word that lies under the last ready block of each stack: without the
    /// mark of one. Misses of malloc write it, as it was, so it is this cache's own.
    @inline(__always)
    var sentinel: UInt { address &+ ThreadCache.sentinelOffset }

    // MARK: Make

    /// A new cache, owned by the caller; nil when out of memory.
    static func make() -> ThreadCache? {
        let pageBytes = process.pageBytes
        // The slot before the lowest stack is written too (returnReady).
        var stacksBytes: UInt = 8
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            stacksBytes += sizeClass.sharedStacksBytes + sizeClass.deepStackBytes
        }
        // The own map, which is committed piece by piece, starts at a page.
        let committed = alignUp(recordsBytes + stacksBytes + headBytes, to: pageBytes)
        let reserved = committed + alignUp(OwnMap.bytes, to: pageBytes)
        guard let start = SystemCall.reserveReadable(bytes: reserved) else { return nil }
        guard SystemCall.commit(start, bytes: committed) else {
            SystemCall.unmap(start, bytes: reserved)
            return nil
        }
        metadata.count(bytes: committed)
        let cache = ThreadCache(at: start + committed - headBytes)
        cache.prepare()
        cache.prepareOwnMap()
        return cache
    }

    /// Writes what is not zero in a new cache.
    func prepare() {
        // No bin has room until its first refill gives it some.
        let empty = Bin(emptyAt: hak_empty_slot_address())
        pointer(address, to: Bin.self).pointee = empty
        pointer(address &+ ThreadCache.ownMaskOffset, to: UInt.self).pointee = OwnMap.mask
        for index in 1..<SizeClass.end {
            let sizeClass = SizeClass(index: index)
            bin(sizeClass).pointee = empty
            startCheck(sizeClass).pointee = StartCheck(
                sizeClass, bottom: empty.top)
        }
        // The slot before each stack is written too (returnReady).
        header.pointee.sharedStacksFrom = address + ThreadCache.headerEnd + 8
        header.pointee.sharedStacksBelow = address - ThreadCache.recordsBytes
    }

    /// Room for a stack that shares pages with others: its bottom.
    func takeSharedStack(slots: UInt32) -> UInt {
        let bytes = UInt(slots + 1) * 8
        let stack = header.pointee.sharedStacksFrom
        if stack + bytes <= address + ThreadCache.headBytes {
            header.pointee.sharedStacksFrom = stack + bytes
            return stack + bytes - 8
        }
        let bottom = header.pointee.sharedStacksBelow - 8
        header.pointee.sharedStacksBelow -= bytes
        return bottom
    }

    /// Where the shared stacks end, and deep ones follow: bytes below the cache's address.
    static var sharedStacksBelow: UInt {
        var below = recordsBytes
        for index in 1..<SizeClass.end { below += SizeClass(index: index).sharedStacksBytes }
        return below
    }

    /// Where the bottom of a class's deep stack lies.
    @inline(__always)
    func deepStackBottom(_ sizeClass: SizeClass) -> UInt {
        address &- UInt(ClassTable.entry(sizeClass).pointee.deepBottomBelow)
    }

    /// Adds to a counter that only this thread writes.
    @inline(__always)
    static func count(_ counter: borrowing Atomic<UInt>, _ amount: UInt = 1) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    static func assertLayout() {
        layoutAssert(Int(HAK_BINS) == SizeClass.end)
        layoutAssert(MemoryLayout<Bin>.stride == Int(binBytes))
        layoutAssert(MemoryLayout<StartCheck>.stride == Int(binBytes))
        layoutAssert(binBytes == unitBytes)
        layoutAssert(startChecksOffset + UInt(HAK_BINS) * binBytes <= sentinelOffset)
        layoutAssert(sentinelOffset % 64 == 0 && sentinelOffset + 64 <= headerOffset)
        layoutAssert(headerEnd <= headBytes)
        // Caches lie so many bytes before a page, so their addresses leave these bits to bins.
        layoutAssert(headBytes == Owner.binMask + 1)
        layoutAssert(Owner.wholeMark < binBytes)
        StartCheck.assertLayout()
    }
}
