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

    @Test func smallAndMediumPart() {
        for sizeClass in SizeClassTests.all {
            #expect(sizeClass.isSmall == (sizeClass.blockBytes <= smallMax))
            if !sizeClass.isSmall { #expect(0..<SizeClass.mediumCount ~= sizeClass.mediumIndex) }
        }
        #expect(SizeClassTests.all.filter(\.isSmall).count == SizeClass.smallCount)
    }

    /// A small block wastes less than a unit, a medium one at most a fifth of itself.
    @Test func wasteIsBounded() {
        for bytes in 1...mediumMax {
            let waste = SizeClass(bytes: bytes).blockBytes - bytes
            let bound = bytes <= smallMax ? unitBytes - 1 : SizeClass(bytes: bytes).blockBytes / 5
            if waste > bound { Issue.record("\(bytes) wastes \(waste)") }
        }
    }

    @Test(arguments: [false, true]) func slabsAreSmallAndFull(isGrown: Bool) {
        for sizeClass in SizeClassTests.all {
            let granules = sizeClass.slabGranules(isGrown: isGrown)
            let bytes = granules << granuleShift
            #expect(1...16 ~= granules)
            #expect(bytes / sizeClass.blockBytes >= 8)
            #expect(bytes % sizeClass.blockBytes <= bytes / 16)
            #expect(granules >= sizeClass.slabGranules(isGrown: false))
        }
    }

    @Test func refillsFitTheStack() {
        for sizeClass in SizeClassTests.all where sizeClass.isSmall {
            #expect(1...sizeClass.stackSlotsMax ~= sizeClass.refillMax)
            #expect(1...sizeClass.stackSlotsMax ~= sizeClass.stackSlotsFirst)
            #expect(sizeClass.stackSlotsMax <= sizeClass.stackDepthMax)
            #expect(sizeClass.stackDepthMax <= UInt16.max)
        }
    }
}
