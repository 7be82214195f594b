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
        let check = StartCheck(blockBytes: block, bottom: 0)
        let full = UInt(sizeClass.stackSlotsMax) * 8
        for region in StartCheckTests.regions {
            for address in region..<region + 1 << 14 {
                let excess = StartCheck.excess(address, check.reciprocal)
                if address % block == 0 {
                    if excess != 0 { Issue.record("\(address) is refused for \(block)") }
                } else if excess < full {
                    Issue.record("\(address) passes for \(block) with \(excess)")
                }
            }
        }
    }

    @Test func layoutIsSound() { StartCheck.assertLayout() }
}
