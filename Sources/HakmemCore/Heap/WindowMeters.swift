// SPDX-License-Identifier: MIT
//
// What the meters of the process say at one moment. The difference of two is what a window cost.
//
// Costs are counted for each block that was handed out, and not for each slow call: how many slow
// calls there are is what strategies change (a wide refill has fewer), how many blocks the program
// needs is not.

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

        init(nowNs: UInt) {
            ns = nowNs
            ticks = hak_ticks()
            slowTicks =
                Sections.total(.mallocSlow).ticks &+ Sections.total(.freeSlow).ticks
            pageFaults = SystemCall.pageFaults()
            var blocks = whaleCache.fields.pointee.served.load(ordering: .relaxed)
            cachePool.forEachCache { cache in
                blocks &+= cache.header.pointee.largeServed.load(ordering: .relaxed)
                for index in 1..<SizeClass.end {
                    let record = cache.record(SizeClass(index: index))
                    blocks &+= record.pointee.taken.load(ordering: .relaxed)
                }
            }
            self.blocks = blocks
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
