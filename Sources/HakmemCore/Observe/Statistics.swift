// SPDX-License-Identifier: MIT
//
// The figures of the whole process, gathered without stopping it.
//
// The hit paths count nothing. While every call is to be counted (HAKMEM_STATS), free has no hit
// path: what malloc served then follows from what refills took out of slabs and slow frees put into
// bins, less what bins still hold. Else it is an estimate, the blocks that refills brought. What is
// out follows from the live bits, always. All is read as it is: while other threads run, the
// figures of one call may be a few blocks apart from each other.

import CHakmem
import CHakmemShim
import Synchronization

/// What one size class holds, as gathered.
struct ClassFigures {
    var served: UInt = 0
    var live: UInt = 0
    var spans: UInt = 0
    var spanBytes: UInt = 0
}

struct Statistics: ~Copyable {
    private(set) var classes = InlineArray<85, ClassFigures>(repeating: ClassFigures())
    private(set) var total = hak_stats_t()
    private var largeBytes: UInt = 0
    private var largeLive: UInt = 0
    private var servedInside: UInt = 0

    /// Figures of hak_stats_t that lie behind its classes.
    static let laterFields = 5

    /// Gathers the figures as of now. Takes the page heap's lock.
    init() {
        layoutAssert(SizeClass.end == 85)
        total.version = UInt32(HAK_STATS_VERSION)
        total.bytes_resident = UInt64(Machine.residentBytes())
        guard heapAddress != 0 else { return }
        gatherCaches()
        gatherSpans()
        finish()
    }

    private mutating func gatherCaches() {
        var address = cachePool.fields.pointee.firstCache.load(ordering: .acquiring)
        while address != 0 {
            let cache = ThreadCache(at: address)
            address = cache.header.pointee.nextCache
            let header = cache.header
            total.calls_aligned += UInt64(header.pointee.aligned.load(ordering: .relaxed))
            total.calls_calloc += UInt64(header.pointee.callocs.load(ordering: .relaxed))
            total.calls_realloc += UInt64(header.pointee.reallocs.load(ordering: .relaxed))
            total.frees_remote += UInt64(header.pointee.remoteFrees.load(ordering: .relaxed))
            total.refills += UInt64(header.pointee.refills.load(ordering: .relaxed))
            let moves = header.pointee.reallocMoves.load(ordering: .relaxed)
            servedInside += moves
            let large = header.pointee.largeServed.load(ordering: .relaxed)
            let hits = header.pointee.largeHits.load(ordering: .relaxed)
            total.calls_malloc += UInt64(large)
            total.large_cache_hits += UInt64(hits)
            total.large_cache_misses += UInt64(large - hits)
            for index in 1..<SizeClass.end {
                let sizeClass = SizeClass(index: index)
                let taken = cache.record(sizeClass).pointee.taken.load(ordering: .relaxed)
                let ready = Statistics.ready(cache, sizeClass)
                classes[index].served &+= process.options.countsEveryCall ? taken &- ready : taken
                classes[index].live &-= ready
            }
        }
    }

    /// Blocks ready in a bin, which its thread may be changing.
    private static func ready(_ cache: ThreadCache, _ sizeClass: SizeClass) -> UInt {
        min(cache.readyCount(sizeClass), UInt(sizeClass.stackDepthMax))
    }

    private mutating func gatherSpans() {
        pageHeap.acquireLock()
        var record = pageHeap.firstChunk
        while let chunk = record {
            var address = chunk.start
            while address < chunk.start + chunk.bytes {
                let found = pageHeap.span(startingAt: address)
                if let span = found.span { add(span) }
                address = found.next
            }
            record = chunk.next
        }
        total.bytes_mapped = UInt64(pageHeap.fields.pointee.mappedBytes)
        total.bytes_retained = UInt64(pageHeap.fields.pointee.dirtyBytes)
        pageHeap.releaseLock()
    }

    private mutating func add(_ span: Span) {
        switch span.state {
        case .slab:
            let index = span.sizeClass.index
            let live = Statistics.liveBlocks(span)
            classes[index].live &+= live
            classes[index].spans += 1
            classes[index].spanBytes += span.bytes
            if live > 0 { total.bytes_active += UInt64(span.bytes) }
        case .large:
            if BlockMap.live(span.block).pointee.load(ordering: .relaxed) != 0 {
                largeBytes += span.knownBytes
                largeLive += 1
                total.bytes_active += UInt64(span.bytes)
            } else {
                total.bytes_retained += UInt64(span.bytes)
            }
        case .unused, .free, .whale, .unmapped:
            break
        }
    }

    private static func liveBlocks(_ span: Span) -> UInt {
        var count = 0
        var address = span.start
        while address < span.end {
            count += BlockMap.live(address).pointee.load(ordering: .relaxed).nonzeroBitCount
            address += lineBytes
        }
        return UInt(count)
    }

    private mutating func finish() {
        var allocated = largeBytes
        var liveBlocks = largeLive &+ whaleCache.fields.pointee.liveCount.load(ordering: .relaxed)
        for index in 1..<SizeClass.end {
            allocated &+= classes[index].live &* SizeClass(index: index).blockBytes
            liveBlocks &+= classes[index].live
            total.calls_malloc += UInt64(classes[index].served)
        }
        let whales = whaleCache.fields.pointee.mappedBytes.load(ordering: .relaxed)
        let cached = whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed)
        let served = whaleCache.fields.pointee.served.load(ordering: .relaxed)
        let hits = whaleCache.fields.pointee.hits.load(ordering: .relaxed)
        total.calls_malloc += UInt64(served)
        // A realloc that moves takes a block and frees one: neither is a call of the program's.
        total.calls_free = total.calls_malloc &- UInt64(liveBlocks) &- UInt64(servedInside)
        let inside = total.calls_calloc + total.calls_aligned + UInt64(servedInside)
        if process.options.countsEveryCall {
            total.calls_malloc -= min(inside, total.calls_malloc)
        }
        total.bytes_allocated = UInt64(allocated &+ whales &- cached)
        total.bytes_active += UInt64(whales &- cached)
        total.bytes_mapped += UInt64(whales)
        total.bytes_retained += UInt64(cached)
        total.bytes_metadata = UInt64(metadata.fields.pointee.usedBytes.load(ordering: .relaxed))
        total.whale_cache_hits = UInt64(hits)
        total.whale_cache_misses = UInt64(served &- hits)
        total.spans_acquired = UInt64(
            pageHeap.fields.pointee.spansAcquired.load(ordering: .relaxed))
        total.purges = UInt64(counters.purges.load(ordering: .relaxed))
        total.bytes_purged = UInt64(counters.purgedBytes.load(ordering: .relaxed))
        total.calls_mmap = UInt64(counters.mmap.load(ordering: .relaxed))
        total.calls_munmap = UInt64(counters.munmap.load(ordering: .relaxed))
        total.calls_mremap = UInt64(counters.mremap.load(ordering: .relaxed))
        total.threads = UInt64(cachePool.fields.pointee.ownedCount.load(ordering: .relaxed))
        total.thread_caches = UInt64(cachePool.fields.pointee.cacheCount.load(ordering: .relaxed))
        total.errors_ignored = UInt64(Report.ignored.load(ordering: .relaxed))
        total.site_samples = UInt64(SiteSamples.figures.samples)
        total.site_samples_dropped = UInt64(SiteSamples.figures.dropped)
        total.site_cache_hits = UInt64(SiteSamples.figures.hits)
        let known = SiteSamples.known
        total.sites = UInt64(known.sites)
        total.site_rules = UInt64(known.rules)
        total.class_count = UInt64(SizeClass.end - 1)
    }
}
