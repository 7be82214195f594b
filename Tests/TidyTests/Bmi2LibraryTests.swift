// SPDX-License-Identifier: MIT
//
// The library for processors with BMI2. HAKMEM_TEST_BMI2_LIBRARY names it; .ci/run builds it.

import Testing

@Suite(.enabled(if: Binary.bmi2 != nil, "no library for BMI2 is named"))
struct Bmi2LibraryTests {
    private static let pairMax = 28

    @Test func aPairStaysWithinItsBound() throws {
        let library = try #require(Binary.bmi2)
        let paths = try ["malloc", "free"].map { name in
            try #require(
                try Instruction.straightPath(
                    of: name, in: library, max: Bmi2LibraryTests.pairMax))
        }
        #expect(paths[0].count + paths[1].count <= Bmi2LibraryTests.pairMax)
        #expect(paths[1].contains { $0.mnemonic.hasPrefix("pext") })
    }
}
