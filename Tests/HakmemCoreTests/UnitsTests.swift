// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct UnitsTests {
    @Test func sizesAreShiftsOfEachOther() {
        #expect(unitBytes == 16)
        #expect(lineBytes == unitBytes * 64)
        #expect(granuleBytes == lineBytes * linesPerGranule)
        #expect(tinyMax < smallMax && smallMax < mediumMax)
        #expect(mediumMax < largeMax && largeMax < requestMax)
        #expect(requestMax == UInt(Int.max))
    }

    @Test func alignUpGivesTheNextMultiple() {
        for alignment in (0..<16).map({ UInt(1) << UInt($0) }) {
            for value in UInt(0)..<300 {
                let aligned = alignUp(value, to: alignment)
                #expect(aligned % alignment == 0 && aligned >= value)
                #expect(aligned - value < alignment)
            }
        }
    }

    @Test func powersOfTwo() {
        let powers = Set((0..<UInt(UInt.bitWidth)).map { UInt(1) << $0 })
        for value in Array(UInt(0)..<2000) + Array(powers) + powers.map({ $0 &- 1 }) {
            #expect(isPowerOfTwo(value) == powers.contains(value))
        }
    }
}
