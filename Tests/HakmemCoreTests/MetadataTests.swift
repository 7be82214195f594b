// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct MetadataTests {
        init() { StartedHeap.ensure() }

        @Test func recordsAreZeroAlignedAndDistinct() throws {
            var random = Randomness(seed: Randomness.printedSeed())
            let before = metadata.fields.pointee.usedBytes.load(ordering: .relaxed)
            var taken: [Range<UInt>] = []
            var sum: UInt = 0
            for _ in 0..<300 {
                let bytes = UInt(1 + random.below(random.below(20) == 0 ? 400_000 : 3000))
                let alignment: UInt = 8 << UInt(random.below(10))
                let record = metadata.allocate(bytes, alignment: alignment)
                let start = try #require(record)
                #expect(start % alignment == 0)
                #expect(UnsafeMutableRawPointer(bitPattern: start)!.isZero(bytes))
                let range = start..<start + bytes
                #expect(!taken.contains { $0.overlaps(range) })
                taken.append(range)
                sum += bytes
            }
            #expect(metadata.fields.pointee.usedBytes.load(ordering: .relaxed) - before == sum)
        }
    }
}
