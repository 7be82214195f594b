// SPDX-License-Identifier: MIT
//
// The library without its traits beside the one with all of them: what learning and timing cost
// those who do without. HAKMEM_TEST_BARE_LIBRARY names it; .ci/run builds it.

import Foundation
import Testing

@Suite(.enabled(if: Binary.bare != nil && Binary.isBuilt, "no bare library is named"))
struct BareLibraryTests {
    private static let instructionsMax = 60

    @Test(arguments: ["malloc", "free", "_Znwm", "_ZdlPv"])
    func hitPathsAreTheSame(name: String) throws {
        let bare = try #require(Binary.bare)
        let paths = try [Binary.path, bare].map { library in
            try #require(
                try Instruction.straightPath(
                    of: name, in: library, max: BareLibraryTests.instructionsMax))
        }
        #expect(paths[0].map(\.unplaced) == paths[1].map(\.unplaced))
    }

    private func symbols(_ library: String) throws -> [String] {
        try Binary.lines(["nm", "llvm-nm"], [library])
    }

    /// The word that names the active strategy, and all that would read or write it.
    @Test func noAtomicOfLearningIsLeft() throws {
        let bare = try symbols(try #require(Binary.bare))
        for word in ["activeRow", "Evolution", "Tournament", "metersAddress", "LearntProfile"] {
            #expect(try symbols(Binary.path).contains { $0.contains(word) }, "\(word)")
            #expect(!bare.contains { $0.contains(word) }, "\(word)")
        }
    }

    @Test func itShowsTheSameNames() throws {
        let bare = try #require(Binary.bare)
        func names(_ library: String) throws -> Set<String> {
            let lines = try Binary.lines(["nm", "llvm-nm"], ["-D", "--defined-only", library])
            return Set(lines.compactMap { $0.split(separator: " ").last.map(String.init) })
        }
        #expect(try names(bare) == names(Binary.path))
    }
}
