// SPDX-License-Identifier: MIT
//
// Which blocks of a slab a search finds.

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct LineSearchTests {
        @Test(arguments: [1, 4, 8, 12, 13, 16, 32, 64, 72, 73, 84])
        func blocksThatWereUsedComeBeforeNewOnes(index: Int) throws {
            try withCache { cache in
                let sizeClass = SizeClass(index: index)
                let (ready, taken) = try Block.takeNew(cache, sizeClass.blockBytes)
                let header = try #require(BlockMap.span(ready)).header
                let count = Int(BlockMapView().span(ready).blocks) / 2
                let more = try (taken.count..<count).map { _ in
                    try Block.take(sizeClass.blockBytes)
                }
                let used = header.pointee.usedBlocksOrStamp
                try require(used != UInt32.max && used >= count, "\(used) of \(count) used")
                (taken + more).forEach(Block.free)
                for _ in 0..<20 {
                    cache.flushBins()
                    try requireIntact(cache)
                    // Half as many as were used, of which each refill may bring a quarter more.
                    let some = try (0..<max(1, count / 2)).map { _ in
                        try Block.take(sizeClass.blockBytes)
                    }
                    try require(header.pointee.usedBlocksOrStamp == used, "it took new ones")
                    some.forEach(Block.free)
                }
            }
        }
    }
}
