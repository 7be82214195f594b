// SPDX-License-Identifier: MIT
//
// What the meters of the process say at one moment. The difference of two is what a window cost.
//
// Costs are counted for each block that was handed out, and not for each slow call: how many slow
// calls there are is what strategies change (a wide refill has fewer), how many blocks the program
// needs is not. Sizes are counted by class, whichever calls took a slow path: a block of a slab
// counts as the part of a refill that it is.

#if HAKMEM_LEARNING
    import CHakmemShim
    import Synchronization

    struct WindowMeters {
        /// Nanoseconds and time-stamp counter.
        let ns: UInt
        let ticks: UInt64
        /// Blocks taken from slabs, large ones and whales.
        let blocks: UInt
        /// Time in slow paths, in ticks.
        let slowTicks: UInt
        let pageFaults: UInt
        /// What caches, realloc and the purger did, counted since the start.
        let counts: Demands
        /// Blocks by size, weighted by what they cost about, counted since the start.
        private let weights: InlineArray<32, UInt>

        /// What a medium block, a large one and a whale count, in small ones.
        private static let mediumWeight: UInt = 4
        private static let largeWeight: UInt = 16
        private static let whaleWeight: UInt = 128

        init(nowNs: UInt) {
            ns = nowNs
            ticks = hak_ticks()
            slowTicks = WindowMeters.slowTicks
            pageFaults = SystemCall.pageFaults()
            let whales = whaleCache.fields.pointee.served.load(ordering: .relaxed)
            let whaleHits = whaleCache.fields.pointee.hits.load(ordering: .relaxed)
            var counts = Demands()
            var weights = InlineArray<32, UInt>(repeating: 0)
            var larges: UInt = 0
            var blocks: UInt = 0
            cachePool.forEachCache { cache in
                let large = cache.header.pointee.largeServed.load(ordering: .relaxed)
                larges &+= large
                counts.largeMisses &+=
                    large &- cache.header.pointee.largeHits.load(ordering: .relaxed)
                counts.refills &+= cache.header.pointee.refills.load(ordering: .relaxed)
                counts.moves &+= cache.header.pointee.reallocMoves.load(ordering: .relaxed)
                for index in 1..<SizeClass.end {
                    let sizeClass = SizeClass(index: index)
                    let taken = cache.record(sizeClass).pointee.taken.load(ordering: .relaxed)
                    let weight = sizeClass.isSmall ? 1 : WindowMeters.mediumWeight
                    blocks &+= taken
                    counts.refilledBlocks &+= taken
                    weights[SizeDistribution.bucket(sizeClass.blockBytes)] &+= taken &* weight
                }
            }
            counts.whaleMisses = whales &- whaleHits
            counts.purges =
                counters.purges.load(ordering: .relaxed)
                &+ counters.munmap.load(ordering: .relaxed)
            self.counts = counts
            weights[SizeDistribution.bucket(mediumMax + 1)] &+= larges &* WindowMeters.largeWeight
            weights[SizeDistribution.bucket(largeMax + 1)] &+= whales &* WindowMeters.whaleWeight
            self.weights = weights
            self.blocks = blocks &+ larges &+ whales
        }

        /// How the blocks handed out since `start` spread over sizes.
        func sizes(since start: WindowMeters) -> SizeDistribution {
            var sizes = SizeDistribution()
            for bucket in 0..<SizeDistribution.bucketCount {
                let count = weights[bucket] &- start.weights[bucket]
                sizes.add(bucket: bucket, times: UInt32(clamping: count))
            }
            return sizes
        }

        /// Time in slow paths since the start, in ticks.
        static var slowTicks: UInt {
            Sections.total(.mallocSlow).ticks &+ Sections.total(.freeSlow).ticks
        }

        /// What was done since `start`.
        func demands(since start: WindowMeters) -> Demands {
            var demands = Demands()
            demands.refills = counts.refills &- start.counts.refills
            demands.refilledBlocks = counts.refilledBlocks &- start.counts.refilledBlocks
            demands.largeMisses = counts.largeMisses &- start.counts.largeMisses
            demands.whaleMisses = counts.whaleMisses &- start.counts.whaleMisses
            demands.moves = counts.moves &- start.counts.moves
            demands.purges = counts.purges &- start.counts.purges
            return demands
        }

        func nsPerTick(since start: WindowMeters) -> Double {
            Double(ns &- start.ns) / Double(max(ticks &- start.ticks, 1))
        }
    }

    extension CachePool {
        /// Bytes of freed large blocks that all thread caches keep: as of some moment.
        var keptLargeBytes: UInt {
            var kept: UInt = 0
            forEachCache { kept &+= $0.header.pointee.large.bytes }
            return kept
        }
    }
#endif
