// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SizeClassTests {
    private static let all = (1..<SizeClass.end).map { SizeClass(index: $0) }

    @Test func everySizeHasTheSmallestClassThatFits() {
        var index = 1
        for bytes in 1...mediumMax {
            while SizeClass(index: index).blockBytes < bytes { index += 1 }
            if SizeClass(bytes: bytes).index != index {
                Issue.record("\(bytes): class \(SizeClass(bytes: bytes).index), not \(index)")
                return
            }
        }
        #expect(index == SizeClass.end - 1)
    }

    @Test func blockBytesRiseInUnits() {
        var before: UInt = 0
        for sizeClass in SizeClassTests.all {
            #expect(sizeClass.blockBytes > before)
            #expect(sizeClass.blockBytes % unitBytes == 0)
            before = sizeClass.blockBytes
        }
        #expect(before == mediumMax)
    }

    @Test func aClassIsItsBlockSizesClass() {
        for sizeClass in SizeClassTests.all {
            #expect(SizeClass(bytes: sizeClass.blockBytes) == sizeClass)
            if sizeClass.index > 1 {
                let below = SizeClass(index: sizeClass.index - 1).blockBytes
                #expect(SizeClass(bytes: below + 1) == sizeClass)
            }
        }
    }

    @Test func tinySmallAndMediumPart() {
        for sizeClass in SizeClassTests.all {
            #expect(sizeClass.isTiny == (sizeClass.blockBytes <= tinyMax))
            #expect(sizeClass.isSmall == (sizeClass.blockBytes <= smallMax))
        }
        #expect(SizeClassTests.all.filter(\.isSmall).count == SizeClass.smallCount)
    }

    @Test func hitPathsFindTheBinOfASize() {
        for bytes in tinyMax + 1...mediumMax {
            let offset = SizeClass.binOffset(bytesAboveTiny: bytes)
            if offset != SizeClass(bytes: bytes).binOffset {
                Issue.record("\(bytes) goes to the bin at \(offset)")
            }
        }
        for bytes in 1...tinyMax {
            #expect(SizeClass(bytes: bytes).binOffset == alignUp(bytes, to: unitBytes))
        }
    }

    /// A tiny block wastes less than a unit, another one at most a fifth of itself.
    @Test func wasteIsBounded() {
        for bytes in 1...mediumMax {
            let waste = SizeClass(bytes: bytes).blockBytes - bytes
            let bound = bytes <= tinyMax ? unitBytes - 1 : SizeClass(bytes: bytes).blockBytes / 5
            if waste > bound { Issue.record("\(bytes) wastes \(waste)") }
        }
    }

    @Test(arguments: [false, true]) func slabsAreSmallAndFull(isGrown: Bool) {
        for sizeClass in SizeClassTests.all {
            let granules = sizeClass.slabGranules(isGrown: isGrown)
            let bytes = granules << granuleShift
            #expect(1...17 ~= granules)
            #expect(granules >= sizeClass.slabGranules(isGrown: false))
            // Wherever in the slab the first multiple of the size is.
            for place in 0..<sizeClass.blockBytes {
                let before = place * granuleBytes % sizeClass.blockBytes
                let blocks = (bytes - before) / sizeClass.blockBytes
                let left = bytes - blocks * sizeClass.blockBytes
                if blocks < 8 || left > bytes / 8 {
                    Issue.record("\(blocks) of class \(sizeClass.index), \(left) bytes left")
                    break
                }
            }
        }
    }

    @Test func refillsFitTheStack() {
        for sizeClass in SizeClassTests.all {
            #expect(1...sizeClass.stackSlotsMax ~= sizeClass.refillMax)
            #expect(2...sizeClass.stackSlotsMax ~= sizeClass.stackSlotsFirst)
            #expect(sizeClass.stackSlotsMax <= sizeClass.stackDepthMax)
            #expect(sizeClass.stackDepthMax <= UInt16.max)
        }
    }
}
