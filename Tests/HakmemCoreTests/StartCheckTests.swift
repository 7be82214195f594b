// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct StartCheckTests {
    /// Addresses at the bottom, in the middle and at the top of a user's address space.
    private static let regions: [UInt] = [
        1 << 14, 1 << 22, 0x0000_5555_5000_0000, 0x0000_7F12_3456_8000, 1 << 47 - 1 << 14,
    ]

    @Test(arguments: 1...SizeClass.smallCount)
    func multiplesPassAndNothingElse(index: Int) {
        let sizeClass = SizeClass(index: index)
        let block = sizeClass.blockBytes
        let check = StartCheck(sizeClass, bottom: 0)
        let room = UInt(sizeClass.stackSlotsMax) * 8
        let top: UInt = 1 << 20
        for region in StartCheckTests.regions {
            for address in region..<region + 1 << 14 {
                let short = top &+ StartCheck.start &- check.checkedTop(top, address)
                let isStart = address % block == 0
                if check.isStart(address) != isStart || (short == 0) != isStart {
                    Issue.record("\(address) is taken for what it is not, for \(block)")
                } else if short != 0, short < room {
                    Issue.record("\(address) passes for \(block) with \(short)")
                }
            }
        }
    }

    @Test(arguments: SizeClass.smallCount + 1..<SizeClass.end)
    func noAddressPassesForAMediumBlock(index: Int) {
        let sizeClass = SizeClass(index: index)
        let check = StartCheck(sizeClass, bottom: 0)
        let room = UInt(sizeClass.stackSlotsMax) * 8
        let top: UInt = 1 << 20
        for region in StartCheckTests.regions {
            for address in region..<region + sizeClass.blockBytes {
                let short = top &+ StartCheck.start &- check.checkedTop(top, address)
                if check.isStart(address) || short < room {
                    Issue.record("\(address) passes for \(sizeClass.blockBytes)")
                }
            }
        }
    }

    @Test func layoutIsSound() { StartCheck.assertLayout() }
}
