// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct StartCheckTests {
    /// Places at the bottom, in the middle and at the top of what the maps may cover.
    private static let regions: [UInt] = [
        1 << 14, 1 << 22, 0x0000_0155_5000_0000, 0x0000_0F12_3456_8000, 1 << 44 - 1 << 15,
    ]

    @Test(arguments: 1..<SizeClass.end)
    func multiplesPassAndNothingElse(index: Int) {
        let sizeClass = SizeClass(index: index)
        let block = sizeClass.blockBytes
        let check = StartCheck(sizeClass, bottom: 0)
        let room = UInt(sizeClass.stackSlotsMax) * 8
        let top: UInt = 1 << 20
        for region in StartCheckTests.regions {
            for address in region..<region + 1 << 15 {
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

    @Test func layoutIsSound() { StartCheck.assertLayout() }
}
